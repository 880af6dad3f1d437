"""Evaluating a shop: what is learned from, what is tested on, and what is said of it."""

import json
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

import knowingly
from knowingly import Algorithm, ItemScores, hookimpl
from knowingly.evaluate import scoring
from knowingly.evaluate.metrics import METRICS
from knowingly.evaluate.slots import SlotScorer
from knowingly.policy import Blend, Slot
from knowingly.recommend.pages.evidence import evidence_for
from knowingly.recommend.pages.visit import Request


def plugin(*classes):
    """A plugin with these algorithms, as an installed one would register."""

    @hookimpl
    def knowingly_algorithms():
        return list(classes)

    return SimpleNamespace(knowingly_algorithms=knowingly_algorithms)


def trained_with(house, *names, **options):
    """A shop whose policy trains these."""
    return house.with_policy(models={"algorithms": {name: {} for name in names}, **options})


def simple_shop(house, clock, agree):
    """Twelve people who each bought a, b and c before the split, and d or e after it.

    Six bought d before as well: to them it is not new.
    """
    shop = trained_with(house, "popularity").open()
    shop.items.upsert([{"id": one, "categories": ["tea"]} for one in "abcdef"])
    people = [f"p{n}" for n in range(12)]
    for person in people:
        agree(shop, person, at=clock.ago(days=90))
    rows = []
    for n, person in enumerate(people):
        had = "abcd" if n < 6 else "abc"
        rows += [(person, item, 60) for item in had] + [(person, "d", 5), (person, "e", 4)]
    rows += [(person, "e", 61) for person in people[6:11]]  # so that e is ranked
    shop.track(
        {"subject": who, "kind": "purchase", "item": item, "at": clock.ago(days=days)}
        for who, item, days in rows
    )
    return shop


def figure(found, algorithm, name):
    score = next(one for one in found.scores if one.algorithm == algorithm)
    return score.figures[name].value


def test_by_hand(house, clock, agree):
    """New to six is e alone, to five d alone, to one both: figures that paper gives."""
    shop = simple_shop(house, clock, agree)
    found = shop.evaluate(k=1, consent_rates=())
    assert (found.items, found.catalogue, found.people) == (5, 6, 12)
    # p0 to p5: e is new; p6 to p10: d; p11: d and e.
    assert (found.tested, found.bought, found.out_of_reach, found.cold_people) == (12, 13, 0, 0)
    # Of what is left, p0 to p5 are shown e, p6 to p10 d, and p11 d, that more people chose.
    assert figure(found, "popularity", "ndcg") == 1
    assert figure(found, "popularity", "recall") == pytest.approx((11 + 0.5) / 12)
    assert figure(found, "popularity", "coverage") == 2 / 5
    # d and e are one category, and so is all they had.
    assert figure(found, "popularity", "calibration") == 0


def test_repeats_count_where_they_are_asked_for(house, clock, agree):
    """Then nothing is filtered, and what people bought most before stands beside."""
    shop = simple_shop(house, clock, agree)
    found = shop.evaluate(k=4, repeats=True, consent_rates=())
    assert found.bought == 24
    names = [score.algorithm for score in found.scores]
    assert names == ["popularity", "item_item", "own_frequency", "slot home"]
    # Its list is what each had, in catalogue order: d is in it for the first six, e for the next.
    assert figure(found, "own_frequency", "hit_rate") == pytest.approx(11 / 12)
    assert "own_frequency" not in {
        score.algorithm for score in shop.evaluate(consent_rates=()).scores
    }


def test_what_happened_after_the_split_is_not_learned(house, clock, agree):
    """A purchase after it changes no list; a cancellation after it takes nothing from before it."""
    shop = simple_shop(house, clock, agree)
    before = shop.evaluate(k=1, consent_rates=())
    agree(shop, "late", at=clock.ago(days=80))
    shop.track("late", "purchase", "f", at=clock.ago(days=2))
    assert shop.evaluate(k=1, consent_rates=()) == before
    shop.track("p0", "purchase", "f", at=clock.ago(days=50), order="o1")
    with_f = shop.evaluate(k=1, consent_rates=())
    shop.track({"subject": "p0", "kind": "cancel", "order": "o1", "at": clock.ago(days=1)})
    assert shop.evaluate(k=1, consent_rates=()) == with_f


def test_a_purchase_that_was_returned_is_none(house, clock, agree):
    """Nor one that was cancelled: neither is what a list should have held."""
    shop = simple_shop(house, clock, agree)
    shop.track("p0", "return", "e", at=clock.ago(days=3))
    found = shop.evaluate(k=1, consent_rates=())
    assert (found.tested, found.bought) == (11, 12)


