"""A history says how much it says for each item, and a query shows nobody."""

import numpy as np
import pytest

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.recommend.interface.query import History, Query

VIEW, CART, BUY, BACK, LIKE, HIDE = (
    EventKind.VIEW,
    EventKind.CART,
    EventKind.PURCHASE,
    EventKind.RETURN,
    EventKind.LIKE,
    EventKind.HIDE,
)


def history(*events):
    """A history of (item, kind, age_days, quantity)."""
    item, kind, age, quantity = zip(*events, strict=True)
    return History(
        np.array(item, np.int32),
        np.array([KIND_CODE[each] for each in kind], np.int8),
        np.array(age, np.float64),
        np.array(quantity, np.int32),
        np.zeros(len(events), np.int64),
    )


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([(0, VIEW, 1, 1)], [0.2]),
        ([(0, CART, 1, 1), (1, LIKE, 1, 1), (2, BUY, 1, 1)], [0.5, 0.7, 1.0]),
        ([(0, VIEW, 1, 1), (0, VIEW, 2, 1), (0, VIEW, 0.5, 1)], [0, 0, 0.2]),
        ([(0, VIEW, 0, 1), (0, BUY, 9, 1), (0, BUY, 3, 1), (0, LIKE, 1, 1)], [0, 0, 1.0, 0]),
        ([(0, BUY, 5, 2), (0, BACK, 1, 1)], [1.0, 0]),
        ([(0, BUY, 5, 2), (0, VIEW, 2, 1), (0, BACK, 1, 2)], [0, 0, 0]),
        ([(0, BUY, 9, 1), (0, BACK, 8, 1), (0, BUY, 1, 1)], [0, 0, 1.0]),
        ([(0, BACK, 8, 1), (0, VIEW, 9, 1), (1, VIEW, 1, 1)], [0, 0, 0.2]),
        ([(0, BUY, 9, 1), (0, HIDE, 8, 1), (1, BUY, 1, 1)], [0, 0, 1.0]),
        ([(0, VIEW, 1, 1), (0, VIEW, 1, 1)], [0.2, 0]),
    ],
)
def test_an_item_weighs_once_as_its_strongest_event(events, expected):
    """The newest event of the strongest kind carries the weight; hidden and returned weigh 0."""
    assert history(*events).weights().tolist() == expected


def test_an_empty_history_weighs_nothing():
    """It has no positions."""
    assert len(History.empty()) == 0
    assert History.empty().weights().shape == (0,)


def test_repr_shows_no_item():
    """A history is a fingerprint, so neither repr shows it."""
    past = history((41, BUY, 1, 1))
    assert repr(past) == "History(1 events)"
    assert "41" not in repr(Query(50, past))


def test_columns_are_checked():
    """Columns of another dtype or length are refused by name."""
    empty = History.empty()
    with pytest.raises(ValueError, match="kind: expected a 1-d array of int8"):
        History(empty.item, empty.item, empty.age_days, empty.quantity, empty.order)
    with pytest.raises(ValueError, match="order: expected 0 values"):
        History(empty.item, empty.kind, empty.age_days, empty.quantity, np.zeros(1, np.int64))


@pytest.mark.parametrize("item", [-1, 3])
def test_rows_outside_the_model_are_refused(item):
    """A negative row would wrap around to another item."""
    with pytest.raises(ValueError, match="item"):
        Query(3, item=item)
    with pytest.raises(ValueError, match="basket"):
        Query(3, basket=np.array([item], np.int32))
    with pytest.raises(ValueError, match="history"):
        Query(3, history((item, VIEW, 1, 1)))
    with pytest.raises(ValueError, match="candidates"):
        Query(3, candidates=np.array(sorted([item, 1]), np.int32))


def test_there_may_be_no_candidates():
    """None at all is not the same as all."""
    assert not Query(3, candidates=np.zeros(0, np.int32)).candidates.size
    assert Query(3).candidates is None
