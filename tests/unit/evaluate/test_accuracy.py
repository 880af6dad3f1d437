"""The accuracy figures: by hand, by their laws, and by a second way of computing them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowingly.errors import InputError
from knowingly.evaluate.accuracy import (
    average_precision,
    hit_rate,
    judge,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
)
from knowingly.evaluate.metrics import ACCURACY

RANKED = np.array([[3, 0, 2], [1, 4, -1], [0, 1, 2], [-1, -1, -1]])
RELEVANT = [np.array([0, 2, 9]), np.array([4]), np.array([], int), np.array([5])]
BY_HAND = {
    # Hits at 2 and 3 of three test items; one at 2 of one; nobody to test; nothing recommended.
    ndcg: [
        (1 / math.log2(3) + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2),
        1 / math.log2(3),
        math.nan,
        0,
    ],
    recall: [2 / 3, 1, math.nan, 0],
    precision: [2 / 3, 1 / 3, math.nan, 0],
    average_precision: [(1 / 2 + 2 / 3) / 3, 1 / 2, math.nan, 0],
    reciprocal_rank: [1 / 2, 1 / 2, math.nan, 0],
    hit_rate: [1, 1, math.nan, 0],
}


@pytest.mark.parametrize("figure", BY_HAND, ids=lambda figure: figure.__name__)
def test_by_hand(figure):
    """Each person's figure is what paper and pencil give; who has no test item has none."""
    np.testing.assert_allclose(figure(judge(RANKED, RELEVANT)), BY_HAND[figure])


def test_every_figure_of_the_catalogue_was_done_by_hand():
    """None is left out above."""
    assert set(ACCURACY.values()) == set(BY_HAND)


def test_more_test_items_than_places():
    """With three test items and one place a hit is a perfect list, and a third of the recall."""
    judged = judge(np.array([[2]]), [np.array([0, 2, 9])])
    assert ndcg(judged) == average_precision(judged) == precision(judged) == 1
    assert recall(judged) == pytest.approx(1 / 3)


def test_places_left_empty_are_not_forgiven():
    """A list shorter than k is held against k places."""
    judged = judge(np.array([[2, -1]]), [np.array([2, 5])])
    assert ndcg(judged) == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert precision(judged) == average_precision(judged) == 0.5


def test_a_test_item_named_twice_is_one():
    """Buying a thing twice asks for one recommendation."""
    judged = judge(np.array([[7, 3]]), [np.array([3, 3, 3])])
    assert (recall(judged), reciprocal_rank(judged)) == (1, 0.5)


def test_padding_never_hits_the_last_item_of_the_person_before():
    """-1 stands for nothing, not for a neighbouring entry."""
    judged = judge(np.array([[0, 1], [-1, -1]]), [np.array([9]), np.array([0])])
    assert not judged.hits.any()


@pytest.mark.parametrize(
    ("ranked", "relevant", "field"),
    [
        (RANKED, RELEVANT[:3], "relevant"),
        (np.array([[1, 1]]), [[1]], "ranked"),
        (np.array([1, 2]), [[1]], "ranked"),
        (np.array([[1.0]]), [[1]], "ranked"),
        (np.zeros((1, 0), int), [[1]], "ranked"),
        (np.array([[1]]), [[-1]], "relevant"),
    ],
    ids=["people", "twice", "one axis", "floats", "no places", "negative"],
)
def test_bad_input_is_named(ranked, relevant, field):
    """What does not fit is refused by name, not averaged."""
    with pytest.raises(InputError) as error:
        judge(ranked, relevant)
    assert error.value.field == field


LISTS = st.integers(1, 8).flatmap(
    lambda k: st.tuples(
        st.lists(st.integers(0, 11), min_size=k, max_size=k, unique=True),
        st.integers(0, k),
        st.sets(st.integers(0, 11), min_size=1),
    )
)


@settings(deadline=None)
@given(LISTS)
def test_laws(case):
    """All lie within 0 and 1, all are 0 together, and an ideal list has all that it can have."""
    items, filled, relevant = case
    row = np.array(items)
    row[filled:] = -1
    judged = judge(row[None, :], [np.array(sorted(relevant))])
    values = {name: float(figure(judged)[0]) for name, figure in ACCURACY.items()}
    assert all(0 <= value <= 1 for value in values.values())
    assert len({value > 0 for value in values.values()}) == 1
    assert values["hit_rate"] >= values["mrr"] >= values["precision"] * values["mrr"]
    ideal = [*sorted(relevant), *(one for one in range(12) if one not in relevant)][: len(items)]
    best = judge(np.array([ideal]), [np.array(sorted(relevant))])
    assert all(figure(best)[0] >= values[name] for name, figure in ACCURACY.items())
    assert ndcg(best)[0] == average_precision(best)[0] == 1


@settings(deadline=None)
@given(LISTS)
def test_a_hit_moved_up_never_costs(case):
    """Swapping a hit with the miss before it lowers nothing."""
    items, _, relevant = case
    wanted = [np.array(sorted(relevant))]
    before = judge(np.array([items]), wanted)
    for place in range(1, len(items)):
        if before.hits[0, place] and not before.hits[0, place - 1]:
            moved = [*items]
            moved[place - 1], moved[place] = moved[place], moved[place - 1]
            after = judge(np.array([moved]), wanted)
            assert all(figure(after)[0] >= figure(before)[0] for figure in ACCURACY.values())
