"""Items as sparse vectors of what is said of them."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.interface.arrays import AnyRows, Floats, Rows
from knowingly.recommend.interface.query import Query
from knowingly.recommend.models import ranking
from knowingly.recommend.models.terms import TermIndex

_TINY = 1e-9
MAX_COLUMNS = 2**24


class ItemVectors(Model):
    """Items by their terms; a person is the weighted sum of their items' vectors.

    Two items are alike by the terms they share, each weighed by how rare it is among all items:
    ``sum(value_i * value_j * rarity ** 2)`` with ``rarity = ln((1 + n_items) / (1 + items)) + 1``.
    Rarity follows from how many items have the term, counted here and never stored, so a row
    depends on its own item alone and can be replaced alone.

    Args:
        column: The terms of each item, int32 of shape ``(n_items, n_terms)``: each once, ascending,
            then padded with -1; below ``2**24``.
        value: How much each term says, float32 of the same shape, > 0; padded with 0.
        index: What ``TermIndex.of`` works out of the arrays, which are then not checked again.

    Raises:
        ValueError: The arrays are not that.

    Stability: plugin.
    """

    kind: ClassVar[str] = "vectors"

    def __init__(
        self,
        column: NDArray[np.int32],
        value: NDArray[np.float32],
        index: TermIndex | None = None,
    ) -> None:
        if index is None:
            _check(column, value)
            index = TermIndex.of(column, value)
        self.column, self.value, self._index = column, value, index
        column.flags.writeable = value.flags.writeable = False

    @property
    def n_items(self) -> int:
        """The number of model rows."""
        return len(self.column)

    def score(self, query: Query) -> Floats:
        """How alike each item is to what the page goes by: see ``Query.anchors``.

        An item adds nothing to its own score.
        """
        return self._without_own(*query.anchors())

    def _without_own(self, rows: Rows, weight: Floats) -> Floats:
        """How alike each item is to the weighed sum of the other ones of ``rows``."""
        scores = self._alike(rows, weight)
        own = np.bincount(rows, weight * self._lengths(rows), minlength=self.n_items)[rows]
        # What is left of nothing after rounding is nothing.
        scores[rows] = np.where(scores[rows] - own > own * _TINY, scores[rows] - own, 0.0)
        return scores

    def similar(self, item: int) -> Floats:
        """How alike each item is to ``item``; 0 for itself."""
        scores = self._alike(np.array([item]), np.ones(1))
        scores[item] = 0.0
        return scores

    def company(self, items: Rows) -> Floats:
        """The sum of ``similar`` of each of ``items``, in one step."""
        return self._without_own(items, np.ones(len(items)))

    def closest(self, items: Rows, others: Rows) -> Rows:
        """The place in ``items`` of the one most like each of ``others``."""
        alike = self._shared(items, np.ones(len(items)), others)
        return np.array([added.argmax() for added in alike], np.intp)

    def because(self, query: Query, item: int) -> int:
        """The position in the history whose item is most like ``item`` by its weight, or -1."""
        return int(self.because_many(query, np.array([item], np.intp))[0])

    def because_many(self, query: Query, items: Rows) -> Rows:
        """``because`` for each of ``items``; of equals, the first position."""
        positions, rows, weights = query.history.told()
        because = np.full(len(items), -1, np.intp)
        if not positions.size:
            return because
        for place, added in enumerate(self._shared(rows, weights, items)):
            best = int(added.argmax())
            if added[best] > 0:
                because[place] = positions[best]
        return because

    def _shared(self, rows: AnyRows, weights: Floats, items: Rows) -> Iterator[Floats]:
        """What each of ``rows`` shares with one of ``items`` after the other."""
        column, value = self.column[rows], self.value[rows] * weights[:, None]
        weighed = np.zeros(len(self._index.items))
        for item in np.asarray(items).tolist():
            own = self.column[item]
            weighed[own] = self.value[item] * self._rarity(own)
            added: Floats = (value * weighed[column]).sum(axis=1)
            added[rows == item] = 0.0
            yield added
            weighed[own] = 0.0

    def patched(self, rows: Rows, other: "ItemVectors") -> "ItemVectors":
        """These items with some replaced or added; what holds the model of before keeps it.

        Args:
            rows: The rows that changed, distinct.
            other: Their vectors, in that order, of as many terms.
        """
        size = max(self.n_items, int(rows.max(initial=-1)) + 1)
        if other.column.shape[1] != self.column.shape[1]:
            raise ValueError(f"expected {self.column.shape[1]} terms to an item")
        column = np.full((size, self.column.shape[1]), ranking.PADDING, np.int32)
        value = np.zeros(column.shape, np.float32)
        column[: self.n_items], value[: self.n_items] = self.column, self.value
        before = column[rows]
        column[rows], value[rows] = other.column, other.value
        return ItemVectors(column, value, self._index.replaced(rows, before, column, value))

    def first(self, n_items: int) -> "ItemVectors":
        """The first so many items, by the same rarity."""
        return ItemVectors(self.column[:n_items], self.value[:n_items], self._index.first(n_items))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """``column`` and ``value``, as the constructor takes them."""
        return {"column": self.column, "value": self.value}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "ItemVectors":
        """The model of saved arrays.

        Raises:
            ValueError: A name, shape, dtype or value is off.
        """
        if set(arrays) != {"column", "value"}:
            raise ValueError("vectors: expected the arrays column, value")
        return cls(np.array(arrays["column"]), np.array(arrays["value"]))

    def _rarity(self, columns: NDArray[np.int32]) -> Floats:
        """The square of the rarity of terms; padding reads the last one, and is multiplied by 0."""
        rarity: Floats = np.log((1 + self.n_items) / (1 + self._index.items[columns])) + 1.0
        return rarity * rarity

    def _alike(self, rows: Rows, weight: Floats) -> Floats:
        """How alike each item is to the weighed sum of ``rows``."""
        column = self.column[rows]
        added = self.value[rows] * weight[:, None] * self._rarity(column)
        index = self._index
        # Padding has no number, and adds its value, 0, to the first.
        number = np.maximum(index.number_of[column.ravel()], 0)
        told = np.bincount(number, added.ravel(), minlength=max(index.size, 1))
        shared = index.value * told[index.number]
        return np.bincount(index.row, shared, minlength=self.n_items).astype(float)

    def _lengths(self, rows: Rows) -> Floats:
        """How alike each of these items is to itself."""
        value = self.value[rows].astype(np.float64)
        lengths: Floats = (value * value * self._rarity(self.column[rows])).sum(axis=1)
        return lengths


def _check(column: NDArray[np.int32], value: NDArray[np.float32]) -> None:
    if column.dtype != np.int32 or value.dtype != np.float32 or column.ndim != 2:
        raise ValueError("vectors: expected int32 columns and float32 values, with 2 axes")
    if column.shape != value.shape or not column.shape[1]:
        raise ValueError("vectors: expected columns and values of one shape")
    if column.size and (column.min() < ranking.PADDING or column.max() >= MAX_COLUMNS):
        raise ValueError(f"column: expected numbers below {MAX_COLUMNS}, or -1 as padding")
    if not np.isfinite(value).all() or ((column >= 0) != (value > 0)).any() or (value < 0).any():
        raise ValueError("value: expected more than 0 for a term, 0 for padding")
    if not ranking.in_order(column):
        raise ValueError("column: expected each term once, ascending, then padding")
