"""Slots: what the rules of the policy file make of a page."""

from datetime import UTC, date, datetime
from operator import attrgetter

import numpy as np
import pytest

import knowingly
from knowingly import Algorithm, ItemScores, Query
from knowingly.recommend import guard

TRAINED = "t000"


class Upside(Algorithm):
    """Scores the catalogue's last item best."""

    name = "upside"
    forgets = "stateless"

    def fit(self, data):
        return ItemScores(np.arange(1.0, data.n_items + 1))


class Gone(Algorithm):
    """Its model fails on every page."""

    name = "gone"
    forgets = "stateless"

    def fit(self, data):
        return ItemScores(np.arange(1.0, data.n_items + 1))


class Huge(Algorithm):
    """Its scores are finite, and no multiple of them is."""

    name = "huge"
    forgets = "stateless"
    sign = 1.0

    def fit(self, data):
        return ItemScores(self.sign * np.linspace(0.5e308, 1.7e308, data.n_items))


class Deep(Huge):
    """The same below 0."""

    name = "deep"
    sign = -1.0


class Plugin:
    """The plugin of them."""

    @staticmethod
    @knowingly.hookimpl
    def knowingly_algorithms():
        return [Upside, Gone, Huge, Deep]


def opened(house, *, train=(), **slots):
    """The tea shop with these slots beside its own."""
    said = {name: slot.model_dump() for name, slot in house.policy.slots.items()}
    for name, rules in slots.items():
        said[name] = {"algorithms": ["item_item", "popularity"], **rules}
    house.policy = house.policy.model_copy(update={"slots": said})
    if train:
        trained = {**house.policy.models.algorithms, **{name: {} for name in train}}
        house.with_policy(models={"algorithms": trained})
    shop = house.open()
    if train:
        shop.plugins.add("slots", Plugin())
        shop.train()
    return shop


def items(page):
    return [hit.item for hit in page]


def facts(shop):
    """Brand and categories by item id."""
    with shop._tenancy.read() as snapshot:
        ids = shop._tenancy.catalogue.at(snapshot).ids
        table = shop._tenancy.tables.at(snapshot)
    return {one: table.categories[row] for row, one in enumerate(ids)}


def prices(page):
    return [hit.price for hit in page]


@pytest.mark.parametrize("name", ["huge", "deep"])
def test_scores_too_large_to_add_or_multiply_are_left_out_with_a_note(tea_house, name):
    """As what is no number is: the rest of the page keeps its order."""
    boosts = [{"where": "price > 0", "factor": 1000.0}]
    blend = {"blend": {name: 1_000_000.0, "item_item": 1.0}}
    tea = opened(
        tea_house,
        train=[name],
        alone={"algorithms": [name, "item_item"], "boosts": boosts},
        mixed={"algorithms": [blend], "boosts": boosts},
        plain={"algorithms": ["item_item"], "boosts": boosts},
    )
    plain = tea.recommend(TRAINED, slot="plain")
    for slot, then in {"alone": "the next source", "mixed": "it was left out"}.items():
        page = tea.recommend(TRAINED, slot=slot)
        assert any(note.startswith(f"{name} failed; {then}") for note in page.notes)
        assert page.hits == plain.hits
    with pytest.raises(knowingly.PluginError, match=r"at most 1e\+100"):
        guard.score(name, ItemScores(np.array([0.0, -1.1e100])), Query(2))


def test_where_holds_for_every_source(tea_house):
    """Algorithms, the catalogue and pins alike; a stranger's page too."""
    where = '"ware" in categories and price >= 12'
    tea = opened(tea_house, dear={"where": where, "pins": [{"item": "assam"}], "k": 20})
    for subject in (TRAINED, None):
        page = tea.recommend(subject, slot="dear")
        assert 0 < len(page) < 20
        assert all(price >= 12 for price in prices(page))
        assert all(facts(tea)[item] == ("ware",) for item in items(page))


