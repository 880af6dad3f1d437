"""Real weights between items: the strongest pairs one by one, and the rest as one figure."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.interface.arrays import Floats, Rows
from knowingly.recommend.interface.query import Query
from knowingly.recommend.models import lists, ranking

_DTYPES = {
    "neighbour": (np.int32, 2),
    "weight": (np.float32, 2),
    "reach": (np.float64, 1),
    "base": (np.float64, 1),
}


class ItemWeights(Model):
    """What choosing one item says for another; a person is the sum of their items' rows.

    A pair that is listed has a weight of its own, of either sign. Every other pair ``(i, j)``
    weighs ``reach[i] * base[j]``, so that a great many small weights stand together in few figures.
    An item says nothing for itself.

    Args:
        neighbour: Item rows, each once and ascending in a row, then -1; shape ``(n_items, keep)``.
        weight: What item ``i`` says for ``neighbour[i]``, same shape; 0 where there is none.
        reach: How much an item says for those it does not list, shape ``(n_items,)``.
        base: How much is said for an item by those that do not list it, shape ``(n_items,)``.

    Raises:
        ValueError: The arrays are not that.

    Stability: plugin.
    """

    kind: ClassVar[str] = "weights"
    floor_of: ClassVar[str] = (
        "the people who chose both items of a listed pair, and either item of the others"
    )

    def __init__(
        self,
        neighbour: NDArray[np.int32],
        weight: NDArray[np.float32],
        reach: Floats,
        base: Floats,
    ) -> None:
        self.neighbour, self.weight, self.reach, self.base = neighbour, weight, reach, base
        _check(self.arrays())
        # Scoring adds what is not listed for all items at once: a listed pair is then off by this.
        self._beyond: Floats = weight - np.append(base, 0.0)[neighbour] * reach[:, None]
        for array in (*self.arrays().values(), self._beyond):
            array.flags.writeable = False

    @property
    def n_items(self) -> int:
        """The number of model rows."""
        return len(self.base)

    def score(self, query: Query) -> Floats:
        """The weighted sum of what the items of the history and the context say."""
        return self._sum(*query.anchors())

    def similar(self, item: int) -> Floats:
        """What ``item`` says for every other item, and 0 for itself."""
        return self._sum(np.array([item]), np.ones(1))

    def company(self, items: Rows) -> Floats:
        """The sum of ``similar`` of each of ``items``, in one step."""
        return self._sum(items, np.ones(len(items)))

    def because(self, query: Query, item: int) -> int:
        """The position in the history whose item added most to the score of ``item``, or -1."""
        return int(self.because_many(query, np.array([item], np.intp))[0])

    def because_many(self, query: Query, items: Rows) -> Rows:
        """``because`` for each of ``items``, by listed pairs; of equals, the first position."""
        return lists.adding_most(self.neighbour, self.weight, query.history, items)

    def _sum(self, rows: NDArray[np.integer[Any]], weight: Floats) -> Floats:
        if not len(rows):
            return np.zeros(self.n_items)
        scores = lists.summed(self.neighbour, self._beyond, rows, weight)
        reach = self.reach[rows] * weight
        scores += self.base * reach.sum()
        np.subtract.at(scores, rows, self.base[rows] * reach)
        return scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """``neighbour``, ``weight``, ``reach`` and ``base``, as the constructor takes them."""
        return {name: getattr(self, name) for name in _DTYPES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "ItemWeights":
        """The model of saved arrays.

        Raises:
            ValueError: A name, shape, dtype or value is off, or a row is out of order.
        """
        if set(arrays) != set(_DTYPES):
            raise ValueError(f"weights: expected the arrays {', '.join(_DTYPES)}")
        return cls(*(np.array(arrays[name]) for name in _DTYPES))


def _check(arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, (dtype, axes) in _DTYPES.items():
        if arrays[name].dtype != dtype or arrays[name].ndim != axes:
            raise ValueError(f"{name}: expected {np.dtype(dtype)} with {axes} axes")
    neighbour, weight, reach, base = (arrays[name] for name in _DTYPES)
    if neighbour.shape != weight.shape or not weight.shape[1]:
        raise ValueError("neighbour: expected as many as there are weights, and room for one")
    if {len(weight), len(reach), len(base)} != {len(neighbour)}:
        raise ValueError("weights: expected a row per item in every array")
    if not all(np.isfinite(values).all() for values in (weight, reach, base)):
        raise ValueError("weights: expected finite numbers")
    if not neighbour.size:
        return
    if neighbour.min() < ranking.PADDING or neighbour.max() >= len(base):
        raise ValueError("neighbour: expected item rows, or -1 as padding")
    if (neighbour == np.arange(len(base))[:, None]).any():
        raise ValueError("neighbour: expected no item beside itself")
    if not ranking.in_order(neighbour):
        raise ValueError("neighbour: expected each item once, ascending, then padding")
    if weight[neighbour < 0].any():
        raise ValueError("weight: expected 0 for padding")
