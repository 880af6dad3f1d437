"""What people undo leaves every model at once, exactly, and the log says so."""

from datetime import timedelta

import pytest

from knowingly.recommend.interface.counts import decode_row
from knowingly.recommend.registry.signed import Signed
from knowingly.recommend.training import publishing
from knowingly.store import models as stored

WHO = "t000"
"""One of the tea shop's people who agreed to personalize, train and measure."""
ALGORITHMS = {
    "also_viewed": {},
    "bought_together": {},
    "ease": {},
    "item_item": {},
    "popularity": {"half_life_days": 20},
    "popular_in_category": {},
    "trending": {},
}


@pytest.fixture(scope="module")
def trained(tea_files, tmp_path_factory):
    """The tea shop with an order of two lines, and every algorithm that forgets exactly."""
    house = tea_files.copy(tmp_path_factory.mktemp("trained") / "tea")
    house.with_policy(models={"algorithms": ALGORITHMS, "min_item_subjects": 2, "min_subjects": 2})
    shop = house.open()
    at = shop.now() - timedelta(days=2)
    both = order(at, [("oolong", 2), ("sencha", 1)])
    shop.track([both, *({**both, "subject": who} for who in ("t001", "t002", "t003"))])
    shop.track(WHO, "view", "oolong", at=at - timedelta(days=1))
    shop.train()
    house.close()
    yield house
    house.remove()


@pytest.fixture
def shop_house(trained, tmp_path, clock):
    house = trained.copy(tmp_path / "copy")
    house.policy, house.clock = trained.policy, clock
    clock.forward(hours=1)
    yield house
    house.remove()


@pytest.fixture
def shop(shop_house):
    return shop_house.open()


def order(at, lines, **more):
    items = [{"item": item, "quantity": quantity} for item, quantity in lines]
    return {"subject": WHO, "id": "two lines", "at": at, "lines": items, **more}


def placed(shop):
    return shop.now() - timedelta(days=2, hours=1)


def buyers(shop, item):
    """How many people the served popularity has counted for an item, of whatever age."""
    with shop._tenancy.read() as snapshot:
        serving = shop.models._registry.at(snapshot)
        catalogue = shop._tenancy.catalogue.at(snapshot)
        place = int(serving.row_of[catalogue.row_of[item]])
        signed = Signed(shop._tenancy.keyring, serving.training)
        row = stored.count_rows(snapshot, serving.training, "popular_in_category", [place])
        body = signed.open_counts("popular_in_category", row)[place]
    return int(decode_row(body, 1)[0])


def together(shop):
    """How many people the served model has seen buy oolong and sencha in one order."""
    with shop._tenancy.read() as snapshot:
        serving = shop.models._registry.at(snapshot)
        rows = shop._tenancy.catalogue.at(snapshot).row_of
    model = serving.models["bought_together"]
    one, other = (int(serving.row_of[rows[item]]) for item in ("oolong", "sencha"))
    return int(model.count[one][model.neighbour[one] == other].sum())


def assert_exact(shop):
    for one in shop.models.compare_with_refit():
        assert one.largest_difference <= one.tolerance, one
    assert {card.in_service for card in shop.models.cards()} == {True}


def log_of(shop):
    return [one.facts for one in shop.audit.entries(limit=1_000) if one.kind == "models.forgot"]


UNDOINGS = {
    "hidden": lambda shop: shop.track(WHO, "hide", "oolong"),
    "all of it returned": lambda shop: shop.track(WHO, "return", "oolong", quantity=9),
    "returned by its order": lambda shop: shop.track(
        WHO, "return", "oolong", quantity=2, order="two lines"
    ),
    "dated before the training": lambda shop: shop.track(
        WHO, "hide", "oolong", at=shop.now() - timedelta(days=3)
    ),
}


@pytest.mark.parametrize("undo", UNDOINGS.values(), ids=UNDOINGS.keys())
def test_what_somebody_turns_down_leaves_the_models_at_once(shop, undo):
    """One person less for the item, in the call that took it in; the log says how long it took."""
    before, pairs = buyers(shop, "oolong"), together(shop)
    undo(shop)
    assert buyers(shop, "oolong") == before - 1
    assert together(shop) == pairs - 1
    assert_exact(shop)
    (said,) = log_of(shop)
    assert said["models"] == len(ALGORITHMS)
    assert (said["out_of_service"], said["to_refit"]) == (0, 0)
    assert said["microseconds"] > 0
    undo(shop)
    assert buyers(shop, "oolong") == before - 1
    assert len(log_of(shop)) == 1