def test_a_blend_offers_the_one_item_that_where_leaves(tea_house):
    """Nothing can be told apart from it, and it is still what the algorithms say."""
    blend = {"blend": {"item_item": 1.0, "popularity": 0.5}}
    rules = {"algorithms": [blend], "exclude": [], "where": 'title == "Sencha"'}
    for by in ("score", "rank"):
        tea = opened(tea_house, one={**rules, "algorithms": [{**blend, "by": by}]})
        (hit,) = tea.recommend(TRAINED, slot="one")
        assert hit.source == "item_item+popularity"


def test_where_follows_the_items(tea_house):
    """A price that changes counts for the very next page."""
    tea = opened(tea_house, cheap={"where": "price < 5", "k": 40})
    before = items(tea.recommend(slot="cheap"))
    assert "assam" in before
    assert "teapot" not in before
    tea.items.upsert([{"id": "assam", "price": 50}, {"id": "teapot", "price": 1}])
    after = items(tea.recommend(slot="cheap"))
    assert "assam" not in after
    assert "teapot" in after


def test_a_missing_value_equals_nothing(tea_house):
    """An item without a price is not cheap, and not dear; it is "not cheap"."""
    rules = {"cheap": "price < 50", "dear": "price >= 50", "other": "not price < 50"}
    tea = opened(tea_house, **{name: {"where": where, "k": 50} for name, where in rules.items()})
    tea.items.upsert([{"id": "unpriced"}])
    found = {name: "unpriced" in items(tea.recommend(slot=name)) for name in rules}
    assert found == {"cheap": False, "dear": False, "other": True}


def test_what_was_bought_long_ago_may_come_back(tea_house, clock, agree):
    """Only the days that the slot names count."""
    tea = opened(tea_house, again={"bought_within_days": 10, "k": 50}, never={"k": 50})
    agree(tea, "new")
    clock.forward(minutes=1)
    tea.track("new", "purchase", "assam")
    clock.forward(days=9)
    assert "assam" not in items(tea.recommend("new", slot="again"))
    clock.forward(days=2)
    assert "assam" in items(tea.recommend("new", slot="again"))
    assert "assam" not in items(tea.recommend("new", slot="never"))


def test_a_variant_stands_for_its_product(tea_house):
    """In the basket, and as a pin."""
    tea = opened(tea_house, pinned={"pins": [{"item": "mug-l"}], "k": 50})
    tea.items.upsert([{"id": "mug", "variants": [{"id": "mug-s"}, {"id": "mug-l"}]}])
    assert items(tea.recommend(slot="pinned"))[0] == "mug"
    assert "mug" not in items(tea.recommend(slot="pinned", basket=["mug-s"]))


def test_a_boost_changes_the_order_and_nothing_else(tea_house):
    """The items are those of before, and a factor of 1 does nothing."""
    rules = {"algorithms": ["popularity"], "k": 50}
    ware = [{"where": '"ware" in categories', "factor": 1_000.0}]
    same = [{"where": "price > 0", "factor": 1.0}]
    tea = opened(
        tea_house, plain=rules, ware={**rules, "boosts": ware}, one={**rules, "boosts": same}
    )
    found = {
        slot: [hit.item for hit in tea.recommend(TRAINED, slot=slot) if hit.source == "popularity"]
        for slot in ("plain", "ware", "one")
    }
    assert sorted(found["plain"]) == sorted(found["ware"])
    kinds = [facts(tea)[item] == ("ware",) for item in found["ware"]]
    assert any(kinds), "there is something to boost"
    assert kinds == sorted(kinds, reverse=True)
    assert kinds != [facts(tea)[item] == ("ware",) for item in found["plain"]]
    assert found["one"] == found["plain"]


