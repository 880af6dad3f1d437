"""What was learned is stored before it is published, and whatever happens in between is heeded."""

import pytest

from knowingly.recommend.training import gather, publishing
from knowingly.store import models as stored

WHO = "t000"
"""One of the tea shop's people who agreed to personalize, train and measure."""
OF_EACH = "SELECT training, count(*) FROM manifests GROUP BY training ORDER BY training"
OF_WHO = (
    "SELECT count(*) FROM manifests WHERE subject ="
    " (SELECT subject FROM manifests GROUP BY subject ORDER BY subject LIMIT 1)"
)


class CrashError(Exception):
    """The process is gone."""


@pytest.fixture
def shop(tea_house, clock):
    shop = tea_house.open()
    clock.forward(hours=1)
    return shop


@pytest.fixture
def once_staged(monkeypatch):
    """Do something when all manifests of the next training are stored, and of those after it."""

    def then(*works):
        real, left = publishing.stage, list(works)

        def stage(*args):
            staged = real(*args)
            if left:
                left.pop(0)()
            return staged

        monkeypatch.setattr(publishing, "stage", stage)

    return then


def crash():
    raise CrashError


def numbers(house):
    return [row[0] for row in house.rows(OF_EACH)]


def assert_exact(shop):
    compared = shop.models.compare_with_refit()
    assert compared
    for one in compared:
        assert one.largest_difference <= one.tolerance, one
    assert {card.in_service for card in shop.models.cards()} == {True}


def grant(shop):
    shop.consent.grant(WHO, ["train", "personalize"], notice="2026-01/en")


YES = {"subject": WHO, "action": "grant", "purposes": ["train"], "notice": "2026-01/en"}


LEAVING = {
    "withdraws": lambda shop, clock: shop.consent.withdraw(WHO, ["train"]),
    "is erased": lambda shop, clock: shop.rights.erase(WHO),
    "is restricted": lambda shop, clock: shop.consent.record(
        [{"subject": WHO, "action": "restrict"}]
    ),
    "withdraws, and agrees again": lambda shop, clock: (
        shop.consent.withdraw(WHO),
        clock.forward(minutes=1),
        grant(shop),
    ),
    "is said to have withdrawn, and agreed again, before": lambda shop, clock: shop.consent.record(
        [
            {"subject": WHO, "action": "withdraw", "purposes": ["train"], "at": clock.ago(hours=2)},
            {**YES, "at": clock.ago(hours=1)},
        ]
    ),
}


@pytest.mark.parametrize("what", LEAVING)
def test_whoever_leaves_between_is_not_in_what_is_published(what, shop, clock, once_staged):
    """Their manifest left with them, and what they taught is subtracted before it is served."""
    before = shop.models.cards()[0].people
    once_staged(lambda: LEAVING[what](shop, clock))
    assert shop.train().people == before - 1
    assert shop.models.cards()[0].people == before - 1
    assert_exact(shop)


def test_whose_permission_runs_out_between_is_not_in_what_is_published(shop, clock, once_staged):
    """No choice says so, but retention has made the models forget them, and taken the manifest."""
    once_staged(lambda: (clock.forward(days=400), shop.retain(apply=True)))
    assert shop.train().people == 0
    assert shop.models.cards()[0].people == 0
    assert_exact(shop)


def test_what_is_undone_between_is_not_published(shop, tea_house, once_staged):
    """Of who undid something the manifest says what is left, as the models have it."""
    once_staged(lambda: shop.track(WHO, "hide", "oolong"))
    trained = shop.train()
    assert_exact(shop)
    assert 0 not in numbers(tea_house)
    shop.rights.erase(WHO)
    assert_exact(shop)
    assert shop.models.cards()[0].people == trained.people - 1


def test_what_is_undone_and_restored_between_is_published(shop, clock, once_staged, monkeypatch):
    """An order that is edited twice ends where it began, and so does what is learned from it."""

    def edit(units):
        lines = [{"item": "oolong", "quantity": units}] if units else [{"item": "sencha"}]
        shop.track([{"subject": WHO, "id": "edited", "at": at, "lines": lines}], strict=True)
        clock.forward(minutes=1)

    at = shop.now()
    clock.forward(minutes=1)
    edit(2)
    shop.train()

    def fit(algorithm, data):
        fits.append(algorithm.name)
        if len(fits) == 1:
            # So that everybody is read again when their manifest is stored.
            shop.train()
            edit(0)
        return real(algorithm, data)

    fits, real = [], publishing.fit
    monkeypatch.setattr(publishing, "fit", fit)
    once_staged(lambda: None, lambda: edit(2))
    shop.train()
    assert_exact(shop)
    shop.rights.erase(WHO)
    assert_exact(shop)