def test_who_does_not_agree_to_train_is_neither_learned_from_nor_tested(house, clock, agree):
    """A withdrawal takes a person out of the next evaluation, on both sides of the split."""
    shop = simple_shop(house, clock, agree)
    shop.consent.withdraw("p0", ["train"])
    found = shop.evaluate(k=1, consent_rates=())
    assert (found.people, found.tested) == (11, 11)


def test_cold_people_and_items_stand_apart(house, clock, agree):
    """Who has no history, and what nobody chose before, is in no other figure."""
    shop = simple_shop(house, clock, agree)
    before = shop.evaluate(k=1, consent_rates=())
    for n in range(5):
        agree(shop, f"new{n}", at=clock.ago(days=10))
        shop.track(f"new{n}", "purchase", "a", at=clock.ago(days=5))
        shop.track(f"p{n}", "purchase", "f", at=clock.ago(days=5))
    found = shop.evaluate(k=1, consent_rates=())
    assert (found.cold_people, found.out_of_reach, found.tested) == (5, 5, 12)
    assert [score.figures for score in found.scores] == [score.figures for score in before.scores]
    popular = next(one for one in found.scores if one.algorithm == "popularity")
    assert (popular.by_history[0].name, popular.by_history[0].people) == ("0", 5)
    assert popular.by_history[0].hit_rate == 1  # a is what most people chose, and first
    cold = popular.by_popularity[-1]
    assert (cold.name, cold.items, cold.bought, cold.recall) == ("cold", 1, 5, 0)


def test_buckets_of_few_people_have_no_figures(tea):
    """Three people's figures would nearly be one person's."""
    found = tea.evaluate(k=5, consent_rates=())
    for score in found.scores:
        assert sum(one.people for one in score.by_history) == found.tested + found.cold_people
        for bucket in score.by_history:
            assert (bucket.ndcg is None) == (bucket.people < 5)
    assert any(bucket.ndcg is None and bucket.people for bucket in found.scores[0].by_history)


def test_a_figure_that_says_something_of_few_people_is_none(house, clock, agree):
    """Of one person the calibration can be told, and it would be the report's."""
    shop = simple_shop(house, clock, agree)
    shop.items.upsert([{"id": one} for one in "abcd"])
    for person in ("x0", "x1", "x2", "x3", "p0"):
        agree(shop, person, at=clock.ago(days=90))
        shop.track(person, "view", "f", at=clock.ago(days=50))
    found = shop.evaluate(k=1, consent_rates=())
    assert found.tested == 12
    for score in found.scores:
        told = score.figures["calibration"]
        assert (told.value, told.low, told.high) == (None, None, None)
    assert figure(found, "popularity", "ndcg") == 1


def test_served_models_are_those_fitted_up_to_the_same_moment(tea_house, clock):
    """Training until the split and testing what is served gives the very same figures."""
    # Not what describes items: that is never trained, and so not among what is served here.
    tea_house.with_policy(models={"algorithms": {"item_item": {}, "popularity": {}}})
    tea = tea_house.open()
    split = clock.ago(days=20)
    tea.train(until=split)
    served = tea.evaluate(k=5, served=True)
    fitted = tea.evaluate(k=5, split=split)
    assert (served.served, fitted.served) == (True, False)
    assert (served.scores, served.tests) == (fitted.scores, fitted.tests)
    assert served.by_consent_rate == fitted.by_consent_rate != ()


def test_it_publishes_and_writes_nothing(tea_house):
    """The models, the log and every row stay as they were."""
    shop = tea_house.open()
    before = everything(tea_house)
    shop.evaluate(k=5)
    assert everything(tea_house) == before


def everything(house):
    """What an evaluation could have written to."""
    tables = ("events", "ledger_entries", "models", "trainings", "subjects")
    return [house.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]  # noqa: S608


def test_accuracy_by_consent_rate_tests_the_same_people(tea):
    """Fewer are learned from at each step, and everyone's row is the main table's."""
    found = tea.evaluate(k=5)
    by_name = {score.algorithm: score for score in found.scores}
    for name, score in by_name.items():
        rows = [one for one in found.by_consent_rate if one.algorithm == name]
        assert [one.rate for one in rows] == [1.0, 0.7, 0.4]
        assert rows[0].ndcg == score.figures["ndcg"]
        assert rows[0].people > rows[1].people > rows[2].people > 0
        assert rows[0].items >= rows[1].items >= rows[2].items
    assert tea.evaluate(k=5) == found
    assert tea.evaluate(k=5, consent_rates=[1.0]).by_consent_rate == ()