def test_what_is_bought_again_comes_first(tea_house, clock, agree):
    """By how often, then how lately; not what came back, was hidden or is sold out."""
    again = {"algorithms": ["buy_again"], "exclude": ["hidden", "out_of_stock"]}
    tea = opened(tea_house, again=again, never={"algorithms": ["buy_again"]})
    agree(tea, "w1")
    for item in ("assam", "mint", "sencha", "oolong", "assam", "mint", "assam", "chai", "rooibos"):
        clock.forward(days=1)
        tea.track("w1", "purchase", item)
    tea.track("w1", "return", "chai")
    tea.track("w1", "hide", "rooibos")
    page = tea.recommend("w1", slot="again", k=4)
    assert items(page) == ["assam", "mint", "oolong", "sencha"]
    reasons = [hit.reason for hit in page]
    assert reasons == [*(f"you bought it {n} times" for n in (3, 2)), *["you bought it before"] * 2]
    assert (page.basis, {hit.source for hit in page}) == ("personal", {"buy_again"})
    told = tea.explain("w1", "assam", slot="again", k=4)
    assert [one.item for one in told.events[:3]] == ["assam"] * 3
    assert not any(one.decisive for one in told.events[:3])

    assert "buy_again" not in {hit.source for hit in tea.recommend("w1", slot="never")}
    off = tea.recommend("w1", slot="again", profiling="off")
    stranger = tea.recommend(slot="again")
    assert items(off) == items(stranger)
    assert "buy_again" not in {hit.source for hit in stranger}
    tea.consent.withdraw("w1")
    assert "buy_again" not in {hit.source for hit in tea.recommend("w1", slot="again")}


@pytest.mark.parametrize("bought", [["assam"], ["assam", "mint", "scale"]])
def test_what_was_bought_once_has_a_say_in_a_blend(tea_house, clock, agree, bought):
    """What they did not buy has 0 from it, so it says something, also where it is one order."""
    blend = {"blend": {"buy_again": 100.0, "item_item": 1.0}}
    tea = opened(tea_house, mixed={"algorithms": [blend], "exclude": []})
    agree(tea, "w1")
    clock.forward(minutes=1)
    tea.track([{"subject": "w1", "kind": "purchase", "item": item} for item in bought])
    page = tea.recommend("w1", slot="mixed", k=10)
    assert set(items(page)[: len(bought)]) == set(bought)
    assert {hit.reason for hit in page.hits[: len(bought)]} == {"you bought it before"}
    assert len(page) == 10


def test_pins_stand_in_their_places(tea_house):
    """The next free one where two want the same; once each; never what the slot leaves out."""
    pins = [
        {"item": "scale", "position": 3},
        {"item": "tray", "position": 3},
        {"item": "spoon"},
        {"item": "scale", "position": 7},
        {"item": "cup", "position": 2},
        {"item": "samovar", "position": 5},
    ]
    tea = opened(tea_house, pinned={"pins": pins})
    tea.items.upsert([{"id": "cup", "in_stock": False}])
    for subject in (TRAINED, None):
        page = tea.recommend(subject, slot="pinned", k=8)
        found = items(page)
        assert [found[place] for place in (0, 2, 3)] == ["spoon", "scale", "tray"]
        assert len(set(found)) == len(page) == 8
        assert "cup" not in found
        assert [hit.source for hit in page].count("pinned") == 3
    assert items(tea.recommend(slot="pinned", k=1)) == ["spoon"]


def test_pins_come_and_go_by_day(tea_house, clock):
    """From the beginning of the first day to the end of the last, in UTC."""
    pin = {"item": "scale", "first_day": date(2026, 4, 2), "last_day": date(2026, 4, 3)}
    tea = opened(tea_house, pinned={"pins": [pin]})
    moments = {
        datetime(2026, 4, 1, 23, 59, 59, tzinfo=UTC): False,
        datetime(2026, 4, 2, tzinfo=UTC): True,
        datetime(2026, 4, 3, 23, 59, 59, tzinfo=UTC): True,
        datetime(2026, 4, 4, tzinfo=UTC): False,
    }
    for at, there in moments.items():
        clock.now = at
        assert (items(tea.recommend(slot="pinned"))[0] == "scale") is there


