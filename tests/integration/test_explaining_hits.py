"""Which events a hit rests on: exactly what the page would be without each of them."""

import pytest

import knowingly

ITEMS = ("assam", "chai", "mint", "sencha")


@pytest.fixture
def shop(tea, agree, clock):
    """The tea shop with somebody who bought four things, and one of them twice."""
    agree(tea, "new")
    clock.forward(minutes=1)
    did(tea, "new", clock)
    clock.forward(minutes=1)
    return tea


def did(tea, who, clock, without=None):
    """Everything but one of the events."""
    for place, item in enumerate((*ITEMS, "assam")):
        if place != without:
            kind = "view" if item == "mint" else "purchase"
            tea.track(who, kind, item, at=clock.ago(seconds=30 - place))


def items(page):
    return [hit.item for hit in page]


def opened(house, **slots):
    """The tea shop with these slots beside its own."""
    said = {name: slot.model_dump() for name, slot in house.policy.slots.items()}
    house.policy = house.policy.model_copy(update={"slots": said | slots})
    return house.open()


def held_against_others(shop, clock, events, asked):
    """What is told of each hit's events, beside pages of people who did all but one of them.

    Args:
        shop: The shop.
        clock: Its clock.
        events: The fields of each event, of a day of its own, the oldest first.
        asked: What the page is asked with; ``k`` of the others is larger, to find the hit.

    Returns:
        How many events were compared, and of how many the page would not have the hit.
    """
    asked = dict(asked)
    people = ["all", *(f"without{place}" for place in range(len(events)))]
    clock.forward(days=len(events) + 1)
    for number, who in enumerate(people):
        long_ago = clock.ago(days=len(events) + 1)
        shop.consent.grant(who, ["personalize"], notice="2026-01/en", at=long_ago)
        for place, event in enumerate(events):
            if place != number - 1:
                shop.track({"subject": who, "at": clock.ago(days=len(events) - place), **event})
    slots = asked.pop("slots", None)

    def row(who, slot, **more):
        if slots is None:
            return shop.recommend(who, slot=slot, **{**asked, **more})
        return shop.recommend_many(who, slots=slots, **asked, **more)[slot]

    compared = decisive = 0
    for slot in slots or [asked.pop("slot")]:
        page = row("all", slot)
        for hit in page:
            told = shop.explain("all", hit, slot=slots or slot, **asked)
            assert (told.hit, told.basis) == (hit, page.basis)
            for one in told.events:
                place = (one.at_us // 86_400_000_000) - (
                    int(clock.ago(days=len(events)).timestamp()) // 86_400
                )
                assert one.item == events[place]["item"]
                who = f"without{place}"
                wide = row(who, slot) if slots else row(who, slot, k=40)
                found = {other.item: other for other in wide}.get(hit.item)
                there = hit.item in items(row(who, slot))
                assert one.decisive == (not there)
                decisive += one.decisive
                if hit.source == "pinned":
                    assert one.counted == 0
                elif found and found.source == hit.source:
                    assert one.counted == pytest.approx(hit.score - found.score, abs=1e-9)
                    compared += 1
    return compared, decisive


BOUGHT = [{"kind": "purchase", "item": item} for item in ("assam", "chai", "mint", "assam")]
BLEND = {"blend": {"item_item": 1.0, "popularity": 1.0}}


@pytest.mark.parametrize(
    "rules",
    [
        {"pins": [{"item": "oolong"}, {"item": "teapot", "position": 3}]},
        {"algorithms": ["buy_again", BLEND], "exclude": []},
    ],
    ids=["pins", "an earlier step"],
)
def test_what_is_on_the_page_before_is_no_candidate_without_an_event_either(
    tea_house, clock, rules
):
    """A blend makes scores comparable over those that may still be shown."""
    shop = opened(tea_house, own={"algorithms": [BLEND], "k": 8, **rules})
    compared, _ = held_against_others(shop, clock, BOUGHT, {"slot": "own", "k": 8})
    assert compared > 10


LINE = {"item": "chai", "order": "o-1"}
ORDERED = [
    {"kind": "purchase", "item": "breakfast"},
    {"kind": "purchase", **LINE, "quantity": 2},
    {"kind": "purchase", "item": "assam"},
    {"kind": "return", **LINE},
    {"kind": "purchase", "item": "lapsang"},
]


@pytest.mark.parametrize("limit", [2, 3, 4])
def test_an_event_that_goes_lets_in_one_that_was_too_old(tea_house, clock, limit):
    """Of as many as the slot looks at; what comes in can be the purchase that a return undoes."""
    short = {"algorithms": ["item_item"], "exclude": [], "max_history_events": limit, "k": 6}
    shop = opened(tea_house, short=short)
    compared, decisive = held_against_others(shop, clock, ORDERED, {"slot": "short", "k": 6})
    assert compared
    assert decisive


