"""Versions of models: which are kept, what is forgotten from them, and going back to one."""

import json
from dataclasses import asdict
from datetime import timedelta

import numpy as np
import pytest
from pydantic import BaseModel

import knowingly
from knowingly import Algorithm, Block, CountingAlgorithm, ItemScores, hookimpl
from knowingly.errors import InputError, NotFittedError, PluginError, PluginLoadError
from knowingly.ledger import merkle
from knowingly.recommend.registry import manifest
from knowingly.recommend.training import versions
from knowingly.store.models import learned_size

WHO = "t000"
"""One of the tea shop's people who agreed to personalize, train and measure."""
PEOPLE = 140
NOTICE = "2026-01/en"
EXACT = dict.fromkeys(("bought_together", "item_item", "popularity", "trending"), 0.0)


class NoOptions(BaseModel, frozen=True, extra="forbid"):
    """None."""


class Recent(Algorithm[NoOptions]):
    """One that cannot subtract."""

    name = "recent"
    forgets = "refit"

    def fit(self, data):
        return ItemScores(np.bincount(data.item, minlength=data.n_items))


class Shifty(CountingAlgorithm):
    """One that an upgrade may change under what it counted."""

    name = "shifty"
    mode = "well"

    def count(self, block: Block):
        return block.matrix(tuple(knowingly.EventKind)).sum(axis=0).reshape(-1, 1)

    def build(self, counts):
        if Shifty.mode == "raises":
            raise RuntimeError("secret of t000")
        if Shifty.mode == "another form":
            return knowingly.ItemNeighbours.strongest(counts)
        return ItemScores.from_counts(counts.rows(np.arange(counts.n_items))[:, 0], counts.floor)


def with_plugin(house, one, **rules):
    """Open the tea shop with a plugin trained and asked first on the home page."""

    class Module:
        @staticmethod
        @hookimpl
        def knowingly_algorithms():
            return [one]

    home = house.policy.slots["home"]
    asked = {**home.model_dump(), "algorithms": (one.name, *home.algorithms)}
    house.policy = house.policy.model_copy(update={"slots": {**house.policy.slots, "home": asked}})
    trained = {**house.policy.models.algorithms, one.name: {}}
    house.with_policy(models={"algorithms": trained, **rules})
    shop = house.open()
    shop.plugins.add("test_plugin", Module())
    return shop


def much_happens(shop, clock):
    """Half of the people buy two things that go together with nothing else they had."""
    clock.forward(hours=1)
    rows = [
        {"subject": f"t{number:03}", "kind": "purchase", "item": item}
        for number in range(100)
        for item in ("scale", "sencha")
    ]
    shop.track(rows)
    clock.forward(hours=1)


def second(shop, clock):
    """Something happens, and another version is trained."""
    much_happens(shop, clock)
    return shop.train().training


@pytest.fixture
def two(tea, clock):
    """The tea shop with two versions, the second in service."""
    second(tea, clock)
    return tea


def pages(shop):
    """What some people are shown."""
    return [[hit.item for hit in shop.recommend(f"t{n:03}", k=6)] for n in range(0, 200, 9)]


def numbers(shop):
    return [one.version for one in shop.models.versions()]


def learned_events(shop):
    """How many events each version has learned and not forgotten, the newest first."""
    with shop._tenancy.read() as snapshot:
        return [manifest.events_in(*learned_size(snapshot, number)) for number in numbers(shop)]


def active(shop):
    [one] = [one.version for one in shop.models.versions() if one.active]
    return one


def stored(house, table, **where):
    """How many rows of a table there are, of a version or a model."""
    named = " AND ".join(f"{column} = ?" for column in where) or "1 = 1"
    return house.rows(f"SELECT count(*) FROM {table} WHERE {named}", *where.values())[0][0]  # noqa: S608


def test_as_many_versions_are_kept_as_the_policy_says(tea, tea_house, clock):
    """The newest stay; one that is not in service has its counts and manifests and no more."""
    second(tea, clock)
    clock.forward(hours=1)
    tea.train()
    assert numbers(tea) == [3, 2]
    assert active(tea) == 3
    for table in ("trainings", "models", "model_counts", "manifests"):
        assert not stored(tea_house, table, training=1)
        assert stored(tea_house, table, training=2)
    assert not stored(tea_house, "model_rows", training=2)
    tea_house.close()
    tea_house.with_policy(models={"keep": 1})
    tea = tea_house.open()
    clock.forward(hours=1)
    tea.train()
    assert numbers(tea) == [4]
    with pytest.raises(NotFittedError, match="keep"):
        tea.models.rollback()