def test_caps_hold_over_the_whole_page(tea_house):
    """Whichever sources fill it, and where the catalogue is the only one."""
    tea = opened(tea_house, mixed={"max_per_category": 2, "k": 40}, one={"max_per_brand": 1})
    for subject in (TRAINED, None):
        page = tea.recommend(subject, slot="mixed")
        kinds = [facts(tea)[item][0] for item in items(page)]
        assert {kinds.count(kind) for kind in kinds} == {2}
        assert len(page) == 10
        assert len(tea.recommend(subject, slot="one")) == 1


def test_a_diversified_page_has_more_kinds(tea_house):
    """By what items are; it works for strangers too, whose page stays one of the catalogue."""
    rules = {"diversify": {"by": "items", "strength": 0.9}, "k": 5}
    tea = opened(tea_house, plain={"k": 5}, mixed=rules)

    def kinds(subject, slot):
        return len({facts(tea)[item] for item in items(tea.recommend(subject, slot=slot))})

    assert kinds(TRAINED, "mixed") > kinds(TRAINED, "plain")
    assert kinds(None, "mixed") == 5
    assert tea.recommend(slot="mixed").basis == "catalog"


def test_their_own_mix_needs_their_history(tea_house, agree, clock):
    """Who agreed gets a page in their mix, and it is personal; a stranger's is the plain one."""
    rules = {"algorithms": [], "exclude": [], "diversify": {"by": "person", "strength": 0.95}}
    tea = opened(tea_house, mine={**rules, "k": 4}, plain={"algorithms": [], "exclude": [], "k": 4})
    agree(tea, "new")
    clock.forward(minutes=1)
    for item in ("mint", "ginger", "nettle", "assam"):
        tea.track("new", "purchase", item)
    page = tea.recommend("new", slot="mine")
    assert page.basis == "personal"
    assert [facts(tea)[item] for item in items(page)].count(("herbal",)) == 3
    stranger = tea.recommend(slot="mine")
    assert (stranger.basis, items(stranger)) == ("catalog", items(tea.recommend(slot="plain")))
    off = tea.recommend("new", slot="mine", profiling="off")
    assert (off.basis, items(off)) == ("catalog", items(stranger))


@pytest.mark.parametrize("by", ["score", "rank"])
def test_a_blend_is_one_source(tea_house, by):
    """Both algorithms put items forward; each hit has a reason of the one that leads."""
    blend = {"blend": {"item_item": 10.0, "popularity": 1.0}, "by": by}
    tea = opened(tea_house, both={"algorithms": [blend], "k": 40})
    page = tea.recommend(TRAINED, slot="both")
    assert (page.basis, page.notes) == ("personal", ())
    hits = [hit for hit in page if hit.source == "item_item+popularity"]
    assert {hit.reason.partition(" ")[0] for hit in hits} == {"because", "popular"}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_blend_of_one_is_that_one(tea_house):
    """The same items for the same reasons, in the same order."""
    blend = [{"blend": {"item_item": 3.0}, "candidates": 100}, "popularity"]
    tea = opened(tea_house, one={"algorithms": blend, "k": 20}, plain={"k": 20})
    for asked in ({}, {"item": "assam"}, {"basket": ["mint", "chai"]}):
        for subject in (TRAINED, "t018", None):
            one = tea.recommend(subject, slot="one", **asked)
            plain = tea.recommend(subject, slot="plain", **asked)
            assert [(hit.item, hit.reason) for hit in one] == [
                (hit.item, hit.reason) for hit in plain
            ]
            assert one.basis == plain.basis


def test_a_heavier_weight_counts_more(tea_house):
    """The last of the catalogue first, or not, by the weight of who says so."""
    weights = {"much": 1_000.0, "little": 0.001}
    slots = {
        name: {"algorithms": [{"blend": {"item_item": 1.0, "upside": weight}}]}
        for name, weight in weights.items()
    }
    tea = opened(tea_house, train=["upside"], plain={}, **slots)
    best = items(tea.recommend(TRAINED, slot="plain"))
    assert items(tea.recommend(TRAINED, slot="little"))[:3] == best[:3]
    assert items(tea.recommend(TRAINED, slot="much"))[0] in {"spoon", "tray", "scale"}


