"""The algorithms that ship, in a shop: trained, asked, and made to forget."""

import pytest

from knowingly_plugins import bought_together, item_item, popularity, trending

NAMED = {
    "item_item": {"measure": "corrected"},
    "also_viewed": {"measure": "lift"},
    "also_bought": {},
    "bought_together": {},
    "popularity": {"half_life_days": 20},
    "popular_in_category": {},
    "trending": {"recent_days": 30, "earlier_days": 60},
}


@pytest.fixture
def shop(tea_house):
    """The tea shop, trained with all of them; each has a slot of its own, and orders came in."""
    tea_house.with_policy(models={"algorithms": NAMED})
    slots = {name: {"algorithms": (name,), "exclude": ()} for name in NAMED}
    slots = tea_house.policy.slots | slots
    tea_house.policy = tea_house.policy.model_copy(update={"slots": slots})
    opened = tea_house.open()
    for module in (bought_together, item_item, popularity, trending):
        if not {kind.name for kind in module.knowingly_algorithms()} <= set(
            opened._host.algorithms
        ):
            opened._host.algorithms |= {kind.name: kind for kind in module.knowingly_algorithms()}
    lines = [
        {"subject": f"t{number:03d}", "kind": kind, "item": item, "order": f"o{number}"}
        for number in range(14)
        for item in ("oolong", "sencha")
        for kind in ("view", "purchase")
    ]
    tea_house.clock.forward(minutes=1)
    assert opened.track(lines).kept == len(lines)
    tea_house.clock.forward(minutes=1)
    opened.train()
    return opened


def asked(shop, name, **by):
    return [hit.item for hit in shop.recommend(slot=name, **by) if hit.source == name]


def test_all_are_exact_after_every_kind_of_no(shop, gaps, agree):
    """Erased, withdrawn, come again: each equals a refit, bit for bit."""
    assert gaps(shop) == dict.fromkeys(sorted(NAMED), 0.0)
    shop.rights.erase("t000")
    shop.consent.withdraw("t001", ["train"])
    shop.consent.withdraw("t002")
    agree(shop, "t002")
    assert {card.people for card in shop.models.cards()} == {137}
    assert gaps(shop) == dict.fromkeys(sorted(NAMED), 0.0)


def test_what_went_into_one_order_is_on_the_product_page(shop):
    """Fourteen people bought both in one order; nothing else was ordered with another."""
    assert asked(shop, "bought_together", item="oolong") == ["sencha"]


def test_below_the_floor_a_pair_is_gone(shop):
    """Ten of the fourteen are forgotten: four are too few to show."""
    for number in range(9):
        shop.consent.withdraw(f"t{number:03d}", ["train"])
    assert asked(shop, "bought_together", item="oolong") == ["sencha"]
    shop.consent.withdraw("t009", ["train"])
    assert asked(shop, "bought_together", item="oolong") == []


@pytest.mark.parametrize("name", sorted(NAMED))
def test_an_item_taken_down_after_training_is_on_no_page(shop, clock, name):
    """Nor is it an error to ask with it, or with what the shop does not know."""
    before = asked(shop, name, subject="t005", item="oolong", k=30)
    assert "sencha" in before
    shop.items.upsert({**_said(shop, "sencha"), "unpublished_at": clock()})
    assert "sencha" not in asked(shop, name, subject="t005", item="oolong", k=30)
    assert shop.recommend("t005", slot=name, item="sencha", basket=["nothing"]).notes == ()


def _said(shop, item):
    return shop.items.get(item).model_dump(exclude={"unpublished_at"})


def test_each_says_in_its_own_words_why(shop):
    """What is the same for everybody is not all called popular: some of it trends."""
    said = {
        name: {hit.reason for hit in shop.recommend("t003", slot=name) if hit.source == name}
        for name in ("popularity", "trending", "also_bought")
    }
    assert said["popularity"] == {"popular in the shop"}
    assert said["trending"] == {"trending now"}
    assert said["also_bought"]
    assert all(reason.startswith("because you") for reason in said["also_bought"])


def test_home_goes_by_what_items_are_where_that_is_trained(shop, agree):
    """Of all that is trained here, home blends two; its one event is what a hit rests on."""
    agree(shop, "new")
    shop.track("new", "purchase", "assam")
    page = shop.recommend("new")
    blend = [hit for hit in page if hit.source == "item_item+popular_in_category"]
    assert blend[0] is page.hits[0]
    (rests_on,) = shop.explain("new", blend[0]).events
    assert blend[0].reason.startswith("because you bought")
    assert (rests_on.counted, rests_on.item) == (pytest.approx(blend[0].score), "assam")
    words = shop.slots.parameters("home").criteria
    assert [(one.name, round(one.weight, 2)) for one in words if one.step == 1] == [
        ("item_item", 0.71),
        ("popular_in_category", 0.29),
    ]