def test_a_rollback_serves_what_was_served(tea, clock, gaps):
    """The same pages, figure for figure; numbers go on rising, and what was left can be again."""
    much_happens(tea, clock)
    before = pages(tea)
    assert tea.train().training == 2
    after = pages(tea)
    assert after != before
    done = tea.models.rollback()
    assert (done.from_version, done.to_version) == (2, 1)
    assert done.algorithms == tuple(EXACT)
    assert active(tea) == 1
    assert tea.recommend(WHO).notes == ()
    assert pages(tea) == before
    assert gaps(tea) == EXACT
    entry = tea.audit.entries(limit=500)[-1]
    assert (entry.kind, entry.facts) == ("models.rolled_back", {"from": 2, "to": 1})
    assert tea.models.rollback(to=2).to_version == 2
    assert pages(tea) == after
    assert gaps(tea) == EXACT
    tea.models.rollback()
    clock.forward(hours=1)
    assert tea.train().training == 3
    # The one that was in service is kept, not the one that was left for a reason.
    assert numbers(tea) == [3, 1]
    assert tea.audit.verify()


FORGETS = {
    "withdrawal": lambda shop: shop.consent.withdraw(WHO, ["train"]),
    "objection": lambda shop: shop.consent.object(WHO),
    "restriction": lambda shop: shop.rights.restrict(WHO),
    "erasure": lambda shop: shop.rights.erase(WHO),
    "merge": lambda shop: shop.profiles.merge(WHO, into="t015"),
}


@pytest.mark.parametrize("what", FORGETS)
def test_whoever_is_forgotten_is_in_no_version(two, tea_house, clock, gaps, what):
    """Between a training and a rollback, and after it: each version equals a refit without them."""
    assert stored(tea_house, "manifests") == 2 * PEOPLE
    clock.forward(minutes=1)
    FORGETS[what](two)
    # A merge marks the account for the next training.
    assert [stored(tea_house, "manifests", training=n) for n in (1, 2)] == [PEOPLE - 1] * 2
    assert [one.people for one in two.models.versions()] == [PEOPLE - 1] * 2
    two.models.rollback()
    assert gaps(two) == EXACT
    two.consent.withdraw("t020")
    assert gaps(two) == EXACT
    two.models.rollback(to=2)
    assert gaps(two) == EXACT
    assert two.models.cards()[0].people == PEOPLE - 2


def test_everyone_leaves_every_version(two, tea_house, gaps):
    """When the last one has gone, no count is left in any version."""
    everyone = [f"t{n:03}" for n in range(200)]
    two.consent.record([{"subject": one, "action": "withdraw"} for one in everyone])
    assert not stored(tea_house, "manifests")
    two.models.rollback()
    assert gaps(two) == EXACT
    with two._tenancy.read() as snapshot:
        models = two._registry.at(snapshot).models
    assert not models["popularity"].scores.any()
    assert not models["item_item"].total.any()


def test_who_is_forgotten_during_a_rollback_is_not_served(two, clock, gaps, monkeypatch):
    """Once while it is made again, and as often as there are attempts: it ends, and is right."""
    real = versions._remade

    def interrupted(who):
        left = list(who)

        def remade(tenancy, snapshot, *args):
            made = real(tenancy, snapshot, *args)
            if left:
                clock.forward(minutes=1)
                two.rights.erase(left.pop())
            return made

        monkeypatch.setattr(versions, "_remade", remade)

    interrupted([WHO])
    assert two.models.rollback().to_version == 1
    assert gaps(two) == EXACT
    interrupted(["t001", "t002", "t003"])
    assert two.models.rollback(to=2).to_version == 2
    assert gaps(two) == EXACT
    assert two.models.cards()[0].people == PEOPLE - 4


def test_a_training_during_a_rollback_decides_where_it_goes(two, clock, gaps, monkeypatch):
    """What was the one before is looked up again under the lock; numbers never fall."""
    real, done = versions._remade, []

    def remade(*args):
        made = real(*args)
        if not done:
            done.append(1)
            clock.forward(minutes=1)
            two.train()
        return made

    monkeypatch.setattr(versions, "_remade", remade)
    rolled = two.models.rollback()
    assert (rolled.from_version, rolled.to_version) == (3, 2)
    assert gaps(two) == EXACT