def test_a_member_that_fails_is_left_out_of_the_blend(tea_house, monkeypatch):
    """The page is that of the others, with a note; so it is where one is not in service."""
    blend = [{"blend": {"gone": 9.0, "item_item": 1.0}}]
    tea = opened(tea_house, train=["gone"], both={"algorithms": blend}, plain={})
    plain = items(tea.recommend(TRAINED, slot="plain", k=3))
    with tea._tenancy.read() as snapshot:
        model = tea._registry.at(snapshot).models["gone"]

    def fail(query):
        raise RuntimeError

    monkeypatch.setattr(model, "score", fail)
    page = tea.recommend(TRAINED, slot="both", k=3)
    assert items(page) == plain
    assert page.notes == ("gone failed; it was left out of the blend",)
    assert page.basis == "personal"


def test_only_of_what_the_shop_trains_is_it_worth_a_note(tea_house):
    """A slot may name what this shop has not chosen to train; the chain goes on without a word."""
    rules = {"algorithms": ["upside", {"blend": {"gone": 1.0}}, "item_item"]}
    tea = opened(tea_house, some=rules)
    page = tea.recommend(TRAINED, slot="some", k=3)
    assert (page.hits[0].source, page.notes) == ("item_item", ())


def test_rows_of_a_page_do_not_repeat(tea):
    """From top to bottom; the first row is the page it would be alone."""
    pages = tea.recommend_many(TRAINED, slots=["home", "cart", "product"], item="assam", k=6)
    assert list(pages) == ["home", "cart", "product"]
    every = [item for page in pages.values() for item in items(page)]
    assert len(set(every)) == len(every) == 18
    assert pages["home"].hits == tea.recommend(TRAINED, item="assam", k=6).hits
    assert tea.consent.explain(pages["cart"].decision).decision.allowed


def test_a_row_is_as_personal_as_those_above_it(tea_house):
    """What it leaves out, because it is shown above, follows from the history."""
    tea = opened(tea_house, plain={"algorithms": [], "exclude": []})
    alone = tea.recommend(TRAINED, slot="plain")
    assert alone.basis == "catalog"
    below = tea.recommend_many(TRAINED, slots=["home", "plain"])["plain"]
    assert below.basis == "personal"
    above = tea.recommend_many(TRAINED, slots=["plain", "home"])["plain"]
    assert (above.basis, above.hits) == ("catalog", alone.hits)


def test_models_are_told_which_items_may_be_shown(tea_house, monkeypatch):
    """So that one whose scores are dear has no more to do than the page needs."""
    asked, score = [], ItemScores.score
    monkeypatch.setattr(
        ItemScores, "score", lambda model, query: asked.append(query) or score(model, query)
    )
    rules = {"algorithms": ["popularity"], "exclude": []}
    tea = opened(tea_house, all=rules, cheap={**rules, "where": "price <= 10"})
    pages = [tea.recommend(TRAINED, slot=slot, k=100) for slot in ("all", "cheap")]
    shown = [sum(hit.source == "popularity" for hit in page) for page in pages]
    assert 0 < shown[1] < shown[0]
    assert [len(query.candidates) for query in asked] == shown


def test_rows_look_back_as_far_as_each_says(tea_house):
    """A row that looks at one event goes by that one, whatever its neighbour reads."""
    tea = opened(tea_house, short={"max_history_events": 1, "exclude": []}, long={"exclude": []})
    tea_alone = tea.recommend(TRAINED, slot="short", k=3)
    newest = max(tea.profiles.view(TRAINED, "personalize").events, key=attrgetter("at_us"))
    rows = tea.recommend_many(TRAINED, slots=["short", "long"], k=3)
    for page in (tea_alone, rows["short"]):
        assert all(newest.title in hit.reason for hit in page)
    assert rows["short"].hits == tea_alone.hits


