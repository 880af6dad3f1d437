"""Counting algorithms that know their model already, so that ``count`` is nearly all of them."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.algorithms import CountingAlgorithm, Model, Options
from knowingly.recommend.interface.arrays import Floats, Ints, Matrix, Rows
from knowingly.recommend.interface.counts import Counts
from knowingly.recommend.models.kinds import ItemScores
from knowingly.recommend.models.neighbours import ItemNeighbours


class CountedScores(CountingAlgorithm[Options]):
    """Counts of which each item's score follows from its own row.

    ``count`` and ``scores`` are to be written.

    Stability: plugin.
    """

    @abstractmethod
    def scores(self, counts: Ints, floor: int) -> Floats:
        """A score for each of some items, from its own row and no other.

        Args:
            counts: Their rows of counts, shape ``(n, width)``.
            floor: The fewest people of whom a figure may show.
        """

    def build(self, counts: Counts) -> Model:
        """The score of every item."""
        return ItemScores(self.scores(counts.rows(np.arange(counts.n_items)), counts.floor))

    def rebuild(
        self, model: Model, counts: Counts, touched: Rows, delta: Matrix | NDArray[np.integer]
    ) -> Model:
        """Read only the rows that fell."""
        del delta
        if not isinstance(model, ItemScores):
            return self.build(counts)
        scores = model.scores.copy()
        scores[touched] = self.scores(counts.rows(touched), counts.floor)
        return ItemScores(scores)


class CountedNeighbours(CountingAlgorithm[Options]):
    """Counts of pairs, of which each item keeps its strongest neighbours.

    ``count`` is to be written; ``model`` and ``keep`` where they are options.

    Stability: plugin.
    """

    @property
    def model(self) -> type[ItemNeighbours]:
        """The kind of neighbours, which says what makes one strong."""
        return ItemNeighbours

    @property
    def keep(self) -> int:
        """How many neighbours an item keeps."""
        return 100

    def build(self, counts: Counts) -> ItemNeighbours:
        """Keep each item's strongest neighbours."""
        return self.model.strongest(counts, keep=self.keep)

    def rebuild(
        self, model: Model, counts: Counts, touched: Rows, delta: Matrix | NDArray[np.integer]
    ) -> ItemNeighbours:
        """Read only the rows that fell; all of them, where some pair has more people now."""
        grew = bool((delta[touched][:, : counts.n_items] < 0).sum())
        if grew or not isinstance(model, self.model):
            return self.build(counts)
        return model.refreshed(counts, touched)
