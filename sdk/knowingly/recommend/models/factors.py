"""Items as vectors; a person is the sum of what they chose."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.interface.arrays import Floats, Rows
from knowingly.recommend.interface.query import Query

_DTYPES = {
    "factor": (np.float32, 2),
    "chosen": (np.float32, 2),
    "bias": (np.float64, 1),
    "mean": (np.bool_, 1),
}


class ItemFactors(Model):
    """Vectors of items; a person is the weighted sum of the vectors of what they chose.

    No vector of a person is kept: it is summed for each query.

    Args:
        factor: The vector of each item as an answer, shape ``(n_items, n_factors)``.
        chosen: The vector of each item as a part of somebody's history, same shape; ``factor``
            when left out.
        bias: Added to the score of each item whoever asks, shape ``(n_items,)``; 0 when left out.
        mean: Whether a person is the weighted mean instead, so that a long history does not
            outweigh the bias.

    Raises:
        ValueError: A shape is off, or a number is not finite.

    Stability: plugin.
    """

    kind: ClassVar[str] = "factors"

    def __init__(
        self,
        factor: ArrayLike,
        chosen: ArrayLike | None = None,
        bias: ArrayLike | None = None,
        *,
        mean: bool = False,
    ) -> None:
        self.factor = np.array(factor, np.float32)
        self.chosen = self.factor if chosen is None else np.array(chosen, np.float32)
        self.bias = np.zeros(len(self.factor)) if bias is None else np.array(bias, np.float64)
        self.mean = mean
        if self.factor.ndim != 2 or self.chosen.shape != self.factor.shape:
            raise ValueError("factors: expected vectors of one length, a row per item")
        if self.bias.shape != (len(self.factor),):
            raise ValueError("bias: expected one number per item")
        for array in (self.factor, self.chosen, self.bias):
            if not np.isfinite(array).all():
                raise ValueError("factors: expected finite numbers")
            array.flags.writeable = False

    @property
    def n_items(self) -> int:
        """The number of model rows."""
        return len(self.factor)

    def score(self, query: Query) -> Floats:
        """The dot product of the person and each item, and the bias.

        Somebody of whom nothing is known gets the bias alone.
        """
        rows, weight = query.anchors()
        if self.mean and len(rows):
            weight = weight / weight.sum()
        person = weight.astype(np.float32) @ self.chosen[rows]
        return (self.factor @ person).astype(np.float64) + self.bias

    def similar(self, item: int) -> Floats:
        """The cosine of every other item with ``item``; 0 for itself, and for a vector of 0."""
        lengths = self._lengths(slice(None))
        own = self.factor @ self.factor[item]
        scores = np.zeros(self.n_items)
        np.divide(own, lengths * lengths[item], out=scores, where=lengths * lengths[item] > 0)
        scores[item] = 0.0
        return scores

    def company(self, items: Rows) -> Floats:
        """The sum of ``similar`` of each of ``items``, in one step."""
        near = self._directions(items)
        lengths = self._lengths(slice(None))
        scores = np.zeros(self.n_items)
        told = (self.factor @ near.sum(axis=0).astype(np.float32)).astype(np.float64)
        np.divide(told, lengths, out=scores, where=lengths > 0)
        among = near @ near.T
        np.fill_diagonal(among, 0.0)
        scores[items] = among.sum(axis=0)
        return scores

    def closest(self, items: Rows, others: Rows) -> Rows:
        """The place in ``items`` of the one with the largest cosine with each of ``others``."""
        alike = self._directions(items) @ self._directions(others).T
        alike[items[:, None] == others] = 0.0
        places: Rows = alike.argmax(axis=0)
        return places

    def _lengths(self, rows: Rows | slice) -> Floats:
        lengths: Floats = np.sqrt(np.square(self.factor[rows], dtype=np.float64).sum(axis=1))
        return lengths

    def _directions(self, rows: Rows) -> Floats:
        """The vectors of some items with length 1, or 0."""
        lengths = self._lengths(rows)[:, None]
        vectors = self.factor[rows].astype(np.float64)
        return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)

    def because(self, query: Query, item: int) -> int:
        """The position in the history whose item added most to the score of ``item``, or -1."""
        return int(self.because_many(query, np.array([item], np.intp))[0])

    def because_many(self, query: Query, items: Rows) -> Rows:
        """``because`` for each of ``items``; of equals, the first position."""
        positions, rows, weight = query.history.told()
        if not positions.size or not len(items):
            return np.full(len(items), -1, np.intp)
        # One item at a time, so that an answer does not depend on what else was asked.
        vectors = self.chosen[rows] * weight.astype(np.float32)[:, None]
        added = np.stack([vectors @ self.factor[item] for item in items])
        best = added.argmax(axis=1)
        return np.where(added[np.arange(len(items)), best] > 0, positions[best], -1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """``factor``, ``chosen``, ``bias`` and ``mean``, which says the same in every row."""
        return {
            "factor": self.factor,
            "chosen": self.chosen,
            "bias": self.bias,
            "mean": np.full(self.n_items, self.mean),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "ItemFactors":
        """The model of saved arrays.

        Raises:
            ValueError: A name, shape, dtype or value is off.
        """
        if set(arrays) != set(_DTYPES):
            raise ValueError(f"factors: expected the arrays {', '.join(_DTYPES)}")
        for name, (dtype, axes) in _DTYPES.items():
            if arrays[name].dtype != dtype or arrays[name].ndim != axes:
                raise ValueError(f"{name}: expected {np.dtype(dtype)} with {axes} axes")
        mean = arrays["mean"]
        if len(mean) != len(arrays["factor"]) or (mean != mean[:1]).any():
            raise ValueError("mean: expected the same in every row")
        return cls(arrays["factor"], arrays["chosen"], arrays["bias"], mean=bool(mean.any()))