def test_a_version_that_is_pruned_during_a_rollback_is_not_put_in_service(two, gaps, monkeypatch):
    """Nothing would be left to serve: the one in service stays."""
    real = versions._remade

    def remade(*args):
        made = real(*args)
        two.models.prune()
        return made

    monkeypatch.setattr(versions, "_remade", remade)
    with pytest.raises(InputError, match="version: expected one that is kept"):
        two.models.rollback(to=1)
    assert (active(two), numbers(two)) == (2, [2])
    assert gaps(two) == EXACT
    assert two.recommend(WHO).notes == ()


def test_what_items_are_is_asked_again_for_a_rollback(tea_house, clock, gaps):
    """A model that goes by categories has them when it is made again from its counts."""
    tea_house.with_policy(models={"algorithms": {"popular_in_category": {}}})
    tea = tea_house.open()
    second(tea, clock)
    second(tea, clock)
    tea.rights.erase(WHO)
    tea.models.rollback()
    assert gaps(tea) == {"popular_in_category": 0.0}


def test_a_model_that_cannot_forget_never_comes_back(tea_house, clock, gaps):
    """Of every version that had learned from the person its parameters are deleted for good."""
    tea = with_plugin(tea_house, Recent, forget="strict")
    first, last = second(tea, clock), second(tea, clock)
    assert stored(tea_house, "model_rows", training=first, algorithm="recent")
    tea.models.rollback()
    assert tea.recommend(WHO).notes == ()
    tea.models.rollback(to=last)
    tea.rights.erase(WHO)
    assert not stored(tea_house, "model_rows", algorithm="recent")
    for to in (first, last):
        done = tea.models.rollback(to=to)
        assert done.algorithms == tuple(EXACT)
        assert tea.recommend("t001").notes == ("recent is not in service",)
        assert gaps(tea) == EXACT
    assert [one.out_of_service for one in tea.models.versions()] == [("recent",)] * 2


def test_a_model_that_waits_for_its_refit_does_so_in_service_alone(tea_house, clock):
    """The version in service keeps its deadline; others have the model no more, and never again."""
    tea = with_plugin(tea_house, Recent)
    first, last = second(tea, clock), second(tea, clock)
    tea.rights.erase(WHO)
    assert {one.version: one.out_of_service for one in tea.models.versions()} == {
        first: ("recent",),
        last: (),
    }
    deadline = {card.algorithm: card.refit_by for card in tea.models.cards()}["recent"]
    assert deadline == clock.now + timedelta(days=7)
    for version in (first, last):
        tea.models.rollback(to=version)
        assert tea.recommend("t001").notes == ("recent is not in service",)


@pytest.mark.parametrize("mode", ["raises", "another form", "gone"])
def test_a_plugin_that_cannot_make_its_model_again_stops_a_rollback(tea_house, clock, mode):
    """It is named; what is in service stays."""
    Shifty.mode = "well"
    tea = with_plugin(tea_house, Shifty)
    second(tea, clock)
    last = second(tea, clock)
    if mode == "gone":
        tea_house.close()
        tea = tea_house.open()
    Shifty.mode = mode
    with pytest.raises(PluginLoadError if mode == "gone" else PluginError, match="shifty") as error:
        tea.models.rollback()
    assert "secret" not in str(error.value)
    assert active(tea) == last
    assert tea.recommend(WHO).basis == "personal"


def test_expired_events_leave_every_version(tea_house, clock, gaps):
    """Retention subtracts them; nothing waits for a training, and one can go back all the same."""
    tea_house.with_purpose("train", keep_days=30)
    tea = tea_house.open()
    clock.forward(days=15)
    second(tea, clock)
    before = learned_events(tea)
    foretold = tea.retain()
    assert learned_events(tea) == before
    done = tea.retain(apply=True)
    assert done == foretold
    assert done.expired["events"]["too_old"]
    assert done.models_forgot
    assert learned_events(tea)[1] < before[1]
    assert tea.retain() == knowingly.Retained()
    assert gaps(tea) == EXACT
    tea.models.rollback()
    assert gaps(tea) == EXACT
    clock.forward(days=15)
    before = learned_events(tea)
    tea.models.rollback(to=2)
    assert 0 < learned_events(tea)[0] < before[0]
    assert gaps(tea) == EXACT
    clock.forward(days=20)
    tea.retain(apply=True)
    assert learned_events(tea) == [0, 0]
    assert gaps(tea) == EXACT


