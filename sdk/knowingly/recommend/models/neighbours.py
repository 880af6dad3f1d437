"""Each item's strongest neighbours, as integer counts that can be forgotten from.

Other measures than the cosine are in ``measures``.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.interface.arrays import Floats, Ints, Matrix, Rows
from knowingly.recommend.interface.counts import Counts, chunks
from knowingly.recommend.interface.query import Query
from knowingly.recommend.models import lists, ranking
from knowingly.recommend.models.together import people_of_pairs

Forms = Mapping[str, tuple[type[np.generic], int]]
"""The dtype and the number of axes of each array."""


class ItemNeighbours(Model):
    """Each item's strongest neighbours by cosine; a person is the sum of their items' rows.

    Only integers are kept. The cosine follows from them, since every cosine of an item moves when
    one person is forgotten. Make one with ``strongest``; the constructor checks nothing.

    Args:
        neighbour: Item rows, ascending, int32 of shape ``(n_items, keep)``, padded with -1.
        count: People who chose both, int32 of the same shape, padded with 0.
        total: People who chose the item, int64 of shape ``(n_items,)``.

    Stability: plugin.
    """

    kind: ClassVar[str] = "neighbours"
    floor_of: ClassVar[str] = "the people who chose both items of a pair"
    forms: ClassVar[Forms] = {
        "neighbour": (np.int32, 2),
        "count": (np.int32, 2),
        "total": (np.int64, 1),
    }

    def __init__(self, neighbour: NDArray[np.int32], count: NDArray[np.int32], total: Ints) -> None:
        self.neighbour, self.count, self.total = neighbour, count, total
        for array in (neighbour, count, total):
            array.flags.writeable = False

    @cached_property
    def _strength(self) -> Floats:
        """Once somebody is asked for: forgetting goes by the integers, and need not wait for it."""
        strength = self._strengths()
        strength.flags.writeable = False
        return strength

    @staticmethod
    def scales(total: Ints) -> Floats:
        """What ranks ``j`` in every row, times the count: see ``ranking``."""
        return ranking.inverse_roots(total)

    def _strengths(self) -> Floats:
        """What each kept pair adds to a score, same shape as ``count``; padding adds 0."""
        roots = ranking.inverse_roots(self.total)
        strength: Floats = self.count * roots[self.neighbour]
        strength *= roots[:-1, None]
        return strength

    @classmethod
    def pairs(cls, chosen: Matrix) -> Matrix | NDArray[np.integer[Any]]:
        """What to count for this model, additive over people.

        Args:
            chosen: Who chose what, as ``Block.matrix`` gives it.

        Returns:
            People who chose both items, a ``csr_array`` or a 2-d array with a row per item.
        """
        return people_of_pairs(chosen)

    @classmethod
    def strongest(cls, counts: Counts, keep: int = 100) -> Self:
        """The model of symmetric pair counts, whose diagonal is the people per item.

        Pairs of fewer than ``counts.floor`` people are not kept.

        Args:
            counts: What ``pairs`` counted, read in chunks.
            keep: Neighbours per item, >= 1.
        """
        n_items = counts.n_items
        rows = np.arange(n_items)
        total = counts.diagonal(rows)
        scales = cls.scales(total)
        neighbour, count = ranking.empty_lists(n_items, keep)
        for own in chunks(rows, counts.width):
            neighbour[own], count[own] = ranking.rank_rows(
                own, counts.narrow(own), scales, keep, max(counts.floor, 1)
            )
        return cls(neighbour, count, total)

    def refreshed(self, counts: Counts, touched: Rows) -> Self:
        """The model after people were subtracted from the counts: ``strongest(counts)``, sooner.

        For subtraction only: where counts grew, or the floor changed, use ``strongest``.

        Args:
            counts: The counts now, under the same floor; only the rows ``touched`` are read.
            touched: Every row that fell, sorted.
        """
        if (counts.n_items, counts.width) != (self.n_items, self.n_items):
            raise ValueError(f"expected square counts of {self.n_items} items")
        touched = np.unique(np.asarray(touched, np.intp))
        if not touched.size:
            return self
        neighbour, count, total = self.neighbour.copy(), self.count.copy(), self.total.copy()
        lists = neighbour, count
        keep = neighbour.shape[1]
        total[touched] = counts.diagonal(touched)
        scales = self.scales(total)
        ranked, entrants = ranking.scan_touched(counts, touched, lists, scales)
        neighbour[touched], count[touched] = ranked
        gaining, more = entrants.by_row(self.n_items, scales, keep)
        ranking.admit(lists, gaining, more, scales)
        return type(self)(neighbour, count, total)

    @property
    def n_items(self) -> int:
        """The number of model rows."""
        return len(self.total)

    def score(self, query: Query) -> Floats:
        """The weighted sum of the rows of ``query.anchors()``; those can score too."""
        rows, weight = query.anchors()
        return lists.summed(self.neighbour, self._strength, rows, weight)

    def similar(self, item: int) -> Floats:
        """How strongly every item goes with ``item``; 0 beyond its strongest neighbours."""
        scores = np.zeros(self.n_items)
        size = np.count_nonzero(self.count[item])
        scores[self.neighbour[item, :size]] = self._strength[item, :size]
        return scores

    def because(self, query: Query, item: int) -> int:
        """The position in the history whose item added most to the score of ``item``, or -1."""
        return int(self.because_many(query, np.array([item], np.intp))[0])

    def because_many(self, query: Query, items: Rows) -> Rows:
        """``because`` for each of ``items``; of equals, the first position."""
        return lists.adding_most(self.neighbour, self._strength, query.history, items)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """``neighbour``, ``count`` and ``total``, as the constructor takes them."""
        return {"neighbour": self.neighbour, "count": self.count, "total": self.total}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model of saved arrays, which are its own from then on.

        Raises:
            ValueError: A name, shape, dtype or value is off, or a row is out of order.
        """
        if set(arrays) != set(cls.forms):
            raise ValueError(f"neighbours: expected the arrays {', '.join(cls.forms)}")
        for name, (dtype, axes) in cls.forms.items():
            if arrays[name].dtype != dtype or arrays[name].ndim != axes:
                raise ValueError(f"{name}: expected {np.dtype(dtype)} with {axes} axes")
        neighbour, count, total, *more = (arrays[name] for name in cls.forms)
        if neighbour.shape != count.shape or len(total) != len(count) or not count.shape[1]:
            raise ValueError("neighbours: expected lists of one shape, a row per total")
        _check_values(neighbour, count, total)
        return cls(neighbour, count, total, *more)


def _check_values(neighbour: NDArray[np.int32], count: NDArray[np.int32], total: Ints) -> None:
    if not neighbour.size:
        return
    if neighbour.min() < ranking.PADDING or neighbour.max() >= len(total):
        raise ValueError("neighbour: expected item rows, or -1 as padding")
    if total.min() < 0 or count.min() < 0 or ((neighbour >= 0) != (count > 0)).any():
        raise ValueError("count: expected 1 or more for a neighbour, 0 for padding")
    # In as narrow numbers as the counts have: a process does this whenever somebody was forgotten.
    most = np.iinfo(count.dtype).max
    bound = np.minimum(np.append(total, most), most).astype(count.dtype)
    if (count > bound[neighbour]).any() or (count.max(axis=1) > total).any():
        raise ValueError("count: expected no more people than chose either item")
    if (neighbour == np.arange(len(total), dtype=neighbour.dtype)[:, None]).any():
        raise ValueError("neighbour: expected no item beside itself")
    if not ranking.in_order(neighbour):
        raise ValueError("neighbour: expected each item once, ascending, then padding")