def test_another_training_between_is_no_harm(shop, clock, once_staged):
    """It has swept what was stored, and taken the marks: everybody is stored and read again."""

    def overtake():
        shop.track(WHO, "hide", "oolong")
        clock.forward(minutes=1)
        shop.consent.withdraw("t003")
        shop.train()
        clock.forward(minutes=1)
        shop.track("t020", "hide", "oolong")

    once_staged(overtake)
    shop.train()
    assert len(shop.models.versions()) == 2
    assert_exact(shop)
    shop.models.rollback()
    assert_exact(shop)


def test_a_training_that_is_killed_leaves_nothing_that_counts(
    shop, tea_house, clock, once_staged, monkeypatch
):
    """Nobody sees what it stored; a forget takes it along, and the next training sweeps it."""
    before = numbers(tea_house)
    compared = shop.models.versions()
    once_staged(crash)
    with pytest.raises(CrashError):
        shop.train()
    monkeypatch.undo()
    killed = shop._tenancy.ask(lambda snapshot: snapshot.head.next_training) - 1
    assert numbers(tea_house) == [*before, killed]
    assert shop.models.versions() == compared
    assert_exact(shop)
    shop.rights.erase(WHO)
    sizes = dict(tea_house.rows(OF_EACH))
    assert sizes[before[-1]] == sizes[killed] == compared[0].people - 1
    clock.forward(minutes=1)
    assert shop.train().training == killed + 1
    assert numbers(tea_house) == [*before, killed + 1]
    assert_exact(shop)


def test_a_killed_training_does_not_stop_a_new_key(shop, tea_house, once_staged, monkeypatch):
    """What it stored is sealed anew with the rest, and goes with the next training."""
    once_staged(crash)
    with pytest.raises(CrashError):
        shop.train()
    monkeypatch.undo()
    shop.keys.reseal(WHO)
    shop.train()
    assert_exact(shop)


def test_others_write_while_what_was_learned_is_stored(shop, monkeypatch):
    """Each part is a turn of its own: before the next one a customer's event comes in."""
    monkeypatch.setattr("knowingly.profiles.scan.PEOPLE_AT_ONCE", 20)
    written = []

    def tell(what, done, total):
        if what == "noting what was learned":
            written.append((done, total, shop.track(WHO, "view", "oolong").kept))

    shop.train(progress=tell)
    assert len(written) > 5
    assert {kept for *_, kept in written} == {1}
    assert [done for done, *_ in written] == list(range(written[0][1]))
    assert_exact(shop)


def test_a_no_while_what_was_learned_is_stored_is_heeded(shop, clock, monkeypatch):
    """Whoever withdraws before their part is stored has no manifest, also where it ends there."""
    monkeypatch.setattr("knowingly.profiles.scan.PEOPLE_AT_ONCE", 20)
    before = shop.models.cards()[0].people

    def tell(what, done, total):
        if (what, done) == ("noting what was learned", 0):
            clock.forward(minutes=1)
            shop.consent.withdraw(WHO)
            shop.consent.withdraw("t190")

    assert shop.train(progress=tell).people == before - 2
    assert_exact(shop)


def test_a_pruned_version_takes_its_manifests_along(shop, tea_house, clock):
    """Those of the version in service stay."""
    shop.train()
    kept = [one.version for one in shop.models.versions()]
    assert numbers(tea_house) == sorted(kept)
    assert shop.models.prune() == (min(kept),)
    assert numbers(tea_house) == [max(kept)]


def test_a_sweep_leaves_a_training_that_is_under_way(shop, tea_house, once_staged):
    """Pruning while another has stored what it learned, and does not yet serve it."""
    shop.train()
    once_staged(shop.models.prune)
    trained = shop.train()
    assert dict(tea_house.rows(OF_EACH))[trained.training] == trained.people
    assert_exact(shop)


def test_marks_are_sealed_and_of_no_training(shop, tea_house):
    """They wait for the next training, which takes them."""
    shop.track(WHO, "hide", "oolong")
    assert numbers(tea_house)[0] == stored.MARK
    shop.train()
    assert stored.MARK not in numbers(tea_house)
    assert gather.PURPOSE == "train"
