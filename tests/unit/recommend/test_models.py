"""The models that ship answer as they should, and refuse arrays that are off."""

import numpy as np
import pytest

from histories import history
from knowingly.domain.event import EventKind
from knowingly.recommend.interface.counts import MemoryCounts
from knowingly.recommend.interface.query import Query
from knowingly.recommend.models.kinds import MODEL_KINDS, ItemNeighbours, ItemScores

PAIRS = np.array(
    [
        [9, 6, 4, 1, 0],
        [6, 16, 4, 5, 0],
        [4, 4, 4, 0, 0],
        [1, 5, 0, 25, 0],
        [0, 0, 0, 0, 0],
    ]
)


def model(floor=1, keep=3):
    return ItemNeighbours.strongest(MemoryCounts(PAIRS, floor=floor), keep=keep)


def test_scores_are_the_same_for_everyone():
    """Below the floor an item has nothing to say."""
    scores = ItemScores.from_counts(np.array([4, 5, 9]), 5)
    assert scores.score(Query(3)).tolist() == [0, 5, 9]
    assert scores.n_items == 3
    assert not scores.scores.flags.writeable
    assert ItemScores([0.0, -np.inf]).score(Query(2))[1] == -np.inf


@pytest.mark.parametrize("wrong", [[np.nan], [np.inf], [[1.0]]])
def test_scores_that_are_off_are_refused(wrong):
    """NaN, +inf and two axes, at construction and when read again."""
    with pytest.raises(ValueError, match="scores"):
        ItemScores(wrong)
    with pytest.raises(ValueError, match="scores"):
        ItemScores.from_arrays({"score": np.array(wrong)})


@pytest.mark.parametrize("arrays", [{}, {"other": np.zeros(2)}, {"score": np.zeros(2, np.float32)}])
def test_score_arrays_that_are_off_are_refused(arrays):
    """A name or a dtype that is not ours."""
    with pytest.raises(ValueError, match="scores"):
        ItemScores.from_arrays(arrays)


def test_the_strongest_by_cosine_stay():
    """Of item 0: 4/sqrt(4) before 6/sqrt(16) before 1/sqrt(25); the item itself never."""
    for keep, members in ((1, [2]), (2, [1, 2]), (3, [1, 2, 3])):
        assert model(keep=keep).neighbour[0].tolist() == members
    found = model()
    assert found.count[0].tolist() == [6, 4, 1]
    assert found.total.tolist() == [9, 16, 4, 25, 0]
    cosine = [4 / 6, 6 / 12, 1 / 15]
    np.testing.assert_allclose(found.similar(0)[[2, 1, 3]], cosine, rtol=1e-15)
    assert found.neighbour[4].tolist() == [-1, -1, -1]


def test_pairs_under_the_floor_are_not_kept():
    """A pair of four people does not show where the floor is five."""
    found = model(floor=5)
    assert found.neighbour[0].tolist() == [1, -1, -1]
    assert found.neighbour[2].tolist() == [-1, -1, -1]
    assert found.similar(2).tolist() == [0, 0, 0, 0, 0]


def test_of_equals_the_lower_row_comes_first_and_stays():
    """Four equal neighbours and room for two."""
    equal = np.full((5, 5), 3) + np.diag([4] * 5)
    found = ItemNeighbours.strongest(MemoryCounts(equal, floor=1), keep=2)
    assert found.neighbour.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


def test_a_score_is_the_weighted_sum_of_rows():
    """A purchase counts 1 and a view .2 of each row; a person without history scores nothing."""
    found = model()
    expected = found.similar(0) + found.similar(3)
    np.testing.assert_allclose(found.score(Query(5, history([0, 3]))), expected)
    viewed = found.score(Query(5, history([0], EventKind.VIEW)))
    np.testing.assert_allclose(viewed, found.similar(0) * 0.2)
    assert found.score(Query(5)).tolist() == [0, 0, 0, 0, 0]


def test_the_context_leads():
    """The page's item weighs as much as the history, and shares that with the basket."""
    found = model()
    alone = found.score(Query(5, item=1))
    np.testing.assert_allclose(alone, found.similar(1))
    basket = np.array([0, 1], np.int32)
    both = found.score(Query(5, history([0, 2, 3]), item=1, basket=basket))
    told = found.similar(0) + found.similar(2) + found.similar(3)
    np.testing.assert_allclose(both, told + 1.5 * (found.similar(0) + found.similar(1)))


