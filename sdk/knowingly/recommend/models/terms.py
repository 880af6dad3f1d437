"""What is worked out of vectors before they are asked: who has which term, without padding."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.arrays import Ints, Rows
from knowingly.recommend.models import ranking

_T = TypeVar("_T", bound=np.generic)
_FEW = 256
"""Up to so many changed rows are put in between the others; more are cheaper to read anew."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TermIndex:
    """Every term of every item, sorted by row.

    ``items`` is how many items have each column; the last one is nobody's, for padding to read.
    ``row``, ``number`` and ``value`` are parallel, an entry per term of an item. ``number_of``
    counts the columns that any item has had, -1 for the others, so that a sum over them is short:
    ``size`` is how many there are.
    """

    items: Ints
    number_of: Rows
    size: int
    row: Rows
    number: Rows
    value: NDArray[np.float32]

    @classmethod
    def of(cls, column: NDArray[np.int32], value: NDArray[np.float32]) -> "TermIndex":
        """The index of padded rows."""
        row, place = ranking.where(column >= 0)
        columns = column[row, place]
        items = np.append(np.bincount(columns), 0)
        known = items > 0
        number_of = np.where(known, np.cumsum(known) - 1, -1)
        size = int(known.sum())
        return cls(items, number_of, size, row, number_of[columns], value[row, place])

    def replaced(
        self,
        rows: Rows,
        before: NDArray[np.int32],
        column: NDArray[np.int32],
        value: NDArray[np.float32],
    ) -> "TermIndex":
        """The index after some rows changed, or came; this one stays as it is.

        Args:
            rows: Those rows, distinct.
            before: Their padded columns before, of those that were there.
            column: The padded columns of all rows now.
            value: The values of all rows now.
        """
        if len(rows) > _FEW:
            return TermIndex.of(column, value)
        rows = np.sort(rows)
        own_row, place = ranking.where(column[rows] >= 0)
        columns, own_value = column[rows[own_row], place], value[rows[own_row], place]
        width = max(len(self.items), int(columns.max(initial=-1)) + 2)
        items, number_of = _widened(self.items, width, 0), _widened(self.number_of, width, -1)
        np.add.at(items, columns, 1)
        np.subtract.at(items, before[before >= 0], 1)
        new = np.unique(columns)
        new = new[number_of[new] < 0]
        number_of[new] = self.size + np.arange(len(new))
        place_of = _Places.of(self.row, rows, own_row)
        return TermIndex(
            items,
            number_of,
            self.size + len(new),
            place_of.fill(self.row, rows[own_row]),
            place_of.fill(self.number, number_of[columns]),
            place_of.fill(self.value, own_value),
        )

    def first(self, n_items: int) -> "TermIndex":
        """The entries of the first rows, with the counts of all."""
        end = int(np.searchsorted(self.row, n_items))
        entries = self.row[:end], self.number[:end], self.value[:end]
        return TermIndex(self.items, self.number_of, self.size, *entries)


def _widened(values: NDArray[np.int64], size: int, fill: int) -> NDArray[np.int64]:
    """A copy with more at the end."""
    whole = np.full(size, fill, np.int64)
    whole[: len(values)] = values
    return whole


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the entries of changed rows begin and end: before, and among their own."""

    starts: list[int]
    ends: list[int]
    own: list[int]

    @classmethod
    def of(cls, row: Rows, rows: Rows, own_row: Rows) -> "_Places":
        """The places of ``rows`` in the sorted ``row``; ``own_row`` numbers them."""
        starts, ends = np.searchsorted(row, rows), np.searchsorted(row, rows, side="right")
        own = np.searchsorted(own_row, np.arange(len(rows) + 1))
        return cls(starts.tolist(), ends.tolist(), own.tolist())

    def fill(self, old: NDArray[_T], mine: NDArray[_T]) -> NDArray[_T]:
        """Entries with those of the changed rows replaced."""
        pieces, at = [], 0
        for place, (start, end) in enumerate(zip(self.starts, self.ends, strict=True)):
            pieces += [old[at:start], mine[self.own[place] : self.own[place + 1]]]
            at = end
        return np.concatenate([*pieces, old[at:]])
