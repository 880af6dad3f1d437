"""What lists of neighbours say: a row to an item, padded at the end with -1 of strength 0."""

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
    near = _near(neighbour, rows)
    value = strength[:, : near.shape[1]][rows] * weight[:, None]
    # Padding adds its strength, 0, to item 0: cheaper than leaving it out.
    column = np.maximum(near.ravel(), 0)
    scores: Floats = np.bincount(column, value.ravel(), minlength=len(neighbour)).astype(
        float,
        copy=False,  # of no rows at all it makes whole numbers
    )
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
    slot = np.full(len(neighbour), -1, np.intp)
    slot[items] = np.arange(len(items))
    asked = np.zeros(len(neighbour) + 1, bool)  # one more at the end, which padding reads
    asked[items] = True
    near = _near(neighbour, rows)
    anchor, place = np.nonzero(asked[near])
    added = np.zeros((len(items), len(positions)))
    added[slot[near[anchor, place]], anchor] = strength[rows[anchor], place] * weights[anchor]
    best = added.argmax(axis=1)
    because = np.where(added[np.arange(len(items)), best] > 0, positions[best], -1)
    return because[slot[items]]  # an item asked for twice has one slot


def _near(neighbour: NDArray[np.int32], rows: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """The lists of some rows, no longer than the longest of them: in many shops most are short."""
    near: NDArray[np.int32] = neighbour[rows]
    if near[:, -1].max(initial=-1) >= 0:
        return near
    width = int((near >= 0).any(axis=0).sum())
    return near[:, :width]
