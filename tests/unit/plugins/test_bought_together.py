"""What goes into one order is counted by people, not by orders."""

import numpy as np
import pytest

from knowingly import EventKind, Query
from knowingly.domain.event import KIND_CODE
from knowingly.recommend.interface.block import Block
from knowingly.testing.data import as_fit_data, make_block
from knowingly_plugins import bought_together
from knowingly_plugins.bought_together import BoughtTogether

ITEMS = 4


def block(*lines, quantity=1):
    """Lines ``(person, order, item[, kind])``; order 0 is none."""
    rows = sorted(lines)
    kinds = [KIND_CODE[row[3] if len(row) > 3 else EventKind.PURCHASE] for row in rows]
    return Block(
        n_people=1 + max((row[0] for row in rows), default=-1),
        n_items=ITEMS,
        person=np.array([row[0] for row in rows], np.int32),
        item=np.array([row[2] for row in rows], np.int32),
        kind=np.array(kinds, np.int8),
        age_days=np.ones(len(rows)),
        quantity=np.full(len(rows), quantity, np.int32),
        order=np.array([row[1] for row in rows], np.int64),
    )


def counted(*lines, **options):
    return BoughtTogether().count(block(*lines, **options)).toarray().tolist()


def test_a_person_counts_once_for_a_pair():
    """However many of their orders hold it, and however often one line is there."""
    lines = [(0, order, item) for order in (1, 2, 3) for item in (0, 1)]
    found = counted(*lines, (0, 1, 1), (1, 7, 0), (1, 7, 1))
    assert found[0] == [2, 2, 0, 0]
    assert found[1] == [2, 2, 0, 0]


def test_items_of_two_orders_are_not_together():
    """Nor do two people share an order, whatever its number; order 0 is no order."""
    assert counted((0, 1, 0), (0, 2, 1), (1, 1, 1), (1, 0, 2), (1, 0, 3)) == [[0] * 4] * 4


def test_an_order_of_one_item_counts_for_nothing():
    """Also not as somebody who bought the item: its total is of orders that could hold a pair."""
    found = counted((0, 1, 0), (1, 1, 0), (1, 1, 1), (2, 5, 1), (2, 5, 1))
    assert found == [[1, 1, 0, 0], [1, 1, 0, 0], [0] * 4, [0] * 4]


def test_only_purchases_that_were_kept_count():
    """A view, and what was hidden or returned in full, make no pair."""
    views = [(0, 1, 0), (0, 1, 1, EventKind.VIEW)]
    back = [(1, 1, 0), (1, 1, 1), (1, 1, 1, EventKind.RETURN)]
    hidden = [(2, 1, 0), (2, 1, 1), (2, 0, 0, EventKind.HIDE)]
    assert counted(*views, *back, *hidden) == [[0] * 4] * 4


@pytest.mark.parametrize("quantity", [0, 1_000_000])
def test_how_many_units_is_no_matter(quantity):
    """A line is a line."""
    lines = [(0, 1, 0), (0, 1, 1), (1, 1, 1), (1, 1, 2)]
    assert counted(*lines, quantity=quantity) == counted(*lines)


@pytest.mark.parametrize("seed", range(3))
def test_counting_agrees_with_counting_by_hand(seed, monkeypatch):
    """Person by person, order by order; also where people are counted a few at a time."""
    monkeypatch.setattr(bought_together, "PEOPLE_AT_ONCE", 7)
    some = make_block(40, ITEMS, seed)
    kept = some.matrix([EventKind.PURCHASE]).toarray()
    expected = np.zeros((ITEMS, ITEMS), np.int64)
    for person in range(40):
        mine = (some.person == person) & (some.kind == KIND_CODE[EventKind.PURCHASE])
        pairs = set()
        for order in set(some.order[mine].tolist()) - {0}:
            items = {
                item
                for item in some.item[mine & (some.order == order)].tolist()
                if kept[person, item]
            }
            if len(items) > 1:
                pairs |= {(one, other) for one in items for other in items}
        for one, other in pairs:
            expected[one, other] += 1
    assert BoughtTogether().count(some).toarray().tolist() == expected.tolist()


def test_a_pair_of_too_few_people_is_never_shown():
    """Four people with a hundred orders each are four people."""
    lines = [
        (person, order, item) for person in range(4) for order in range(1, 101) for item in (0, 1)
    ]
    lines += [(4, 1, 0), (4, 1, 2)]
    model = BoughtTogether().fit(as_fit_data(block(*lines), floor=5))
    assert not model.score(Query(ITEMS, item=0)).any()
    lines += [(4, 2, 0), (4, 2, 1)]
    model = BoughtTogether().fit(as_fit_data(block(*lines), floor=5))
    assert np.flatnonzero(model.similar(0)).tolist() == [1]