EDITS = {
    "a line less": ([("sencha", 1)], {}),
    "another line": ([("sencha", 1), ("gunpowder", 1)], {}),
    "none": ([], {}),
    "cancelled": ([("oolong", 2), ("sencha", 1)], {"cancelled": True}),
}


@pytest.mark.parametrize(("lines", "more"), EDITS.values(), ids=EDITS.keys())
def test_what_an_edited_order_has_no_more_leaves_the_models(shop, lines, more):
    """The view of the item stays learned; the line and its pair do not, and nothing is added."""
    before, pairs, gunpowder = buyers(shop, "oolong"), together(shop), buyers(shop, "gunpowder")
    shop.track([order(placed(shop), lines, **more)])
    assert (buyers(shop, "oolong"), together(shop)) == (before, pairs - 1)
    assert buyers(shop, "gunpowder") == gunpowder
    assert_exact(shop)
    assert len(log_of(shop)) == 1


def test_a_cancelled_line_leaves_the_models(shop):
    """By an event of its own; some units of it leave it learned."""
    pairs = together(shop)
    shop.track(WHO, "cancel", "oolong", order="two lines")
    assert together(shop) == pairs
    shop.track(WHO, "cancel", "oolong", order="two lines")
    assert together(shop) == pairs - 1
    assert_exact(shop)


def test_what_undoes_nothing_learned_changes_nothing(shop, shop_house):
    """The same order again, a unit of two returned, and what came in after the training."""
    before = shop_house.rows("SELECT body FROM model_counts ORDER BY algorithm, row")
    lines = [("oolong", 2), ("sencha", 1)]
    shop.track([order(placed(shop), lines)])
    shop.track([order(placed(shop), [*lines, ("gunpowder", 3)])])
    shop.track(WHO, "return", "oolong", order="two lines")
    shop.track("t014", "hide", "oolong")
    assert shop_house.rows("SELECT body FROM model_counts ORDER BY algorithm, row") == before
    assert not log_of(shop)
    assert_exact(shop)


def test_several_people_of_a_batch_are_subtracted_at_once(shop):
    """Returns of a whole day are one change of the models."""
    bought = {}
    for n in range(200):
        for one in shop.profiles.view(f"t{n:03}", "train").events:
            bought.setdefault(f"t{n:03}", one.item)
    assert len(bought) == 140
    rows = [{"subject": who, "kind": "hide", "item": item} for who, item in bought.items()]
    shop.track(rows)
    assert_exact(shop)
    assert len(log_of(shop)) == 1


def test_what_is_undone_leaves_every_version(shop, clock):
    """Also one that is gone back to later."""
    before = buyers(shop, "oolong")
    shop.train()
    clock.forward(hours=1)
    shop.track(WHO, "hide", "oolong")
    shop.models.rollback()
    assert buyers(shop, "oolong") == before - 1
    assert_exact(shop)


def test_whoever_is_forgotten_later_is_subtracted_once(shop):
    """A part of what a person taught is gone; an erasure takes the rest and nothing more."""
    shop.track(WHO, "hide", "oolong")
    shop.rights.erase(WHO)
    assert_exact(shop)
    assert len(log_of(shop)) == 2


def test_a_merge_that_brings_an_undoing_undoes(shop, clock, agree):
    """What the session hid, the account has hidden: its models forget it in the same step."""
    before = buyers(shop, "oolong")
    agree(shop, "session")
    clock.forward(minutes=1)
    shop.track("session", "hide", "oolong")
    assert buyers(shop, "oolong") == before
    shop.profiles.merge("session", into=WHO)
    assert buyers(shop, "oolong") == before - 1
    assert_exact(shop)


def test_an_import_undoes_too(shop, shop_house):
    """A file of returns is no other way in."""
    before = buyers(shop, "oolong")
    file = shop_house.folder / "events.jsonl"
    file.write_text(f'{{"subject": "{WHO}", "kind": "hide", "item": "oolong"}}\n')
    shop.import_file(file)
    assert buyers(shop, "oolong") == before - 1
    assert_exact(shop)


