"""What items are, by row: read once, patched when they change."""

import numpy as np
import pytest

from knowingly import FitData, ItemTable

TEA = {
    "id": "oolong",
    "title": "Oolong",
    "brand": "Leaf",
    "categories": ["tea", "green"],
    "tags": ["vegan"],
    "attributes": {"origin": "Taiwan", "grams": 100},
    "price": 9.5,
}


def table_of(shop):
    with shop._tenancy.read() as snapshot:
        return shop._tenancy.tables.at(snapshot)


def test_an_empty_shop_has_an_empty_table(shop):
    """No items, no rows."""
    assert len(table_of(shop)) == 0


def test_the_table_has_what_was_said_of_each_item(shop):
    """Every column by row; where nothing was said, blank and NaN."""
    shop.items.upsert([TEA, {"id": "mug"}])
    table = table_of(shop)
    assert list(table.title) == ["Oolong", ""]
    assert list(table.brand) == ["Leaf", ""]
    assert list(table.categories) == [("tea", "green"), ()]
    assert list(table.tags) == [("vegan",), ()]
    assert list(table.attributes) == [{"origin": "Taiwan", "grams": 100}, {}]
    np.testing.assert_array_equal(table.price, [9.5, np.nan])


def test_a_changed_item_changes_its_row_and_not_a_table_in_hand(shop):
    """A request that holds a table keeps it; the next look has the new one."""
    shop.items.upsert([TEA, {"id": "mug"}])
    before = table_of(shop)
    shop.items.upsert([{"id": "mug", "title": "Mug", "price": 4}, {"id": "pot", "title": "Pot"}])
    assert list(table_of(shop).title) == ["Oolong", "Mug", "Pot"]
    assert table_of(shop).price[1] == 4
    assert list(before.title) == ["Oolong", ""]


def test_some_rows_can_be_chosen_in_any_order(shop):
    """``select`` gives the rows asked for, in that order."""
    shop.items.upsert([TEA, {"id": "mug", "title": "Mug"}])
    chosen = table_of(shop).select(np.array([1, 0, 1]))
    assert list(chosen.title) == ["Mug", "Oolong", "Mug"]
    assert len(chosen) == 3


def test_fit_data_without_items_is_blank():
    """An algorithm that does not ask gets rows of which nothing is known, as many as items."""
    data = FitData(n_items=3, floor=5, seed=0)
    assert list(data.items.title) == ["", "", ""]
    assert np.isnan(data.items.price).all()


def test_fit_data_refuses_items_of_another_number():
    """One row per model row, or the fit would mix items up."""
    with pytest.raises(ValueError, match="expected 3 rows, found 2"):
        FitData(n_items=3, floor=5, seed=0, items=ItemTable.blank(2))
