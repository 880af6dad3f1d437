"""What is asked of a ranker, and of a model that knows only some of the items."""

import numpy as np

from knowingly import History, Query
from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.evaluate.rankers import _over, own_frequency, row_of


def history(*events):
    """Events of ``(item, kind)``."""
    item, kind = zip(*events, strict=True)
    size = len(events)
    return History(
        item=np.array(item, np.int32),
        kind=np.array([KIND_CODE[one] for one in kind], np.int8),
        age_days=np.arange(size, dtype=np.float64),
        quantity=np.ones(size, np.int32),
        order=np.zeros(size, np.int64),
    )


def test_own_frequency_counts_purchases_alone():
    """Twice bought is twice as much; seen is nothing."""
    buy, view = EventKind.PURCHASE, EventKind.VIEW
    query = Query(n_items=4, history=history((1, buy), (3, buy), (1, buy), (2, view)))
    assert own_frequency(query).tolist() == [0, 2, 0, 1]


def test_a_model_of_some_items_is_asked_in_its_own_rows_and_answers_in_ours():
    """Of five items it knows 1, 3 and 4; what it does not know is neither asked nor scored."""
    asked = []

    def score(query):
        asked.append(query)
        return np.array([0.1, 0.3, 0.4])

    whole = _over(score, np.array([1, 3, 4]), 5)
    buy = EventKind.PURCHASE
    found = whole(Query(n_items=5, history=history((3, buy), (0, buy), (4, buy))))
    assert found.tolist() == [0, 0.1, 0, 0.3, 0.4]
    assert asked[0].n_items == 3
    assert asked[0].history.item.tolist() == [1, 2]
    assert asked[0].history.age_days.tolist() == [0, 2]


def test_rows_of_the_catalogue():
    """Which place each has among the ranked, or none."""
    assert row_of(np.array([1, 3], np.int32), 5).tolist() == [-1, 0, -1, 1, -1]
