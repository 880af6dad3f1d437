"""Scores that count beside those of the same group, in the mix of groups that a person chose."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.interface.arrays import Floats
from knowingly.recommend.interface.query import Query


class GroupScores(Model):
    """What is popular in the groups of what a person chose, or of what is on the page.

    An item scores its share of its group's scores, times the share of that group in the choices.

    Args:
        scores: One per item, >= 0, shape ``(n_items,)``.
        group: The number of each item's group, from 0 on, same shape; -1 where it has none, and
            the item then scores nothing.

    Raises:
        ValueError: The arrays are not that.

    Stability: plugin.
    """

    kind: ClassVar[str] = "group_scores"

    def __init__(self, scores: ArrayLike, group: ArrayLike) -> None:
        self.scores: Floats = np.array(scores, np.float64)
        self.group: NDArray[np.int32] = np.array(group, np.int32)
        if self.scores.ndim != 1 or not (self.scores >= 0).all() or np.isinf(self.scores).any():
            raise ValueError("scores: expected a 1-d array of finite numbers, 0 or more")
        n_items = len(self.scores)
        if self.group.shape != (n_items,) or self.group.min(initial=0) < -1:
            raise ValueError("group: expected one number per item, -1 or more")
        if self.group.max(initial=0) >= max(n_items, 1):
            raise ValueError("group: expected no more groups than items")
        own = np.where(self.group >= 0, self.scores, 0.0)
        total = np.bincount(self.group + 1, own, minlength=n_items + 1)[self.group + 1]
        self._share: Floats = np.divide(own, total, out=np.zeros(n_items), where=total > 0)
        for array in (self.scores, self.group, self._share):
            array.flags.writeable = False

    @property
    def n_items(self) -> int:
        """The number of model rows."""
        return len(self.scores)

    def score(self, query: Query) -> Floats:
        """The share of each item in its group, times that of the group in what the page goes by."""
        rows, weight = query.anchors()
        mix = np.bincount(self.group[rows] + 1, weight, minlength=self.n_items + 1)
        mix[0] = 0.0  # those of no group
        if not mix.any():
            return np.zeros(self.n_items)
        found: Floats = self._share * (mix / mix.sum())[self.group + 1]
        return found

    def similar(self, item: int) -> Floats:
        """The share of each item in the group of ``item``; 0 for itself and for other groups."""
        same = (self.group == self.group[item]) & (self.group >= 0)
        same[item] = False
        return np.where(same, self._share, 0.0)

    def because(self, query: Query, item: int) -> int:
        """The position that weighs most of the same group, the first of equals; or -1."""
        positions, rows, weights = query.history.told()
        same = np.flatnonzero((self.group[rows] == self.group[item]) & (self.group[rows] >= 0))
        return int(positions[same[weights[same].argmax()]]) if len(same) else -1

    def arrays(self) -> dict[str, NDArray[Any]]:
        """``score``, float64, and ``group``, int32, both of shape ``(n_items,)``."""
        return {"score": self.scores, "group": self.group}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "GroupScores":
        """The model of saved arrays.

        Raises:
            ValueError: A name, shape, dtype or value is off.
        """
        dtypes = {name: array.dtype for name, array in arrays.items()}
        if dtypes != {"score": np.float64, "group": np.int32}:
            raise ValueError("group_scores: expected 'score' in float64 and 'group' in int32")
        return cls(arrays["score"], arrays["group"])
