"""Items as vectors: a person is the sum of what they chose."""

import numpy as np
import pytest

from histories import history
from knowingly.domain.event import EventKind
from knowingly.recommend.interface.query import Query
from knowingly.recommend.models.kinds import MODEL_KINDS, ItemFactors

FACTOR = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0], [0.0, 0.0]])
CHOSEN = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, -1.0]])
BIAS = np.array([0.5, 0.0, -1.0, 0.25])


def test_a_score_is_the_dot_product_with_the_sum_of_what_was_chosen():
    """A view weighs a fifth of a purchase; the same vectors serve for both where none are given."""
    query = Query(4, history([0, 1]))
    assert ItemFactors(FACTOR).score(query).tolist() == [1.0, 4.0, 11.0, 0.0]
    whole = ItemFactors(FACTOR, CHOSEN, BIAS)
    assert whole.score(query).tolist() == [1.5, 2.0, 6.0, 0.25]
    viewed = whole.score(Query(4, history([0], EventKind.VIEW)))
    np.testing.assert_allclose(viewed, 0.2 * FACTOR @ CHOSEN[0] + BIAS, rtol=1e-6)


def test_with_the_mean_a_long_history_does_not_outweigh_the_bias():
    """The same for one purchase and for one view, which is all there is of them."""
    found = ItemFactors(FACTOR, CHOSEN, BIAS, mean=True)
    expected = FACTOR @ (CHOSEN[0] + CHOSEN[1]) / 2 + BIAS
    np.testing.assert_allclose(found.score(Query(4, history([0, 1]))), expected, rtol=1e-6)
    for kind in (EventKind.PURCHASE, EventKind.VIEW):
        one = found.score(Query(4, history([0], kind)))
        np.testing.assert_allclose(one, FACTOR @ CHOSEN[0] + BIAS, rtol=1e-6)


def test_of_whom_nothing_is_known_the_bias_speaks():
    """Whether a person is a sum or a mean."""
    for mean in (False, True):
        found = ItemFactors(FACTOR, CHOSEN, BIAS, mean=mean)
        assert found.score(Query(4)).tolist() == BIAS.tolist()


def test_the_context_counts_as_if_chosen():
    """The page's item alone asks as somebody who chose it."""
    found = ItemFactors(FACTOR, CHOSEN)
    page, bought = found.score(Query(4, item=2)), found.score(Query(4, history([2])))
    assert page.tolist() == bought.tolist()


def test_items_are_similar_by_cosine():
    """0 for the item itself, and where a vector says nothing."""
    found = ItemFactors(FACTOR, CHOSEN)
    np.testing.assert_allclose(found.similar(2), [0.6, 0.8, 0.0, 0.0], rtol=1e-6)
    assert found.similar(3).tolist() == [0.0] * 4


def test_a_reason_is_what_added_most():
    """-1 where nothing in the history spoke for the item."""
    found = ItemFactors(FACTOR, CHOSEN)
    query = Query(4, history([1, 0, 3]))
    assert found.because_many(query, np.array([0, 1, 2, 3, 0])).tolist() == [0, 1, 1, -1, 0]
    assert found.because(query, 2) == 1
    assert found.because_many(Query(4), np.array([0])).tolist() == [-1]
    assert found.because_many(query, np.zeros(0, np.intp)).tolist() == []


def test_saved_factors_are_read_again():
    """With or without vectors of their own for what was chosen; also those of an empty shop."""
    query = Query(4, history([0, 1]))
    for found in (ItemFactors(FACTOR), ItemFactors(FACTOR, CHOSEN, BIAS, mean=True)):
        again = MODEL_KINDS[found.kind].from_arrays(found.arrays())
        assert again.score(query).tolist() == found.score(query).tolist()
    empty = ItemFactors(np.zeros((0, 2)))
    assert ItemFactors.from_arrays(empty.arrays()).score(Query(0)).shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factor": np.zeros((4, 2))}, "factor: expected float32"),
        ({"factor": np.zeros(4, np.float32)}, "with 2 axes"),
        ({"chosen": np.zeros((4, 3), np.float32)}, "one length"),
        ({"bias": np.zeros(3)}, "one number per item"),
        ({"bias": np.full(4, np.nan)}, "finite"),
        ({"mean": np.array([True, False, True, True])}, "the same in every row"),
        ({"mean": np.zeros(3, bool)}, "the same in every row"),
        ({"more": np.zeros(4)}, "expected the arrays"),
    ],
)
def test_factor_arrays_that_are_off_are_refused(change, message):
    """Each of these would make a wrong page later."""
    with pytest.raises(ValueError, match=message):
        ItemFactors.from_arrays({**ItemFactors(FACTOR, CHOSEN, BIAS).arrays(), **change})