@pytest.mark.parametrize("looks_at", [2, 3, 4, 5])
def test_how_far_a_row_looks_back_does_not_depend_on_its_neighbours(tea_house, clock, looks_at):
    """The newest by the clock, of a day on which the database knows no order, and nothing else."""
    short = {"algorithms": ["item_item"], "exclude": [], "max_history_events": looks_at}
    tea = opened(tea_house, short=short, long={"exclude": []})
    tea.consent.grant("one-day", ["personalize"], notice="2026-01/en")
    clock.forward(days=1)
    chosen = ["oolong", "sencha", "assam", "ginger", "lapsang", "breakfast"]
    # As they come in, which is not as they happened; the order is only there where its line is.
    for minute in (3, 0, 4, 1, 5, 2):
        event = {"subject": "one-day", "kind": "purchase", "item": chosen[minute], "quantity": 2}
        tea.track({**event, "order": f"o{minute}", "at": clock.ago(minutes=10 - minute)})
    back = {"subject": "one-day", "kind": "return", "item": "breakfast", "order": "o5"}
    tea.track({**back, "quantity": 1, "at": clock.ago(minutes=1)})
    alone = tea.recommend("one-day", slot="short", k=20)
    rows = tea.recommend_many("one-day", slots=["short", "long"], k=20)
    told = tea.explain("one-day", alone.hits[0], slot="short", k=20)
    newest = ["breakfast", "breakfast", "lapsang", "ginger", "assam"][:looks_at]
    assert rows["short"].hits == alone.hits
    assert sorted(one.item for one in told.events) == sorted(newest)


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ("home", "a list of slots"),
        ([], "1 to 20 slots"),
        (["home"] * 21, "1 to 20 slots"),
        (["home", "home"], "each slot once"),
    ],
)
def test_slots_are_a_list_of_different_ones(tea, slots, expected):
    with pytest.raises(knowingly.InputError, match=expected):
        tea.recommend_many(slots=slots)


def test_an_unknown_slot_among_many_is_refused(tea):
    with pytest.raises(knowingly.UnknownSlotError):
        tea.recommend_many(slots=["home", "hoem"])


def test_without_profiling_nobody_is_looked_for(tea, monkeypatch):
    """The page of who agreed is that of nobody, and no profile is read for it."""
    from knowingly.recommend.pages import visit  # noqa: PLC0415

    asked = {"slot": "product", "item": "assam", "basket": ["mint"]}
    nobody = tea.recommend(None, **asked)
    assert tea.recommend(TRAINED, **asked).basis == "personal"
    monkeypatch.setattr(visit, "read_records", None)
    page = tea.recommend(TRAINED, **asked, profiling="off")
    assert (page.basis, page.why, page.hits) == ("contextual", "profiling_off", nobody.hits)
    told = tea.consent.explain(page.decision)
    assert (told.decision.allowed, told.decision.reason) == (False, "profiling_off")
    assert tea.stats()["decisions"]["profiling_off"] == 1
    for bad in ("no", False, None):
        with pytest.raises(knowingly.InputError, match='"on" or "off"'):
            tea.recommend(TRAINED, profiling=bad)


def test_a_page_of_nobody_can_be_explained(tea):
    """Its token says that nobody was named."""
    assert tea.consent.explain(tea.recommend().decision).decision.reason == "no_subject"


def test_a_policy_with_slots_is_the_same_after_it_was_kept(tea_house):
    """What was activated reads back as it was, days and blends too."""
    blend = {"blend": {"item_item": 1.0}, "by": "rank"}
    tea = opened(
        tea_house,
        full={
            "algorithms": [blend, "bestsellers"],
            "pins": [{"item": "cup", "last_day": date(2026, 12, 24)}],
            "boosts": [{"where": "price > 3", "factor": 2.0}],
            "diversify": {"by": "items"},
        },
    )
    kept = type(tea.policy).model_validate_json(tea.policy.body)
    assert kept.slots == tea.policy.slots
    assert kept.digest == tea.policy.digest