def test_a_permission_that_runs_out_leaves_every_version(two, tea_house, clock, gaps):
    """Retention forgets from a version that is not in service too."""
    clock.forward(days=396)
    two.retain(apply=True)
    assert not stored(tea_house, "manifests")
    assert gaps(two) == EXACT


def test_a_permission_that_ran_out_is_not_served_again(tea, tea_house, clock, gaps):
    """Whom retention has not come to yet is forgotten first, and the log says so."""
    clock.forward(days=396)
    assert tea.train().people == 0
    assert stored(tea_house, "manifests", training=1) == PEOPLE
    tea.models.rollback()
    assert not stored(tea_house, "manifests")
    assert gaps(tea) == EXACT
    lapsed, rolled = tea.audit.entries(limit=500)[-2:]
    assert (lapsed.kind, lapsed.facts["people"]) == ("retention.lapsed", PEOPLE)
    assert rolled.kind == "models.rolled_back"


def test_a_version_with_a_lower_floor_does_not_come_back(two, tea_house):
    """What fewer people share than today's policy says is not shown again."""
    tea_house.close()
    tea_house.with_policy(models={"min_subjects": 9, "min_item_subjects": 9})
    shop = tea_house.open()
    with pytest.raises(InputError, match="floor"):
        shop.models.rollback()


def test_a_floor_that_was_raised_holds_at_once(two, tea_house, gaps):
    """What was learned under a lower one waits for a training, forgets meanwhile, and says so."""
    assert two.recommend(WHO, slot="home").basis == "personal"
    tea_house.close()
    lower = tea_house.policy
    tea_house.with_policy(models={"min_subjects": 9, "min_item_subjects": 9})
    shop = tea_house.open()
    page = shop.recommend(WHO, slot="home")
    assert {hit.source for hit in page} == {"catalog"}
    assert "item_item is not in service" in page.notes
    assert set(shop.stats()["models_out_of_service"]) == set(EXACT)
    assert {card.in_service for card in shop.models.cards()} == {False}
    assert all("floor" in card.fault for card in shop.models.cards())
    shop.rights.erase(WHO)
    assert gaps(shop) == EXACT
    tea_house.close()
    tea_house.policy = lower
    assert {card.in_service for card in tea_house.open().models.cards()} == {True}
    tea_house.close()
    tea_house.with_policy(models={"min_subjects": 9, "min_item_subjects": 9})
    raised = tea_house.open()
    raised.train()
    assert {card.in_service for card in raised.models.cards()} == {True}
    assert {hit.source for hit in raised.recommend("t001", slot="home")} != {"catalog"}


def test_another_process_takes_a_rollback_up(two, tea_house, gaps):
    """Without reopening; whoever holds a version keeps it whole."""
    other = tea_house.open()
    with other._tenancy.read() as snapshot:
        held = other._registry.at(snapshot)
        arrays = {name: model.arrays() for name, model in held.models.items()}
        newest = pages(other)
        two.models.rollback()
        # This snapshot is of the version before.
        assert other._registry.at(snapshot) is held
    assert active(other) == 1
    with other._tenancy.read() as snapshot:
        # Loaded once, though its number is lower, and not for every page.
        assert other._registry.at(snapshot) is other._registry.at(snapshot)
    assert pages(other) == pages(two) != newest
    assert gaps(other) == EXACT
    two.consent.withdraw(WHO)
    assert gaps(other) == EXACT
    assert held.training == 2
    for name, model in held.models.items():
        for key, array in model.arrays().items():
            assert array is arrays[name][key] or np.array_equal(array, arrays[name][key])


def test_pruning_deletes_what_is_not_in_service(two, tea_house, gaps):
    """Or one of them, and never the one in service; the log says which."""
    with pytest.raises(InputError, match="not in service: 1"):
        two.models.prune(2)
    assert two.models.prune() == (1,)
    assert two.models.prune() == ()
    assert numbers(two) == [2]
    assert not stored(tea_house, "model_counts", training=1)
    assert gaps(two) == EXACT
    entry = two.audit.entries(limit=500)[-1]
    assert (entry.kind, entry.facts) == ("models.pruned", {"versions": [1]})
    with pytest.raises(NotFittedError):
        two.models.rollback()