def test_every_figure_lies_in_its_interval(tea):
    """And every figure of the catalogue is there, as JSON too."""
    found = tea.evaluate(k=5)
    for score in found.scores:
        assert list(score.figures) == [metric.name for metric in METRICS]
        for one in score.figures.values():
            assert one.low is None or one.low <= one.value <= one.high
    document = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert document["scores"][0]["figures"]["ndcg"]["value"] == figure(
        found, found.scores[0].algorithm, "ndcg"
    )


def test_blocks_of_people_change_nothing(tea, monkeypatch):
    """One at a time or all at once."""
    whole = tea.evaluate(k=5, consent_rates=())
    monkeypatch.setattr(scoring, "_PEOPLE_AT_ONCE", 7)
    parts = tea.evaluate(k=5, consent_rates=())
    for one, other in zip(whole.scores, parts.scores, strict=True):
        for name, expected in one.figures.items():
            assert other.figures[name].value == pytest.approx(expected.value)
        assert one.by_popularity == other.by_popularity


def test_progress_is_told(tea):
    """Reading, fitting, ranking, comparing; never more done than there is."""
    told = []
    tea.evaluate(progress=lambda *step: told.append(step))
    assert {what.split(" ")[0] for what, _, _ in told} == {
        "reading",
        "fitting",
        "ranking",
        "comparing",
    }
    assert all(0 <= done <= total for _, done, total in told)


def test_baselines_stand_beside_whatever_the_policy_trains(tea_house):
    """And one that may not be loaded is noted, not missed in silence."""
    shop = trained_with(tea_house, "popularity").open()
    assert {score.algorithm: score.baseline for score in shop.evaluate().scores} == {
        "popularity": True,
        "item_item": True,
        "slot home": False,
    }
    tea_house.close()
    shop = tea_house.with_policy(plugins={"allow": ("popularity",)}).open()
    found = shop.evaluate()
    assert [score.algorithm for score in found.scores] == ["popularity", "slot home"]
    assert any("the baseline item_item was left out" in note for note in found.notes)


class Raises(Algorithm):
    name = "raises"
    forgets = "refit"

    def fit(self, data):
        raise RuntimeError("secret of t000")


class GivesNan(Algorithm):
    """Its scores go wrong after the fit."""

    name = "gives_nan"
    forgets = "refit"

    def fit(self, data):
        model = ItemScores(np.ones(data.n_items))
        model.score = lambda query: np.full(query.n_items, np.nan)
        return model


@pytest.mark.parametrize("broken", [Raises, GivesNan], ids=lambda one: one.name)
def test_a_plugin_that_fails_is_named_with_the_cure(tea_house, broken):
    """It raises, or its scores are not numbers; what it said itself is not repeated."""
    shop = trained_with(tea_house, "popularity", broken.name).open()
    shop.plugins.add("broken", plugin(broken))
    with pytest.raises(knowingly.PluginError, match=broken.name) as error:
        shop.evaluate()
    assert error.value.plugin == broken.name
    assert "secret" not in str(error.value)
    assert "leave it out of [models.algorithms]" in error.value.__notes__[0]


def test_an_algorithm_that_no_plugin_has_is_named(tea_house):
    """Before anything is fitted."""
    shop = trained_with(tea_house, "nowhere").open()
    with pytest.raises(knowingly.PluginLoadError, match="nowhere"):
        shop.evaluate()


