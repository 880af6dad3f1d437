"""What lists are like: each figure by hand, by its laws, and by a slow way of computing it."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowingly import ItemTable
from knowingly.errors import InputError
from knowingly.evaluate.features import ItemFacts, buckets
from knowingly.evaluate.lists import calibration, coverage, diversity, gini, novelty, sparse_rows


def facts(*items, chosen_by=None):
    """Items of ``(brand, categories, tags)``."""
    table = ItemTable(
        title=["x"] * len(items),
        brand=[brand for brand, _, _ in items],
        categories=[tuple(some) for _, some, _ in items],
        tags=[tuple(some) for _, _, some in items],
        attributes=[{}] * len(items),
        price=np.full(len(items), np.nan),
    )
    chosen = np.zeros(len(items), np.int64) if chosen_by is None else np.array(chosen_by)
    return ItemFacts.make(chosen, table, people=10, least=1)


def test_novelty_by_hand():
    """Half of the people are one bit, a quarter two; nobody counts as one person of eight."""
    ranked = np.array([[0, 1], [2, -1], [-1, -1]])
    found = novelty(ranked, np.array([4, 2, 0]), 8)
    np.testing.assert_allclose(found, [1.5, 3, math.nan])
    with pytest.raises(InputError):
        novelty(ranked, np.array([4, 2, 0]), 0)


def test_diversity_by_hand():
    """Two alike and one with half in common: the mean over three pairs."""
    items = facts(("a", ["x"], []), ("a", ["x"], []), ("a", ["y"], []), ("", [], []))
    found = diversity(np.array([[0, 1, 2], [0, 1, -1], [0, 3, -1]]), items.features)
    np.testing.assert_allclose(found, [1 - (1 + 0.5 + 0.5) / 3, 0, math.nan], atol=1e-12)


def test_a_brand_is_no_category_of_that_name():
    """The same word in two columns is two things."""
    items = facts(("x", [], []), ("", ["x"], []), ("", [], ["x"]))
    assert diversity(np.array([[0, 1, 2]]), items.features)[0] == 1


def test_calibration_by_hand():
    """Steck's: two thirds x and a third y, shown as half and half."""
    items = facts(("", ["x"], []), ("", ["y"], []), ("", ["x", "y"], []), ("", [], []))
    history = sparse_rows(
        [np.array([0, 1]), np.array([0]), np.array([3])], 4, np.array([1.0, 0.5, 1.0, 1.0])
    )
    ranked = np.array([[2, 3], [0, -1], [0, 1]])
    p, q = (2 / 3, 1 / 3), (0.5, 0.5)
    mixed = [0.99 * shown + 0.01 * own for own, shown in zip(p, q, strict=True)]
    expected = sum(own * math.log(own / one) for own, one in zip(p, mixed, strict=True))
    np.testing.assert_allclose(
        calibration(ranked, history, items.categories), [expected, 0, math.nan], atol=1e-12
    )


def test_calibration_of_the_opposite_is_finite():
    """Nothing of the person's own mix is shown: the logarithm of a hundred."""
    items = facts(("", ["x"], []), ("", ["y"], []))
    history = sparse_rows([np.array([0])], 2)
    assert calibration(np.array([[1]]), history, items.categories)[0] == pytest.approx(
        math.log(100)
    )


def test_coverage_and_gini_by_hand():
    """Half of the items shown; all on one of four is the most uneven that four can be."""
    assert coverage(np.array([3, 0, 1, 0])) == 0.5
    assert gini(np.array([5, 5, 5, 5])) == 0
    assert gini(np.array([0, 0, 7, 0])) == pytest.approx(0.75)
    assert gini(np.array([1, 3])) == pytest.approx(0.25)
    assert math.isnan(gini(np.zeros(3, int)))
    assert math.isnan(coverage(np.zeros(0, int)))


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=30).filter(any))
def test_gini_is_the_mean_gap_of_all_pairs(counts):
    """The textbook form: half the mean absolute difference, over the mean."""
    x = np.array(counts)
    expected = np.abs(x[:, None] - x).mean() / (2 * x.mean())
    assert gini(x) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(st.data())
def test_diversity_is_the_mean_over_pairs(data):
    """The sum of unit vectors gives what every pair by itself gives."""
    words = st.lists(st.sampled_from("abcd"), max_size=3, unique=True)
    items = facts(*(("", data.draw(words), data.draw(words)) for _ in range(6)))
    row = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True))
    dense = items.features.todense()
    known = [one for one in row if dense[one].any()]
    alike = [float(dense[a] @ dense[b]) for a, b in combinations(known, 2)]
    expected = 1 - np.mean(alike) if alike else math.nan
    np.testing.assert_allclose(diversity(np.array([row]), items.features), [expected], atol=1e-9)


def test_buckets_by_thirds_of_all_choices():
    """The most chosen third of choices, the next, the rest; what too few chose is cold."""
    chosen_by = np.array([1, 30, 12, 10, 9, 8, 8, 7, 6, 4])
    found = buckets(chosen_by, 5)
    assert found.tolist() == [3, 0, 1, 1, 1, 2, 2, 2, 2, 3]
    assert buckets(np.zeros(3, np.int64), 5).tolist() == [3, 3, 3]
