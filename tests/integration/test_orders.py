"""Orders, and what undoes them: in profiles, on pages, in bestsellers and in models."""

import pytest

from knowingly import Order, OrderLine
from knowingly.domain.moments import to_us
from knowingly.governance.periods import period_at

NOTICE = "2026-01/en"


@pytest.fixture
def ann(shop, clock):
    """A shop of three items and a person who agreed to everything."""
    shop.items.upsert([{"id": "cup"}, {"id": "pot"}, {"id": "tin"}], strict=True)
    shop.consent.grant(
        "ann", ["personalize", "train", "measure"], notice=NOTICE, at=clock.ago(days=30)
    )
    return shop


def order(clock, *items, **fields):
    lines = [{"item": item, "quantity": 2, "price": 5} for item in items]
    return {"subject": "ann", "id": "o1", "at": clock.ago(days=1), "lines": lines, **fields}


def bought(shop):
    """What her page leaves out as bought."""
    return {"cup", "pot", "tin"} - {hit.item for hit in shop.recommend("ann")}


def test_an_order_is_its_lines_and_the_same_again_changes_nothing(ann, clock):
    """As a value, as a mapping, alone or among events."""
    lines = (
        OrderLine(item="cup", quantity=2, price=5, discount=2),
        OrderLine(item="pot"),
    )
    value = Order(subject="ann", id="o1", at=clock.ago(days=1), lines=lines)
    assert ann.track(value).kept == 2
    assert ann.track([value.model_dump(), value]).duplicates == 4
    done = ann.track([value, {"subject": "ann", "kind": "view", "item": "tin"}])
    assert (done.kept, done.duplicates) == (1, 2)
    events = ann.profiles.view("ann", "personalize").events
    assert {(one.kind, one.item, one.quantity, one.price, one.order) for one in events} == {
        ("purchase", "cup", 2, 4.0, "o1"),
        ("purchase", "pot", 1, None, "o1"),
        ("view", "tin", 1, None, None),
    }
    assert bought(ann) == {"cup", "pot"}


def test_the_newest_edition_of_an_order_stays_whichever_comes_first(ann, clock):
    """By updated_at; without one, by arrival."""
    new = order(clock, "pot", updated_at=clock.now)
    old = order(clock, "cup", "tin", updated_at=clock.ago(hours=5))
    assert ann.track(new).kept == 1
    assert ann.track(old).duplicates == 2
    assert bought(ann) == {"pot"}
    clock.forward(hours=1)
    assert ann.track(order(clock, "tin")).kept == 1
    assert bought(ann) == {"tin"}
    assert ann.track(order(clock)).kept == 1
    assert bought(ann) == set()