def test_what_is_undone_while_a_fit_runs_is_not_published(shop, monkeypatch):
    """Who undid something after they were read is read again before the models are served."""
    fits = []

    def fit(algorithm, data):
        if not fits:
            shop.track(WHO, "hide", "oolong")
        fits.append(algorithm.name)
        return real(algorithm, data)

    real = publishing.fit
    before = buyers(shop, "oolong")
    monkeypatch.setattr(publishing, "fit", fit)
    shop.train()
    assert fits
    assert buyers(shop, "oolong") == before - 1
    assert_exact(shop)


def test_a_training_that_was_overtaken_reads_everybody_again(shop, monkeypatch):
    """Another one that was published meanwhile has taken the marks of who undid something."""
    seen = []

    def fit(algorithm, data):
        if not seen:
            seen.append(algorithm.name)
            shop.track(WHO, "hide", "oolong")
            shop.train()
        return real(algorithm, data)

    real = publishing.fit
    before = buyers(shop, "oolong")
    monkeypatch.setattr(publishing, "fit", fit)
    shop.train()
    assert len(shop.models.versions()) == 2
    assert buyers(shop, "oolong") == before - 1
    assert_exact(shop)


def test_a_training_up_to_a_moment_learns_nothing_that_was_undone_after_it(shop, clock):
    """A return of today undoes a purchase of last week, whatever the training reads up to."""
    before = buyers(shop, "oolong")
    shop.track(WHO, "hide", "oolong")
    shop.train()
    shop.train(until=clock.ago(minutes=30))
    assert buyers(shop, "oolong") == before - 1
    assert_exact(shop)


@pytest.mark.parametrize("undo", ["hide", "return"])
def test_what_is_too_old_to_be_read_undoes_nothing(shop_house, clock, undo):
    """A training does not see it, so what came after it is learned, and stays."""
    shop_house.with_purpose("train", keep_days=30)
    shop = shop_house.open()
    shop.retain(apply=True)
    shop.train()
    before = buyers(shop, "nettle")
    clock.forward(days=1)
    shop.track(WHO, undo, "nettle", at=clock.ago(days=30, minutes=1), quantity=9)
    shop.track(WHO, "purchase", "nettle")
    clock.forward(minutes=1)
    shop.train()
    assert buyers(shop, "nettle") == before + 1
    assert_exact(shop)
    shop.track(WHO, "hide", "oolong")
    shop.maintain(skip=("train", "release"))
    assert buyers(shop, "nettle") == before + 1
    assert_exact(shop)
    shop.track(WHO, "hide", "nettle")
    assert buyers(shop, "nettle") == before
    assert_exact(shop)


def test_a_crash_leaves_the_event_and_what_was_learned(shop, shop_house, monkeypatch):
    """Both are in one transaction: neither is there without the other."""
    before, events = buyers(shop, "oolong"), shop_house.count("events")

    def cut(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stored, "change_manifests", cut)
        with pytest.raises(KeyboardInterrupt):
            shop.track(WHO, "hide", "oolong")
    assert (buyers(shop, "oolong"), shop_house.count("events")) == (before, events)
    assert_exact(shop)
    shop.track(WHO, "hide", "oolong")
    assert buyers(shop, "oolong") == before - 1


def test_a_permission_that_begins_later_takes_what_was_before_it(shop_house, agree):
    """Where a yes holds for fewer days by a new policy, one after it begins anew."""
    shop = shop_house.open()
    before = buyers(shop, "oolong")
    agree(shop, WHO, ["train"])
    assert buyers(shop, "oolong") == before
    shop_house.close()
    shop_house.with_purpose("train", valid_days=30)
    shop = shop_house.open()
    shop.retain(apply=True)
    assert shop.profiles.view(WHO, "train").decision.allowed
    assert not shop.profiles.view(WHO, "train").events
    assert shop.rights.export(WHO)["manifests"][0]["events"] == []
    assert_exact(shop)


def test_a_model_that_cannot_subtract_waits_for_its_refit(tea_house, clock):
    """As where somebody is forgotten whole: by a deadline, or not at all if the policy says so."""
    tea_house.with_policy(models={"algorithms": {"popularity": {}, "spectral": {}}})
    tea = tea_house.open()
    tea.train()
    clock.forward(hours=1)
    tea.track(WHO, "hide", tea.profiles.view(WHO, "train").events[0].item)
    due = {card.algorithm: card.refit_by for card in tea.models.cards()}
    assert due == {"popularity": None, "spectral": clock.now + timedelta(days=7)}
    assert log_of(tea)[0]["to_refit"] == 1
