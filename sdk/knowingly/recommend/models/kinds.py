"""The models that ship, so that most authors never write one."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.interface.arrays import Floats, Rows
from knowingly.recommend.interface.query import Query
from knowingly.recommend.models.factors import ItemFactors
from knowingly.recommend.models.groups import GroupScores
from knowingly.recommend.models.measures import CorrectedNeighbours, LiftNeighbours
from knowingly.recommend.models.neighbours import ItemNeighbours
from knowingly.recommend.models.vectors import ItemVectors
from knowingly.recommend.models.weights import ItemWeights

__all__ = [
    "MODEL_KINDS",
    "CorrectedNeighbours",
    "GroupScores",
    "ItemFactors",
    "ItemNeighbours",
    "ItemScores",
    "ItemVectors",
    "ItemWeights",
    "LiftNeighbours",
]


class ItemScores(Model):
    """The same scores for everyone.

    Args:
        scores: One per item, shape ``(n_items,)``; no NaN and no ``+inf``.

    Raises:
        ValueError: The scores are not that.

    Stability: plugin.
    """

    kind: ClassVar[str] = "scores"
    uses_history: ClassVar[bool] = False

    def __init__(self, scores: ArrayLike) -> None:
        values = np.array(scores, np.float64)
        if values.ndim != 1 or np.isnan(values).any() or np.isposinf(values).any():
            raise ValueError("scores: expected a 1-d array without NaN or +inf")
        values.flags.writeable = False
        self.scores: Floats = values

    @classmethod
    def from_counts(cls, counts: ArrayLike, floor: int) -> "ItemScores":
        """Counts of people as scores; an item of fewer than ``floor`` people scores 0.

        Args:
            counts: People per item, shape ``(n_items,)``.
            floor: The fewest people that may show.
        """
        people = np.asarray(counts)
        return cls(np.where(people >= floor, people, 0))

    def refreshed(self, counts: ArrayLike, touched: Rows, floor: int) -> "ItemScores":
        """The model after the counts of the items ``touched`` became ``counts``."""
        people, scores = np.asarray(counts), self.scores.copy()
        scores[touched] = np.where(people >= floor, people, 0)
        return ItemScores(scores)

    @property
    def n_items(self) -> int:
        """The number of model rows."""
        return len(self.scores)

    def score(self, query: Query) -> Floats:
        """The scores, whatever is asked; read-only."""
        del query
        return self.scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """``score``, float64, shape ``(n_items,)``."""
        return {"score": self.scores}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "ItemScores":
        """The model of saved arrays.

        Raises:
            ValueError: A name, shape, dtype or value is off.
        """
        if set(arrays) != {"score"} or arrays["score"].dtype != np.float64:
            raise ValueError("scores: expected one float64 array named 'score'")
        return cls(arrays["score"])


MODEL_KINDS: dict[str, type[Model]] = {
    ItemScores.kind: ItemScores,
    ItemNeighbours.kind: ItemNeighbours,
    LiftNeighbours.kind: LiftNeighbours,
    CorrectedNeighbours.kind: CorrectedNeighbours,
    ItemVectors.kind: ItemVectors,
    ItemWeights.kind: ItemWeights,
    ItemFactors.kind: ItemFactors,
    GroupScores.kind: GroupScores,
}
"""How saved arrays become a model again, by the ``kind`` saved beside them."""