@pytest.mark.parametrize(
    ("undo", "left"),
    [
        ([{"kind": "cancel", "order": "o1"}], set()),
        ([{"kind": "cancel", "order": "o1", "item": "cup", "quantity": 2}], {"pot"}),
        ([{"kind": "cancel", "order": "o1", "item": "cup", "quantity": 1}], {"cup", "pot"}),
        ([{"kind": "cancel", "order": "o1", "item": "cup", "quantity": 9}], {"pot"}),
        ([{"kind": "return", "order": "o1", "item": "cup", "quantity": 2}], {"pot"}),
        ([{"kind": "return", "order": "o1", "item": "cup", "quantity": 1}], {"cup", "pot"}),
        ([{"kind": "return", "order": "o1", "item": "cup"}] * 2, {"pot"}),
        ([{"kind": "return", "order": "o2", "item": "cup", "quantity": 2}], {"cup", "pot"}),
        ([{"kind": "cancel", "order": "o2"}], {"cup", "pot"}),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_is_undone_is_not_bought(ann, clock, undo, left, first):
    """All of it, or the units that were named; before the order comes in, or after."""
    rows = [{"subject": "ann", **one} for one in undo]
    placed = [order(clock, "cup", "pot")]
    for part in (rows, placed) if first else (placed, rows):
        assert not ann.track(part).refused
    assert bought(ann) == left


def test_an_order_cancelled_in_the_shop_is_an_edition_with_nothing_in_it(ann, clock):
    """It replaces the lines that were there."""
    ann.track(order(clock, "cup", "pot"))
    assert ann.track(order(clock, "cup", "pot", cancelled=True)).kept == 1
    (only,) = ann.profiles.view("ann", "personalize").events
    assert (only.kind, only.item, only.order) == ("cancel", "", "o1")
    exported = ann.rights.export("ann")["events"]
    assert [(one["what"], one["item"], one["order"]) for one in exported] == [("cancel", "", "o1")]


def test_two_purchases_and_one_undone_leave_one(ann, clock):
    """A return of one order says nothing of another."""
    ann.track([order(clock, "cup"), order(clock, "cup", id="o2")])
    ann.track([{"subject": "ann", "kind": "return", "order": "o1", "item": "cup", "quantity": 2}])
    assert bought(ann) == {"cup"}
    ann.track([{"subject": "ann", "kind": "cancel", "order": "o2"}])
    assert bought(ann) == set()


def test_models_and_bestsellers_and_tests_count_what_was_kept(house, clock):
    """A return and a cancellation undo a purchase in all three."""
    house.with_policy(
        models={"min_subjects": 2, "min_item_subjects": 2, "algorithms": {"popularity": {}}},
        aggregates={"min_people": 1, "epsilon": 10.0, "epsilon_per_period": 100.0},
    )
    shop = house.open()
    shop.items.upsert([{"id": "cup"}, {"id": "pot"}, {"id": "tin"}], strict=True)
    for number in range(9):
        who = f"p{number}"
        shop.consent.grant(
            who, ["personalize", "train", "measure"], notice=NOTICE, at=clock.ago(days=30)
        )
        lines = [{"item": item} for item in ("cup", "pot", "tin")]
        shop.track({"subject": who, "id": who, "at": clock.ago(days=2), "lines": lines})
        shop.track(who, "return", "pot", order=who, at=clock.ago(days=1))
        shop.track(who, "cancel", "tin", order=who, at=clock.ago(days=1))
    shop.train()
    with shop._tenancy.read() as snapshot:
        serving = shop.models._registry.at(snapshot)
    (scores,) = serving.models["popularity"].arrays().values()
    assert serving.items[scores > 0].tolist() == [0]
    counted = shop.aggregates._count(_period(clock), shop._tenancy.now_us(), None)
    assert counted.counts.tolist() == [9, 0, 0]


def _period(clock):
    return period_at(to_us(clock.now), "quarter")


BAD = {
    "no item": ({"kind": "purchase"}, "item"),
    "cancel without an order": ({"kind": "cancel", "item": "cup"}, "order"),
    "no lines": ({"id": "o", "at": "2026-02-28T12:00:00Z", "lines": 3}, "lines"),
    "naive": ({"id": "o", "at": "2026-02-28T12:00:00", "lines": []}, "at"),
    "future": ({"id": "o", "at": "2036-02-28T12:00:00Z", "lines": []}, "at"),
    "quantity": (
        {"id": "o", "at": "2026-02-28T12:00:00Z", "lines": [{"item": "cup", "quantity": 0}]},
        "lines.0.quantity",
    ),
    "discount": (
        {
            "id": "o",
            "at": "2026-02-28T12:00:00Z",
            "lines": [{"item": "cup", "price": 1, "discount": 2}],
        },
        "lines.0",
    ),
    "unknown item": (
        {"id": "o", "at": "2026-02-28T12:00:00Z", "lines": [{"item": "cup"}, {"item": "x"}]},
        "lines.1.item",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_order_is_named_by_row_and_field(ann, name):
    """Beside it the good ones go in."""
    fields, field = BAD[name]
    good = {"subject": "ann", "kind": "view", "item": "tin"}
    done = ann.track([good, {"subject": "ann", **fields}])
    assert [(one.row, one.field) for one in done.refused] == [(1, field)]
    assert done.kept == (2 if name == "unknown item" else 1)


def test_a_line_whose_item_came_later_is_kept_when_the_order_comes_again(ann, clock):
    """The rest of the order is there already."""
    one = order(clock, "cup", "new")
    assert len(ann.track(one).refused) == 1
    ann.items.upsert({"id": "new"}, strict=True)
    again = ann.track(one)
    assert (again.kept, again.duplicates, again.refused) == (1, 1, ())


def test_what_nobody_agreed_to_is_dropped_by_line(ann, clock):
    """An order is no way around consent."""
    done = ann.track([{**order(clock, "cup", "pot"), "subject": "nobody"}])
    assert done.dropped == {"no_record": 2}
    early = order(clock, "cup", "pot", at=clock.ago(days=40))
    assert ann.track(early).dropped == {"before_consent": 2}
    assert ann.track([{**early, "lines": []}]).dropped == {"before_consent": 1}
    ann.consent.withdraw("ann")
    assert ann.track(order(clock, "cup")).dropped == {"withdrawn": 1}


def test_nothing_in_an_order_shows_in_its_words(clock):
    """Neither who nor what."""
    value = Order(subject="canary-ann", id="canary-o", at=clock.now, lines=[{"item": "canary-i"}])
    assert "canary" not in repr(value)