def test_what_is_missing_is_said_with_the_cure(house, clock, agree):
    """No items, nobody before the split, no item of enough people, nobody after it, too few."""

    def refused():
        with pytest.raises(knowingly.NotFittedError) as error:
            shop.evaluate()
        return str(error.value)

    shop = house.open()
    assert "import items" in refused()
    shop.items.upsert([{"id": one} for one in "abc"])
    for n in range(6):
        agree(shop, f"p{n}", at=clock.ago(days=90))
    assert "did anything before the split" in refused()
    shop.track("p0", "purchase", "a", at=clock.ago(days=60))
    assert "no item was chosen by 5 people" in refused()
    for n in range(6):
        shop.track(f"p{n}", "purchase", "a", at=clock.ago(days=60, hours=n + 1))
        shop.track(f"p{n}", "purchase", "b", at=clock.ago(days=60, hours=n + 1)) if n else None
    assert "choose an earlier split" in refused()
    shop.track("p0", "purchase", "b", at=clock.ago(days=3))
    assert "fewer than 5 people" in refused()
    with pytest.raises(knowingly.NotFittedError, match="call train first"):
        shop.evaluate(served=True)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"k": 0}, "k"),
        ({"k": 101}, "k"),
        ({"k": True}, "k"),
        ({"seed": -1}, "seed"),
        ({"split": "yesterday"}, "split"),
        ({"served": True, "split": "now"}, "split"),
        ({"consent_rates": [0.0]}, "consent_rates"),
        ({"consent_rates": [True]}, "consent_rates"),
        ({"consent_rates": 0.5}, "consent_rates"),
        ({"consent_rates": [0.5] * 11}, "consent_rates"),
        ({"slots": "home"}, "slots"),
        ({"slots": 5}, "slots"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_arguments_out_of_bounds_are_refused(tea, options, field):
    """By name, before anything is read."""
    with pytest.raises(knowingly.InputError) as error:
        tea.evaluate(**options)
    assert error.value.field == field


def test_a_split_to_come_is_refused(tea, clock):
    """Nothing can have happened after it."""
    with pytest.raises(knowingly.InputError, match="past"):
        tea.evaluate(split=clock.now + timedelta(days=1))


BLENDED = Slot(
    algorithms=(Blend(blend={"item_item": 1.0, "popularity": 0.5}, candidates=3), "popularity"),
    exclude=("seen",),
    k=40,
)


def with_home(house, slot):
    """A shop with this home slot, as a policy file would say it."""
    slots = {name: one.model_dump() for name, one in house.policy.slots.items()}
    slots["home"] = slot.model_dump()
    house.policy = house.policy.model_copy(update={"slots": slots})
    return house


AGAIN = Slot(
    algorithms=(Blend(blend={"buy_again": 2.0, "item_item": 1.0}), "buy_again", "popularity"),
    exclude=(),
    k=40,
)


@pytest.mark.parametrize(("slot", "repeats"), [(BLENDED, False), (AGAIN, True)])
def test_a_slot_is_ranked_as_its_page_is(tea_house, slot, repeats):
    """The very list of a page without rules, of everyone who agreed, where items are modelled."""
    tea_house.with_policy(models={"min_subjects": 2, "min_item_subjects": 2})
    shop = with_home(tea_house, slot).open()
    shop.train()
    for person in (f"t{n:03}" for n in range(10)):
        page = shop.recommend(person, slot="home")
        with shop._tenancy.read() as snapshot:
            visit = shop._reader.read(snapshot, Request(person), [slot])
        serving = visit.serving
        query, _ = evidence_for(visit, slot).query(serving)
        members = {name: model.score for name, model in serving.models.items()}
        scores = SlotScorer(slot, members, repeats)(query)
        best = serving.items[np.argsort(-scores, kind="stable")[: np.count_nonzero(scores)]]
        assert [visit.catalogue.ids[row] for row in best] == [
            hit.item for hit in page if hit.source != "catalog"
        ]
        assert len(best) > 3


def test_slots_are_tested_by_name(tea):
    """Those asked for, at every rate; none where none is; and one that there is not is named."""
    found = tea.evaluate(k=5, slots=["product", "cart"])
    names, own = {"slot product", "slot cart"}, tea.policy.models.algorithms
    assert {score.algorithm for score in found.scores} == {*own, *names}
    assert names <= {one.algorithm for one in found.by_consent_rate}
    assert names <= {one.first for one in found.tests} | {one.second for one in found.tests}
    plain = tea.evaluate(k=5, slots=[], consent_rates=())
    assert {score.algorithm for score in plain.scores} == {*own}
    with pytest.raises(knowingly.UnknownSlotError):
        tea.evaluate(slots=["nowhere"])


def test_what_describes_items_is_tested_where_models_are_served(tea_house, clock):
    """It is in service without a training, and so in the slot."""
    blend = Slot(algorithms=(Blend(blend={"content": 1.0, "popularity": 1.0}),))
    shop = trained_with(with_home(tea_house, blend), "content", "popularity").open()
    shop.train(until=clock.ago(days=20))
    served = shop.evaluate(k=5, served=True, consent_rates=())
    fitted = shop.evaluate(k=5, split=clock.ago(days=20), consent_rates=())
    by_name = {score.algorithm: score for score in served.scores}
    assert by_name.keys() == {"content", "popularity", "item_item", "slot home"}
    assert by_name == {score.algorithm: score for score in fitted.scores}
    assert not served.notes
