"""Intervals and tests: by hand where it can be done, else against every case there is."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowingly.evaluate import intervals
from knowingly.evaluate.intervals import bootstrap, holm, permutation


def test_an_interval_holds_the_mean_and_narrows_with_people():
    """Near the mean less and plus 1.96 standard errors."""
    rng = np.random.default_rng(1)
    few, many = rng.random((100, 1)), rng.random((10_000, 1))
    for values in (few, many):
        low, high = bootstrap(values, seed=0)
        error = 1.96 * values.std() / math.sqrt(len(values))
        assert low[0] == pytest.approx(values.mean() - error, abs=error / 5)
        assert high[0] == pytest.approx(values.mean() + error, abs=error / 5)


def test_intervals_cover_what_they_should():
    """Of 400 samples of 60 people the true mean is in about 95 in a hundred intervals.

    Fewer than 90 or more than 99 would happen by chance less than once in a thousand seeds.
    """
    values = np.random.default_rng(2).normal(size=(60, 400))
    low, high = bootstrap(values, seed=3, samples=600)
    assert 0.90 < ((low < 0) & (high > 0)).mean() < 0.99


def test_people_a_figure_says_nothing_of_are_left_out():
    """NaN is nobody: the interval is that of the others; of nobody there is none."""
    values = np.array([[1.0, math.nan], [math.nan, math.nan], [1.0, math.nan]])
    low, high = bootstrap(values, seed=0)
    assert (low[0], high[0]) == (1.0, 1.0)
    assert np.isnan([low[1], high[1]]).all()


def test_the_same_seed_gives_the_same_and_chunks_change_nothing(monkeypatch):
    """However few draws fit into memory at once."""
    values = np.random.default_rng(4).random((50, 3))
    gaps = values[:, :2] - 0.4
    whole = bootstrap(values, seed=5), bootstrap(values, seed=5)
    np.testing.assert_array_equal(whole[0], whole[1])
    monkeypatch.setattr(intervals, "_DRAWS_AT_ONCE", 170)
    np.testing.assert_allclose(bootstrap(values, seed=5), whole[0])
    assert permutation(gaps, seed=5).shape == (2,)


@pytest.mark.parametrize("size", [1, 4, 9])
def test_permutation_approaches_the_exact_test(size):
    """All signs tried by hand: the share whose sum is at least as far from 0."""
    gaps = np.round(np.random.default_rng(size).normal(0.4, 1, size), 2)
    seen = abs(gaps.sum())
    every = [abs(np.dot(signs, gaps)) >= seen - 1e-9 for signs in product((-1, 1), repeat=size)]
    found = permutation(gaps[:, None], seed=7, shuffles=20_000)[0]
    assert found == pytest.approx(np.mean(every), abs=0.02)


def test_permutation_of_no_difference_is_one():
    """Equal algorithms are never told apart; a clear gap always is, and never with p = 0."""
    gaps = np.column_stack([np.zeros(40), np.full(40, 0.1)])
    p_values = permutation(gaps, seed=0, shuffles=500)
    assert p_values.tolist() == [1.0, pytest.approx(1 / 501)]


def test_holm_by_hand():
    """Three tests: the smallest times three, the next times two, and never below one before."""
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, 0.03])), [0.06, 0.03, 0.06])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert holm(np.zeros(0)).size == 0


@settings(deadline=None)
@given(st.lists(st.floats(0.0001, 1), min_size=1, max_size=12))
def test_holm_lies_between_none_and_bonferroni(values):
    """Never smaller than uncorrected, never larger than times their number, in the same order."""
    p = np.array(values)
    corrected = holm(p)
    assert (corrected >= p).all()
    assert (corrected <= np.minimum(p * len(p), 1) + 1e-12).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()