def test_because_names_the_event_that_added_most():
    """Of equals the first position; -1 where nothing in the history added anything."""
    found = model()
    query = Query(5, history([3, 0]), item=2)
    items = np.array([1, 2, 4, 1, 3])
    assert found.because_many(query, items).tolist() == [1, 1, -1, 1, 1]
    assert found.because(query, 0) == 0
    assert found.because_many(Query(5, item=2), items).tolist() == [-1] * 5
    assert found.because_many(query, items[:0]).tolist() == []


def test_a_pair_under_the_floor_does_not_enter_when_its_total_falls():
    """Item 2 is rare, so its cosine with item 0 is high; only two people share them."""
    before = np.array([[3, 3, 2], [3, 25, 0], [2, 0, 3]])
    found = ItemNeighbours.strongest(MemoryCounts(before, floor=3), keep=1)
    left = MemoryCounts(before - np.diag([0, 0, 1]), floor=3)
    assert found.refreshed(left, np.array([2])).neighbour.tolist() == [[1], [0], [-1]]


def test_an_item_enters_a_full_list_when_its_total_falls():
    """Item 2 draws level with item 1 and stays out; one person fewer, and it passes."""
    before = np.array([[9, 4, 4], [4, 16, 0], [4, 0, 18]])
    found = ItemNeighbours.strongest(MemoryCounts(before, floor=3), keep=1)
    for fewer, first in ((1, 1), (2, 1), (3, 2)):
        left = MemoryCounts(before - np.diag([0, 0, fewer]), floor=3)
        assert found.refreshed(left, np.array([2])).neighbour[0].tolist() == [first]


def test_refreshing_checks_its_counts():
    """Counts of another shop are refused; with nothing touched the model stays."""
    found = model()
    with pytest.raises(ValueError, match="5 items"):
        found.refreshed(MemoryCounts(PAIRS[:4, :4], floor=1), np.array([0]))
    assert found.refreshed(MemoryCounts(PAIRS, floor=1), np.array([], np.intp)) is found


def test_saved_neighbours_are_read_again():
    """By the kind saved beside them; also those of an empty shop."""
    found = model()
    again = MODEL_KINDS[found.kind].from_arrays(found.arrays())
    assert again.similar(1).tolist() == found.similar(1).tolist()
    empty = ItemNeighbours.strongest(MemoryCounts(np.zeros((0, 0), int), floor=1), keep=3)
    assert ItemNeighbours.from_arrays(empty.arrays()).n_items == 0


def broken(name, place, value):
    arrays = {key: np.array(array) for key, array in model().arrays().items()}
    arrays[name][place] = value
    return arrays


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (broken("neighbour", (0, 0), 5), "item rows"),
        (broken("neighbour", (0, 0), -2), "item rows"),
        (broken("neighbour", (0, 2), -1), "0 for padding"),
        (broken("count", (0, 0), 0), "0 for padding"),
        (broken("count", (4, 0), 2), "0 for padding"),
        (broken("count", (0, 0), -4), "0 for padding"),
        (broken("total", 4, -1), "0 for padding"),
        (broken("count", (0, 1), 5), "no more people"),
        (broken("total", 0, 3), "no more people"),
        (broken("neighbour", (0, 0), 0), "beside itself"),
        (broken("neighbour", (1, 1), 0), "once, ascending"),
        (broken("neighbour", (1, 0), 3), "once, ascending"),
        (broken("neighbour", (0, 0), 4), "no more people"),
        ({**model().arrays(), "more": np.zeros(5)}, "expected the arrays"),
        ({**model().arrays(), "total": np.zeros(5)}, "total: expected int64"),
        ({**model().arrays(), "total": np.zeros((5, 1), np.int64)}, "with 1 axes"),
        ({**model().arrays(), "total": np.zeros(4, np.int64)}, "a row per total"),
        ({**model().arrays(), "count": np.zeros((5, 2), np.int32)}, "one shape"),
    ],
)
def test_neighbour_arrays_that_are_off_are_refused(arrays, message):
    """Each of these would make a wrong page or a wrong forget later."""
    with pytest.raises(ValueError, match=message):
        ItemNeighbours.from_arrays(arrays)
