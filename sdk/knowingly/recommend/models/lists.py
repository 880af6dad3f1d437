"""What lists of neighbours say: a row to an item, padded with -1 where the strength is 0."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.arrays import Floats, Rows
from knowingly.recommend.interface.query import History


def summed(
    neighbour: NDArray[np.int32],
    strength: NDArray[np.floating[Any]],
    rows: NDArray[np.integer[Any]],
    weight: Floats,
) -> Floats:
    """The weighted sum of some rows, shape ``(n_items,)``."""
    # Padding adds its strength, 0, to item 0: cheaper than leaving it out.
    column = np.maximum(neighbour[rows].ravel(), 0)
    value = (strength[rows] * weight[:, None]).ravel()
    scores: Floats = np.bincount(column, value, minlength=len(neighbour)).astype(float, copy=False)
    return scores


def adding_most(
    neighbour: NDArray[np.int32],
    strength: NDArray[np.floating[Any]],
    history: History,
    items: Rows,
) -> Rows:
    """The position in a history whose row adds most to each of ``items``, or -1 where none does.

    Of equals it is the first position.
    """
    positions, rows, weights = history.told()
    if not positions.size or not len(items):
        return np.full(len(items), -1, np.intp)
    slot = np.full(len(neighbour) + 1, -1, np.intp)  # one more at the end, which padding reads
    slot[items] = np.arange(len(items))
    hit = slot[neighbour[rows]]
    anchor, place = np.nonzero(hit >= 0)
    added = np.zeros((len(items), len(positions)))
    added[hit[anchor, place], anchor] = strength[rows[anchor], place] * weights[anchor]
    best = added.argmax(axis=1)
    because = np.where(added[np.arange(len(items)), best] > 0, positions[best], -1)
    return because[slot[items]]  # an item asked for twice has one slot