def test_rights_see_every_version(two, clock):
    """An export says what each version learned, with names; and no use is without its ground."""
    learned = two.rights.export(WHO)["manifests"]
    assert [one["training"] for one in learned] == [1, 2]
    assert all(one["events"] for one in learned)
    assert "scale" in {event["item"] for event in learned[1]["events"]}
    assert not [one for one in two.audit.unfounded() if one.found]


def of_item_item(shop, version):
    """Its card in a version."""
    return next(one for one in shop.models.cards(version) if one.algorithm == "item_item")


def test_a_card_says_what_a_version_is(two, tea_house, clock):
    """Of each version: what it learned from, then and now, and the log and policy of that time."""
    old, new = of_item_item(two, 1), of_item_item(two, 2)
    assert (old.active, new.active) == (False, True)
    assert (old.people, old.events) == (old.people_at_training, old.events_at_training)
    assert new.events > old.events + 100
    assert (old.options["neighbours"], old.options["measure"]) == (100, "corrected")
    assert old.events_from < old.events_until < old.trained_at + timedelta(microseconds=1)
    mine = two.rights.export(WHO)["manifests"][0]["events"]
    two.rights.erase(WHO)
    left = of_item_item(two, 1)
    assert left.people == old.people - 1
    assert left.events == old.events - len(mine) < left.events_at_training == old.events
    first = tea_house.rows("SELECT leaf FROM ledger_entries ORDER BY idx")[: old.ledger_size]
    frontier = []
    for _ in merkle.grow(0, frontier, [merkle.leaf_hash(bytes(leaf)) for (leaf,) in first]):
        pass
    assert old.ledger_root == merkle.root(frontier).hex()
    read = json.loads(left.to_json())
    assert (read["floor"], read["differentially_private"]) == (5, False)
    assert read["ledger_root"] == old.ledger_root
    page = left.to_markdown()
    assert page.startswith("# item_item, version 1\n")
    for words in ("kept, not in service", "No evaluation", "Not differentially private", "`"):
        assert words in page


def test_figures_are_kept_of_what_was_evaluated(tea, tea_house, clock):
    """Of algorithms with the options they are served with, on the version in service alone."""
    clock.forward(days=1)
    found = tea.evaluate(k=5, consent_rates=())
    assert tea.models.record(found) == tuple(EXACT)
    card = of_item_item(tea, 1)
    ndcg = next(one for one in found.scores if one.algorithm == "item_item").figures["ndcg"]
    assert card.metrics["figures"]["ndcg"] == asdict(ndcg)
    assert (card.metrics["k"], card.metrics["tested"]) == (5, found.tested)
    assert f"| ndcg | {ndcg.value:.4f} |" in card.to_markdown()
    tea.train()
    assert not any(one.metrics for one in tea.models.cards())
    tea.models.rollback()
    assert card.metrics in [one.metrics for one in tea.models.cards()]
    tea_house.close()
    tea_house.with_policy(models={"algorithms": {"item_item": {"neighbours": 7}, "popularity": {}}})
    shop = tea_house.open()
    assert shop.models.record(shop.evaluate(k=5, consent_rates=())) == ("popularity",)
    for bad in (None, "x", found.as_dict()):
        with pytest.raises(InputError):
            shop.models.record(bad)


def test_figures_of_another_served_version_are_not_kept(tea, clock):
    """What was measured of one version says nothing of the next."""
    clock.forward(days=1)
    first = tea.train(until=clock.ago(days=40))
    served = tea.evaluate(k=5, served=True, consent_rates=())
    assert served.split.timestamp() * 1e6 == first.until_us
    tea.train()
    assert tea.models.record(served) == ()
    tea.models.rollback()
    assert tea.models.record(served) == tuple(EXACT)


def test_what_is_wrong_with_a_version_is_said(shop, two):
    """Nothing trained, or no such version: which there are."""
    with pytest.raises(NotFittedError):
        shop.models.rollback()
    assert shop.models.versions() == []
    assert shop.models.prune() == ()
    for call in (two.models.rollback, two.models.prune):
        with pytest.raises(InputError, match="not in service: 1"):
            call(9)
    with pytest.raises(InputError, match="kept: 1, 2"):
        two.models.cards(9)
    with pytest.raises(InputError):
        two.models.rollback(2)
    for bad in (True, "1", 1.0, [1], 2**70):
        for call in (two.models.rollback, two.models.prune, two.models.cards):
            with pytest.raises(InputError):
                call(bad)