@pytest.mark.parametrize("slot", ["home", "product"])
def test_each_event_counts_what_the_page_without_it_says(shop, agree, clock, slot):
    """Beside somebody who did all but that one, at the same moment, with the same models."""
    asked = {"slot": slot, "k": 6, **({"item": "ginger"} if slot == "product" else {})}
    page = shop.recommend("new", **asked)
    clock.now = clock.ago(minutes=1)
    for without in range(5):
        agree(shop, f"other{without}", at=clock.ago(minutes=1))
        did(shop, f"other{without}", clock, without)
    clock.forward(minutes=1)
    decisive = 0
    for hit in page.hits[:3]:
        told = shop.explain("new", hit, **asked)
        assert (told.hit, told.basis, told.why) == (hit, page.basis, "granted")
        by_moment = sorted(told.events, key=lambda one: one.at_us)
        assert [one.item for one in by_moment] == [*ITEMS, "assam"]
        for without, one in enumerate(by_moment):
            other = shop.recommend(f"other{without}", **{**asked, "k": 40})
            same = {found.item: found for found in other}.get(hit.item)
            left = same.score if same and same.source == hit.source else 0.0
            assert one.counted == pytest.approx(hit.score - left)
            assert one.decisive == (hit.item not in items(other)[:6])
            decisive += one.decisive
    assert slot == "product" or decisive


def test_a_hit_of_one_row_of_several_is_explained_among_them(tea_house, clock):
    """What the rows above would show without an event is no candidate in the rows below."""
    more = {"second": {"algorithms": [BLEND], "k": 4}, "far": {"max_history_events": 2, "k": 4}}
    more["far"]["algorithms"] = ["item_item"]
    slots = ["product", "far", "second", "trending"]
    shop = opened(tea_house, **more)
    asked = {"slots": slots, "item": "ginger", "k": 4}
    compared, decisive = held_against_others(shop, clock, BOUGHT, asked)
    assert compared > 10
    assert decisive > 5
    told = [
        shop.explain("all", hit, slot=slots, item="ginger", k=4)
        for hit in shop.recommend_many("all", slots=slots, item="ginger", k=4)["second"]
    ]
    assert {one.slot for one in told} == {"second"}
    with pytest.raises(knowingly.InputError, match="each slot once"):
        shop.explain("all", told[0].hit, slot=["second", "second"])


def test_what_counted_most_is_the_reason_on_the_page(shop):
    """The page's own words and the explanation agree, where no other event says the same."""
    page = shop.recommend("new", k=6)
    hit = next(hit for hit in page if "because" in hit.reason and "Assam" not in hit.reason)
    told = shop.explain("new", hit.item, k=6)
    assert told.events[0].counted > 0
    assert told.events[0].title in hit.reason
    assert [abs(one.counted) for one in told.events] == sorted(
        (abs(one.counted) for one in told.events), reverse=True
    )


def test_an_item_bought_twice_is_not_lost_with_one_of_the_purchases(shop):
    """Without either of the two, the other still says it."""
    for hit in shop.recommend("new", k=3):
        for one in shop.explain("new", hit, k=3).events:
            if one.item == "assam":
                assert (one.counted, one.decisive) == (pytest.approx(0), False)


def test_an_event_can_hold_an_item_off_the_page_or_bring_it_on(shop):
    """What would come back without an event counts in nobody's favour: scores are of this hit."""
    hit = shop.recommend("new", slot="home", k=1).hits[0]
    assert any(one.decisive for one in shop.explain("new", hit, k=1).events)


def test_a_hit_of_a_large_catalogue_keeps_the_score_of_its_page(shop):
    """The catalogue gives places for scores, and the page looks no further than it has to."""
    shop.items.upsert([{"id": f"more{n}"} for n in range(600)])
    page = shop.recommend("new", slot="trending", k=100)
    hit = next(hit for hit in reversed(page.hits) if hit.source == "catalog")
    told = shop.explain("new", hit, slot="trending", k=100)
    assert {abs(one.counted) <= 2 for one in told.events} == {True}


def test_an_item_that_is_not_on_the_page_is_refused(shop):
    """What somebody bought is not on it, and what is no item is not either."""
    for item in ("assam", "samovar"):
        with pytest.raises(knowingly.InputError, match="on this page"):
            shop.explain("new", item)


def test_who_did_not_agree_has_no_events_to_show(shop):
    """The hit is explained by the decision alone, whatever is stored."""
    shop.consent.withdraw("new", ["personalize"])
    page = shop.recommend("new")
    told = shop.explain("new", page.hits[0])
    assert (told.events, told.why, told.basis) == ((), "withdrawn", "catalog")


def test_each_look_is_an_entry_of_the_log(shop):
    """It says who looked, where it is known, and of what kind."""
    hit = shop.recommend("new").hits[0]
    size = shop.audit.verify().size
    shop.acting_as("new", kind="subject").explain("new", hit)
    shop.explain("new", hit)
    kinds = [entry.kind for entry in shop.audit.entries(since=size)]
    assert kinds == ["read.explain"] * 2
    actors = [entry.details.get("actor") for entry in shop.consent.log("new")[-2:]]
    assert actors[0] != actors[1]


def test_an_explanation_shows_nothing_in_its_repr(shop):
    """Neither what was done nor which item it is."""
    told = shop.explain("new", shop.recommend("new").hits[0])
    for item in ITEMS:
        assert item not in repr(told)
