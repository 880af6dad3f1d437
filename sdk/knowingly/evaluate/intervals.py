"""How sure a figure is: bootstrap intervals, and tests between algorithms on the same people."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.arrays import Floats

SAMPLES = 2_000
SHUFFLES = 10_000
LEVEL = 0.95
_DRAWS_AT_ONCE = 2**22


def bootstrap(values: Floats, *, samples: int = SAMPLES, seed: int) -> tuple[Floats, Floats]:
    """The 95 % percentile interval of the mean over people of each column.

    People are drawn with replacement, and the same draws serve every column, so that columns can be
    compared. NaN leaves a person out of a column's means.

    Args:
        values: A figure for each person, shape ``(n_people, n_columns)``, n_people >= 1.
        samples: How many times everyone is drawn anew.
        seed: The same seed gives the same interval.

    Returns:
        Lower and upper ends, each of shape ``(n_columns,)``; NaN for a column that is all NaN.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 13.3.
    """
    there = ~np.isnan(values)
    filled = np.where(there, values, 0.0)
    means = []
    for weight in _draws(len(values), samples, np.random.default_rng(seed)):
        counted = weight @ there
        out = np.full(counted.shape, np.nan)
        means.append(np.divide(weight @ filled, counted, out=out, where=counted > 0))
    low, high = (np.full(values.shape[1], np.nan) for _ in range(2))
    some = there.any(axis=0)
    if some.any():
        tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        low[some], high[some] = np.nanquantile(np.concatenate(means)[:, some], tails, axis=0)
    return low, high


def _draws(people: int, samples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each person is drawn, a chunk of samples at a time."""
    step = max(1, _DRAWS_AT_ONCE // people)
    for start in range(0, samples, step):
        rows = min(step, samples - start)
        drawn = rng.integers(0, people, (rows, people)) + np.arange(rows)[:, None] * people
        counts = np.bincount(drawn.ravel(), minlength=rows * people)
        yield counts.reshape(rows, people).astype(np.float64)


def permutation(differences: Floats, *, shuffles: int = SHUFFLES, seed: int) -> Floats:
    """Two-sided p-values of the paired permutation test, one for each column.

    If two algorithms were alike, each person's difference could as well have the other sign. The
    p-value is the share of random signs whose mean difference is at least as far from 0 as the one
    seen, the one seen included: never 0, and at least ``1 / (shuffles + 1)``.

    Args:
        differences: A figure of one algorithm less that of another, for each person and each pair
            of algorithms, shape ``(n_people, n_pairs)``, n_people >= 1.
        shuffles: How many random signs are tried.
        seed: The same seed gives the same p-values.

    Source: Fisher, The Design of Experiments, 1935; for retrieval Smucker, Allan, Carterette, CIKM
        2007; the one seen counted in as in Phipson and Smyth, 2010.
    """
    rng = np.random.default_rng(seed)
    people = len(differences)
    seen = np.abs(differences.sum(axis=0))
    # A sum of the same numbers in another order must count as equal.
    bar = seen - 1e-12 * np.abs(differences).sum(axis=0)
    as_far = np.ones(differences.shape[1])
    step = max(1, _DRAWS_AT_ONCE // people)
    for start in range(0, shuffles, step):
        rows = min(step, shuffles - start)
        bits = np.frombuffer(rng.bytes(-(-rows * people // 8)), np.uint8)
        signs = np.unpackbits(bits, count=rows * people).reshape(rows, people)
        shuffled = 2.0 * (signs.astype(np.float64) @ differences) - differences.sum(axis=0)
        as_far += (np.abs(shuffled) >= bar).sum(axis=0)
    return as_far / (shuffles + 1)


def holm(p_values: Floats) -> Floats:
    """P-values corrected for being many, so that the chance of any false alarm stays bounded.

    The smallest is multiplied by their number, the next by one less, and so on; none falls below
    one before it, nor rises above 1.

    Source: Holm, Scandinavian Journal of Statistics 6(2), 1979.
    """
    order = np.argsort(p_values, kind="stable")
    factor = np.arange(len(p_values), 0, -1)
    corrected: NDArray[np.float64] = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factor), 1.0)
    return corrected
