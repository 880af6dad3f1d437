"""What a query rests on: the items of the history and of the context, with their weights."""

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.arrays import Floats, Rows
from knowingly.recommend.query import Query


def told(query: Query) -> tuple[Rows, NDArray[np.int32], Floats]:
    """The history positions that say something, and the item and weight of each."""
    weights = query.history.weights()
    positions = np.flatnonzero(weights)
    return positions, query.history.item[positions], weights[positions]


def anchors(query: Query) -> tuple[NDArray[np.int32], Floats]:
    """Items and weights of the history, and after them of the context, each item once in either.

    An item of the context (the page's, the basket's) weighs as much as its share of the whole
    history, and 1 at least, so that the context leads.
    """
    _, rows, weight = told(query)
    context = query.basket
    if query.item is not None:
        context = np.append(context, np.int32(query.item))
    if context.size:
        context = np.unique(context)
        lead = max(1.0, float(weight.sum()) / len(context))
        rows = np.concatenate([rows, context])
        weight = np.concatenate([weight, np.full(len(context), lead)])
    return rows, weight