def test_a_slot_says_what_it_goes_by(tea_house):
    """Sources by step and weight, rules and what is left out; nothing of what is not trained."""
    blend = {"blend": {"item_item": 3.0, "popularity": 1.0, "upside": 9.0}}
    tea = opened(
        tea_house,
        full={
            "algorithms": [{"blend": {"gone": 1.0}}, blend, "bestsellers"],
            "where": "price < 30",
            "boosts": [{"where": '"ware" in categories', "factor": 1.5}],
            "max_per_brand": 2,
            "exclude": ["bought"],
            "bought_within_days": 30,
            "diversify": {"by": "person", "strength": 0.25},
            "contextual": False,
        },
    )
    said = tea.slots.parameters("full")
    assert [(one.name, one.step, one.weight) for one in said.criteria] == [
        ("item_item", 1, 0.75),
        ("popularity", 1, 0.25),
        ("bestsellers", 2, 1.0),
        ("catalog", 3, 1.0),
    ]
    assert said.left_out == ("what you have bought",)
    text = said.text()
    for words in (
        "1. What most people choose. (25%)",
        "Only items of which this is true: price < 30.",
        'count 1.5 times: "ware" in categories.',
        "At most 2 of one brand.",
        "25% is the mix of categories that you chose before; 75% is the above.",
        "more than 30 days ago may come back",
        "Without a profile: only what does not need you.",
    ):
        assert words in text
    assert "upside" not in text
    assert list(tea.slots)[-1] == "full"
    with pytest.raises(knowingly.UnknownSlotError):
        tea.slots.parameters("hoem")


def test_every_algorithm_that_ships_explains_itself(tea):
    """So that the built-in slots are told in plain words."""
    for slot in tea.slots:
        for one in tea.slots.parameters(slot).criteria:
            assert "algorithm" not in one.words


def test_built_in_slots_fall_through_their_chains_in_silence(tea):
    """What a shop does not train is no fault of a page: it has hits, and no notes."""
    asked = {"bought-together": {"item": "assam"}, "trending": {}}
    for slot, context in asked.items():
        for subject in (TRAINED, None):
            page = tea.recommend(subject, slot=slot, **context)
            assert (len(page), page.notes) == (tea.policy.slots[slot].k, ())


@pytest.mark.parametrize(
    ("more", "source"), [((), "item_item"), (("spectral",), "item_item+spectral")]
)
def test_home_blends_what_is_trained_of_what_it_names(tea_house, more, source):
    """The shipped slot names more than the shipped policy trains: the rest does nothing."""
    trained = {**tea_house.policy.models.algorithms, **{name: {} for name in more}}
    tea_house.with_policy(models={"algorithms": trained})
    shop = tea_house.open()
    if more:
        shop.train()
    page = shop.recommend(TRAINED, k=2)
    assert {hit.source for hit in page} == {source}
    assert not page.notes
    weights = {one.name: one.weight for one in shop.slots.parameters("home").criteria}
    share = 1 / len({"item_item", *more})
    assert {name: weights[name] for name in ("item_item", *more)} == dict.fromkeys(
        ("item_item", *more), share
    )
    assert not {"ease", "lightfm_hybrid"} & weights.keys()


def test_one_that_is_left_of_a_blend_is_that_algorithm_alone(tea_house):
    """Item for item and score for score, with as many items as it has."""
    blend = {"blend": {"item_item": 0.5, "ease": 1.0}, "candidates": 1}
    shop = opened(
        tea_house,
        blended={"algorithms": [blend], "k": 10},
        alone={"algorithms": ["item_item"], "k": 10},
    )
    one, other = (shop.recommend(TRAINED, slot=name) for name in ("blended", "alone"))
    assert [(hit.item, hit.score, hit.source) for hit in one] == [
        (hit.item, hit.score, hit.source) for hit in other
    ]
    assert len([hit for hit in one if hit.source == "item_item"]) > 1
