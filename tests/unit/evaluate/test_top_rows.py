"""From scores to lists: who comes first, and who does not come at all."""

import numpy as np
import pytest

from knowingly.errors import InputError
from knowingly.evaluate.ranking import top_rows


def test_ties_break_by_the_lower_row():
    """Equal scores come in catalogue order, also where the list is cut."""
    scores = np.array([[1.0, 3.0, 2.0, 3.0, 2.0, 2.0]])
    assert top_rows(scores, None, 4).tolist() == [[1, 3, 2, 4]]
    assert top_rows(scores.astype(np.uint8), None, 4).tolist() == [[1, 3, 2, 4]]


def test_what_is_excluded_or_not_above_zero_is_never_ranked():
    """Zero, negative, -inf and NaN are no recommendation; what is left over is -1."""
    scores = np.array([[5.0, 0.0, -1.0, -np.inf, np.nan, 1.0], [2.0, 9.0, 1.0, 0.0, 0.0, 0.0]])
    before = scores.copy()
    mask = np.zeros(scores.shape, dtype=bool)
    mask[1, 1] = True
    assert top_rows(scores, mask, 3).tolist() == [[0, 5, -1], [0, 2, -1]]
    assert top_rows(scores, None, 3).tolist() == [[0, 5, -1], [1, 0, 2]]
    np.testing.assert_array_equal(scores, before)


def test_equals_a_full_stable_sort():
    """The shortcut for long catalogues changes nothing."""
    scores = np.random.default_rng(2).integers(0, 6, size=(50, 200))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :20]
    expected = np.where(np.take_along_axis(scores, order, axis=1) > 0, order, -1)
    np.testing.assert_array_equal(top_rows(scores, None, 20), expected)


def test_shapes_that_do_not_fit_are_refused():
    """An exclusion of other people's or items' shape is an error."""
    with pytest.raises(InputError, match="exclude"):
        top_rows(np.ones((2, 3)), np.zeros((2, 2), dtype=bool), 1)
    with pytest.raises(InputError, match="k"):
        top_rows(np.ones((2, 3)), None, 0)
