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
