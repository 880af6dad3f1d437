"""From scores to lists: best first, and how ties break."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import InputError
from knowingly.recommend.interface.arrays import Ints

NOTHING = -1
"""Pads a list where there was nothing more to recommend."""


def top_rows(scores: NDArray[Any], exclude: NDArray[np.bool_] | None, k: int) -> Ints:
    """Rank each person's items: best score first, ties by the lower item row.

    The lower row is the item that the shop knew first. Random or favourable tie-breaking would give
    other figures on every run, or better ones than the shop would serve.

    Args:
        scores: Shape ``(n_people, n_items)``; not changed. A score that is not above 0 (NaN and
            -inf too) is no recommendation.
        exclude: What must not be ranked: a bool array of that shape, or None.
        k: Columns of the result, >= 1.

    Returns:
        Item rows, shape ``(n_people, k)``, filled up with -1.

    Raises:
        InputError: Shapes do not fit, or ``k`` is below 1.
    """
    if k < 1:
        raise InputError("k", "at least 1")
    if scores.ndim != 2 or (exclude is not None and exclude.shape != scores.shape):
        raise InputError("exclude", "scores of two dimensions and an exclusion of the same shape")
    allowed = scores > 0
    if exclude is not None:
        allowed &= ~exclude
    ranked = np.full((scores.shape[0], k), NOTHING, dtype=np.int64)
    for person, (mine, mask) in enumerate(zip(scores, allowed, strict=True)):
        best = _best(mine, np.flatnonzero(mask), k)
        ranked[person, : best.size] = best
    return ranked


def _best(scores: NDArray[Any], rows: NDArray[np.intp], k: int) -> NDArray[np.intp]:
    """The ``k`` best of ``rows``, which ascend: a stable sort then breaks ties by the lower row."""
    values = scores[rows]
    if rows.size > k:  # a sort of the whole catalogue would be most of an evaluation's time
        floor = np.partition(values, rows.size - k)[rows.size - k]
        keep = values >= floor
        rows, values = rows[keep], values[keep]
    # Reversed twice rather than negated, because unsigned scores have no negative.
    ascending = np.argsort(values[::-1], kind="stable")
    return rows[::-1][ascending][::-1][:k]
