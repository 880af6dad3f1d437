"""Weights between items: listed pairs, the rest as two figures, and arrays that are off."""

import numpy as np
import pytest

from histories import history
from knowingly.domain.event import EventKind
from knowingly.recommend.interface.query import Query
from knowingly.recommend.models.kinds import MODEL_KINDS, ItemWeights

NEIGHBOUR = np.array([[1, 3], [0, -1], [1, 3], [-1, -1]], np.int32)
WEIGHT = np.array([[0.5, -0.25], [0.75, 0.0], [0.125, 0.25], [0.0, 0.0]], np.float32)
REACH = np.array([1.0, 0.5, 0.25, 0.0])
BASE = np.array([-0.5, 0.25, -1.0, 0.5])
WHOLE = np.array(  # what the arrays above say, pair by pair
    [
        [0.0, 0.5, -1.0, -0.25],
        [0.75, 0.0, -0.5, 0.25],
        [-0.125, 0.125, 0.0, 0.25],
        [0.0, 0.0, 0.0, 0.0],
    ]
)


def model():
    return ItemWeights(NEIGHBOUR.copy(), WEIGHT.copy(), REACH.copy(), BASE.copy())


def test_a_pair_weighs_what_is_listed_or_what_the_two_figures_say():
    """An item says nothing for itself, and one of no reach nothing at all."""
    found = model()
    for item in range(4):
        assert found.similar(item).tolist() == WHOLE[item].tolist()


def test_a_score_is_the_sum_of_what_the_history_says():
    """A view says a fifth of a purchase; who did nothing gets 0 for everything."""
    found = model()
    assert found.score(Query(4, history([0, 2]))).tolist() == (WHOLE[0] + WHOLE[2]).tolist()
    viewed = found.score(Query(4, history([0], EventKind.VIEW)))
    np.testing.assert_allclose(viewed, WHOLE[0] * 0.2, atol=1e-15)
    nothing = found.score(Query(4))
    assert nothing.tolist() == [0.0] * 4
    assert nothing.dtype == np.float64


def test_the_context_leads():
    """The page's item and the basket weigh as much as the whole history together."""
    query = Query(4, history([0, 2]), 1, np.array([1, 3], np.int32))
    expected = WHOLE[0] + WHOLE[2] + 1.0 * (WHOLE[1] + WHOLE[3])
    np.testing.assert_allclose(model().score(query), expected, atol=1e-15)


def test_a_reason_is_a_listed_pair_that_spoke_for_the_item():
    """Not one that spoke against it, nor one that is in the figures of all the others."""
    found = model()
    query = Query(4, history([2, 0]))
    assert found.because_many(query, np.array([1, 3, 0, 2, 1])).tolist() == [1, 0, -1, -1, 1]
    assert found.because(query, 1) == 1
    assert found.because_many(query, np.zeros(0, np.intp)).tolist() == []
    assert found.because_many(Query(4), np.array([1])).tolist() == [-1]


def test_saved_weights_are_read_again():
    """By the kind saved beside them; also those of an empty shop."""
    found = model()
    again = MODEL_KINDS[found.kind].from_arrays(found.arrays())
    assert again.similar(0).tolist() == found.similar(0).tolist()
    nothing = {name: array[:0] for name, array in found.arrays().items()}
    assert ItemWeights.from_arrays(nothing).n_items == 0


def broken(name, place, value):
    arrays = {key: np.array(array) for key, array in model().arrays().items()}
    arrays[name][place] = value
    return arrays


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (broken("neighbour", (0, 0), 4), "item rows"),
        (broken("neighbour", (0, 0), -2), "item rows"),
        (broken("neighbour", (0, 0), 0), "beside itself"),
        (broken("neighbour", (0, 1), 1), "once, ascending"),
        (broken("neighbour", (1, 1), 0), "once, ascending"),
        (broken("neighbour", (0, 1), -1), "0 for padding"),
        (broken("weight", (0, 0), np.nan), "finite"),
        (broken("reach", 0, np.inf), "finite"),
        (broken("base", 0, np.nan), "finite"),
        ({**model().arrays(), "more": np.zeros(4)}, "expected the arrays"),
        ({**model().arrays(), "base": np.zeros(4, np.float32)}, "base: expected float64"),
        ({**model().arrays(), "base": np.zeros(3)}, "a row per item"),
        ({**model().arrays(), "weight": np.zeros((4, 1), np.float32)}, "as many as"),
        ({**model().arrays(), "weight": np.zeros(4, np.float32)}, "with 2 axes"),
    ],
)
def test_weight_arrays_that_are_off_are_refused(arrays, message):
    """Each of these would make a wrong page later."""
    with pytest.raises(ValueError, match=message):
        ItemWeights.from_arrays(arrays)
