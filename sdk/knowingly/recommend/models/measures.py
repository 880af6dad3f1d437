"""Neighbours by other measures than the cosine, from the same integer counts."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.arrays import Floats, Ints, Matrix, Rows
from knowingly.recommend.interface.counts import Counts, chunks
from knowingly.recommend.models import ranking
from knowingly.recommend.models.neighbours import Forms, ItemNeighbours
from knowingly.recommend.models.together import people_of_pairs

_LEAST_SIZE = np.unique(np.ceil(2.0 ** (np.arange(26) / 2)).astype(np.int64))
"""Where each class of sizes begins: two to every doubling, the last one open."""
_SIZE = np.append((_LEAST_SIZE[:-1] + _LEAST_SIZE[1:] - 1) / 2, float(_LEAST_SIZE[-1]))
"""The size that stands for each class: its middle."""
_ROWS_AT_ONCE = 200


class LiftNeighbours(ItemNeighbours):
    """Neighbours by how much more often two items are chosen together than by chance.

    ``count_ij / (total_i * total_j)``: the lift, but for the number of people, which is the same
    for every pair. It favours items that few people choose.

    Stability: plugin.
    """

    kind: ClassVar[str] = "lift"

    @staticmethod
    def scales(total: Ints) -> Floats:
        """``1 / total``."""
        return ranking.inverses(total)

    def _strengths(self) -> Floats:
        scales = ranking.inverses(self.total)
        strength: Floats = self.count * scales[self.neighbour]
        strength *= scales[:-1, None]
        return strength


class CorrectedNeighbours(ItemNeighbours):
    """Neighbours by how far a pair exceeds what its buyers would have chosen anyway.

    Who buys much buys many things by chance. Of the people who chose ``i``, ``E_ij`` is how many
    would have chosen ``j`` too if each of their other choices were drawn from all choices alike:
    the sum of ``1 - (1 - p_j) ** (size - 1)`` over them, where ``size`` is how many items a person
    chose and ``p_j`` the share of ``j`` in all choices. The strength is
    ``(count_ij - E_ij) / sqrt(E_ij)``, and 0 where that is negative.

    Who the neighbours are is decided by the cosine: this measure weighs them where a person's
    choices are added up, and ``similar`` is the cosine. Of the sizes only a class is counted, two
    classes to every doubling.

    Args:
        neighbour: As for ``ItemNeighbours``.
        count: As for ``ItemNeighbours``.
        total: As for ``ItemNeighbours``.
        sizes: People who chose the item by how many items they chose, int64 of shape
            ``(n_items, n_classes)``.

    Stability: plugin.
    Source: Smith & Linden, Two Decades of Recommender Systems at Amazon.com, IEEE Internet
        Computing 21(3), 2017.
    """

    kind: ClassVar[str] = "corrected"
    forms: ClassVar[Forms] = {**ItemNeighbours.forms, "sizes": (np.int64, 2)}

    def __init__(
        self, neighbour: NDArray[np.int32], count: NDArray[np.int32], total: Ints, sizes: Ints
    ) -> None:
        if sizes.shape != (len(total), len(_SIZE)) or sizes.min(initial=0) < 0:
            raise ValueError(f"sizes: expected {len(_SIZE)} numbers of people, 0 or more, per item")
        self.sizes = sizes
        super().__init__(neighbour, count, total)
        sizes.flags.writeable = False

    def _strengths(self) -> Floats:
        places = np.flatnonzero(self.sizes.any(axis=0))
        share = self.total / max(int(self.total.sum()), 1)
        # By chance, a person of this class has chosen this item too.
        chance = [1.0 - (1.0 - share) ** (_SIZE[place] - 1) for place in places]
        strength = np.zeros(self.count.shape)
        # The first page after somebody was forgotten waits for this: some rows at a time are a
        # third of the time of all at once, for they stay near the processor.
        for start in range(0, len(self.total), _ROWS_AT_ONCE):
            own = slice(start, start + _ROWS_AT_ONCE)
            neighbour, count = self.neighbour[own], self.count[own]
            expected, by_chance = np.zeros(count.shape), np.empty(count.shape)
            for place, every in zip(places, chance, strict=True):
                np.take(every, neighbour, out=by_chance, mode="clip")  # padding has a count of 0
                by_chance *= self.sizes[own, place, None]
                expected += by_chance
            some = (count > expected) & (expected > 0)
            np.subtract(count, expected, out=strength[own], where=some)
            np.divide(strength[own], np.sqrt(expected), out=strength[own], where=some)
        return strength

    def similar(self, item: int) -> Floats:
        """The cosine of every item with ``item``; 0 beyond its strongest neighbours.

        What goes with one item is told better by the cosine, what goes with many by the strength.
        """
        scores = np.zeros(self.n_items)
        size = np.count_nonzero(self.count[item])
        near = self.neighbour[item, :size]
        scores[near] = self.count[item, :size] / np.sqrt(self.total[near] * self.total[item])
        return scores

    @classmethod
    def pairs(cls, chosen: Matrix) -> Matrix | NDArray[np.integer[Any]]:
        """People who chose both items, and beside that, by how many items each person chose."""
        from scipy.sparse import csr_array  # noqa: PLC0415  # slow to import

        size = np.diff(chosen.indptr)
        some = np.flatnonzero(size)
        places = np.searchsorted(_LEAST_SIZE, size[some], side="right") - 1
        ones = np.ones(len(some), np.int64)
        classes = csr_array((ones, (some, places)), shape=(chosen.shape[0], len(_SIZE)))
        return people_of_pairs(chosen, beside=chosen.T @ classes)

    @classmethod
    def strongest(cls, counts: Counts, keep: int = 100) -> Self:
        """The model of what ``pairs`` counted; pairs under the floor are not kept."""
        found = ItemNeighbours.strongest(_PairCounts(counts), keep)
        sizes = np.zeros((counts.n_items, len(_SIZE)), np.int64)
        for own in chunks(np.arange(counts.n_items), counts.width):
            sizes[own] = counts.narrow(own)[:, counts.n_items :]
        return cls(found.neighbour, found.count, found.total, sizes)

    def refreshed(self, counts: Counts, touched: Rows) -> Self:
        """The model after people were subtracted from the counts."""
        plain = ItemNeighbours(self.neighbour, self.count, self.total)
        found = plain.refreshed(_PairCounts(counts), touched)
        sizes = self.sizes.copy()
        for own in chunks(np.asarray(touched, np.intp), counts.width):
            sizes[own] = counts.narrow(own)[:, counts.n_items :]
        return type(self)(found.neighbour, found.count, found.total, sizes)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """``neighbour``, ``count``, ``total`` and ``sizes``, as the constructor takes them."""
        return {**super().arrays(), "sizes": self.sizes}


class _PairCounts(Counts):
    """The pairs of wider counts, without what stands beside them."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self.n_items = self.width = counts.n_items
        self.floor = counts.floor

    def rows(self, rows: Rows) -> Ints:
        """The dense rows asked for, shape ``(len(rows), n_items)``."""
        return self._counts.rows(rows)[:, : self.n_items]

    def narrow(self, rows: Rows) -> NDArray[np.integer[Any]]:
        """The same, in the type they are kept in."""
        return self._counts.narrow(rows)[:, : self.n_items]

    def diagonal(self, rows: Rows) -> Ints:
        """``counts[i, i]`` for each of ``rows``."""
        return self._counts.diagonal(rows)
