"""Items come in whole or are refused, and a page sees one state of the catalogue."""

from datetime import UTC, datetime

import pytest

import knowingly
from knowingly import Item


def ids(shop):
    view = shop.items.view()
    return [view.ids[row] for row in view.order]


def test_items_are_added_and_replaced_in_place(shop):
    """An item keeps its row for ever: models and events refer to it."""
    assert shop.items.upsert([{"id": "tea", "title": "Tea"}, Item(id="mug")]).kept == 2
    assert shop.items.upsert(Item(id="tea", title="Green tea", in_stock=False)).kept == 1
    view = shop.items.view()
    assert (view.ids, view.titles) == (["tea", "mug"], ["Green tea", ""])
    assert view.row_of == {"tea": 0, "mug": 1}
    assert view.in_stock.tolist() == [False, True]
    assert (len(shop.items), "tea" in shop.items, "pot" in shop.items) == (2, True, False)
    assert (view.words(0), view.words(1)) == ("Green tea", "mug")


def test_of_two_rows_with_one_id_the_later_counts(shop):
    """The earlier is told as a duplicate."""
    done = shop.items.upsert([{"id": "tea", "title": "One"}, {"id": "tea", "title": "Two"}])
    assert (done.kept, done.duplicates) == (1, 1)
    assert shop.items.view().titles == ["Two"]


def test_bad_rows_are_refused_one_by_one(shop):
    """What is valid is kept; strictly, nothing is."""
    rows = [{"id": "tea"}, {"id": " bad"}, {"title": "no id"}, {"id": "mug", "price": -1}]
    done = shop.items.upsert(rows)
    assert done.kept == 1
    assert [(one.row, one.field) for one in done.refused] == [(1, "id"), (2, "id"), (3, "price")]
    with pytest.raises(knowingly.InputError, match="row 1, id"):
        shop.items.upsert([{"id": "pot"}, *rows[1:]], strict=True)
    assert ids(shop) == ["tea"]


def test_the_order_without_evidence_is_pinned_then_newest_then_by_row(shop):
    """Of items that came together the first stays first."""

    def at(year):
        return datetime(year, 1, 1, tzinfo=UTC)

    shop.items.upsert(
        [
            {"id": "old", "published_at": at(2020)},
            {"id": "new", "published_at": at(2025)},
            {"id": "pinned-old", "published_at": at(2019), "pinned": True},
            {"id": "a"},
            {"id": "b"},
        ]
    )
    assert ids(shop) == ["pinned-old", "a", "b", "new", "old"]


def test_an_item_counts_as_published_when_it_first_came(shop, clock):
    """A later upsert without a date does not make it new again."""
    shop.items.upsert([{"id": "first"}])
    clock.forward(days=1)
    shop.items.upsert([{"id": "second"}])
    clock.forward(days=1)
    shop.items.upsert([{"id": "first", "title": "again"}])
    assert ids(shop) == ["second", "first"]


def test_a_view_does_not_change_under_a_page(shop):
    """A change makes a new one."""
    shop.items.upsert([{"id": "tea"}])
    view = shop.items.view()
    assert shop.items.view() is view
    shop.items.upsert([{"id": "tea", "title": "New"}, {"id": "mug"}])
    assert (view.ids, view.titles) == (["tea"], [""])
    assert shop.items.view().titles == ["New", ""]


def test_another_process_sees_a_change_at_its_next_look(house):
    """Patched, not loaded anew."""
    one, two = house.open(), house.open()
    one.items.upsert([{"id": "tea"}])
    assert two.items.view().ids == ["tea"]
    one.items.upsert([{"id": "mug"}])
    assert two.items.view().ids == ["tea", "mug"]
    assert "mug" in [hit.item for hit in two.recommend()]


def test_many_items_come_in_one_call(shop):
    """More than a database takes in one statement."""
    assert shop.items.upsert([{"id": f"i{number}"} for number in range(1_234)]).kept == 1_234
    assert shop.items.upsert([{"id": f"i{number}"} for number in range(0, 1_234, 2)]).kept == 617
    assert len(shop.items) == 1_234


def test_an_empty_call_writes_nothing(shop):
    """Not even a new epoch."""
    before = shop.items.view().epoch
    assert shop.items.upsert([]) == knowingly.Intake()
    assert shop.items.view().epoch == before
