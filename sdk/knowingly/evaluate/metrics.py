"""Figures of a ranking. Libraries differ in their definitions, so each function names its own.

Everywhere ``ranked`` is an int array of item rows, shape ``(n_people, columns)``, best first, with
-1 where nothing was recommended; ``relevant`` holds each person's test items, in the same order of
people, as a sparse matrix of shape ``(n_people, n_items)`` or as one collection of item rows per
person. Averages are over the people who have at least one test item; the others are left out.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from knowingly.errors import InputError

Rows: TypeAlias = npt.NDArray[np.int64]
Relevant: TypeAlias = Any
"""A scipy sparse matrix or array, or ``Sequence[Collection[int]]``; scipy ships no types."""
Mask: TypeAlias = Any
"""A bool array, or a scipy sparse matrix or array; None for no mask."""

NOTHING = -1
"""Pads a ranking where there was nothing more to recommend."""


def ndcg_at_k(ranked: Rows, relevant: Relevant, k: int) -> float:
    """Normalised discounted cumulative gain with binary relevance.

    DCG is the sum of ``1 / log2(position + 1)`` over hits in the first ``k`` positions, counted
    from 1; the ideal DCG has ``min(k, number of test items)`` terms.

    Returns:
        The mean over people with a test item, 0 to 1.

    Raises:
        InputError: Shapes do not fit, a row ranks an item twice, or nobody has a test item.

    Stability: internal.
    Source: Järvelin and Kekäläinen, ACM TOIS 20(4), 2002; the discount as in TREC's.
    """
    hits, n_relevant = _hits(ranked, relevant, k)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate(([0.0], np.cumsum(discount)))[np.minimum(n_relevant, k)]
    return _mean((hits @ discount[: hits.shape[1]])[n_relevant > 0] / ideal[n_relevant > 0])


def coverage_at_k(ranked: Rows, n_items: int) -> float:
    """The share of the catalogue that anyone was recommended: distinct items over ``n_items``.

    ``k`` is the number of columns. Everyone counts here, with or without a test item.

    Raises:
        InputError: ``n_items`` is below 1, or ``ranked`` names a row outside the catalogue.

    Stability: internal.
    """
    _check_ranked(ranked)
    if n_items < 1 or (ranked.size and ranked.max() >= n_items):
        raise InputError("n_items", "at least 1, and more than any ranked row")
    return np.unique(ranked[ranked >= 0]).size / n_items


def top_rows(scores: npt.NDArray[Any], exclude: Mask, k: int) -> Rows:
    """Rank each person's items: best score first, ties by the lower item row.

    Args:
        scores: Shape ``(n_people, n_items)``; not changed. A score that is not above 0 (NaN and
            -inf too) is no recommendation.
        exclude: What must not be ranked: a bool array or a sparse matrix of that shape, or None.
        k: Columns of the result, >= 1.

    Returns:
        Item rows, shape ``(n_people, k)``, filled up with -1.

    Raises:
        InputError: Shapes do not fit, or ``k`` is below 1.

    Stability: internal.
    """
    _check_k(k)
    if scores.ndim != 2 or (exclude is not None and exclude.shape != scores.shape):
        raise InputError("exclude", "scores of two dimensions and an exclusion of the same shape")
    allowed = scores > 0
    if sparse.issparse(exclude):
        pairs = exclude.tocoo()
        there = pairs.data != 0
        allowed[pairs.row[there], pairs.col[there]] = False
    elif exclude is not None:
        allowed &= ~exclude
    ranked = np.full((scores.shape[0], k), NOTHING, dtype=np.int64)
    for person, (mine, mask) in enumerate(zip(scores, allowed, strict=True)):
        best = _best(mine, np.flatnonzero(mask), k)
        ranked[person, : best.size] = best
    return ranked


def _best(scores: npt.NDArray[Any], rows: npt.NDArray[np.intp], k: int) -> npt.NDArray[np.intp]:
    """The ``k`` best of ``rows``, which ascend: a stable sort then breaks ties by the lower row."""
    values = scores[rows]
    if rows.size > k:  # a sort of the whole catalogue would be most of an evaluation's time
        floor = np.partition(values, rows.size - k)[rows.size - k]
        keep = values >= floor
        rows, values = rows[keep], values[keep]
    # Reversed twice rather than negated, because unsigned scores have no negative.
    ascending = np.argsort(values[::-1], kind="stable")
    return rows[::-1][ascending][::-1][:k]


def _hits(
    ranked: Rows, relevant: Relevant, k: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Which of the first ``k`` positions hit, and how many test items each person has."""
    _check_k(k)
    _check_ranked(ranked)
    person, item = _pairs(relevant)
    n_people = relevant.shape[0] if sparse.issparse(relevant) else len(relevant)
    if ranked.shape[0] != n_people:
        raise InputError("relevant", f"as many people as were ranked, {ranked.shape[0]}")
    first = ranked[:, :k]
    ordered = np.sort(first, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise InputError("ranked", "each item at most once per person")
    stride = 1 + max(item.max(initial=0), first.max(initial=0))
    tests = np.unique(person * stride + item)  # a test item named twice is one test item
    asked = np.arange(n_people)[:, None] * stride + first
    hits = np.isin(asked, tests) & (first >= 0)
    return hits.astype(np.float64), np.bincount(tests // stride, minlength=n_people)


def _pairs(relevant: Relevant) -> tuple[Rows, Rows]:
    """Person and item of every test item."""
    if sparse.issparse(relevant):
        pairs = relevant.tocoo()
        there = pairs.data != 0
        return pairs.row[there].astype(np.int64), pairs.col[there].astype(np.int64)
    sizes = [len(items) for items in relevant]
    item = np.fromiter((row for items in relevant for row in items), np.int64, sum(sizes))
    if item.size and item.min() < 0:
        raise InputError("relevant", "item rows of at least 0")
    return np.repeat(np.arange(len(sizes), dtype=np.int64), sizes), item


def _mean(values: npt.NDArray[np.float64]) -> float:
    if not values.size:
        raise InputError("relevant", "at least one person with a test item")
    return float(values.mean())


def _check_k(k: int) -> None:
    if k < 1:
        raise InputError("k", "at least 1")


def _check_ranked(ranked: Rows) -> None:
    if ranked.ndim != 2 or ranked.dtype.kind not in "iu":
        raise InputError("ranked", "item rows of shape (people, k)")
