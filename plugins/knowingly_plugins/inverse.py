"""The inverse of a matrix of counts, from which people are subtracted without inverting again."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly import Counts

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

MOST_KINDS = 16
"""Kinds of rows in what is subtracted, beyond which they are no shorter way to say it."""
MOST_RANK = 64
"""The rank of what is subtracted, beyond which inverting again is the better way."""
MOST_SUBTRACTED = 1_000
"""Subtractions after which rounding is not trusted any more: invert again, from integers."""
_LEAST_LEFT = 1e-6
"""Below it, a subtraction would lose six of some sixteen digits."""
_NOTHING = 1e-10
"""What is left of counts that are all told, of the largest of them."""
_VALUES_AT_ONCE = 2**20


class Inverse:
    """``P = (G + ridge * I) ** -1`` of symmetric counts ``G`` of pairs, in 8 bytes a pair.

    Subtracting changes it in place, so that nothing of whom was subtracted is left beside it.

    Source: Sherman and Morrison, Ann. Math. Statist. 21(1), 1950; Woodbury, Princeton, 1950.
    """

    def __init__(self, counts: Counts, ridge: float) -> None:
        from scipy.linalg import lapack  # noqa: PLC0415  # slow to import; pages do without

        self.n_items = counts.n_items
        self._subtracted = 0
        # Only what is on the diagonal and right of it is right: half of the work.
        self._upper = np.zeros((self.n_items, self.n_items))
        if not self.n_items:
            return
        for some in _parts(self.n_items, self.n_items):
            self._upper[some] = counts.rows(np.arange(self.n_items)[some])
        self._upper.flat[:: self.n_items + 1] += ridge
        # LAPACK counts by columns: what is upper here is lower there.
        factor, failed = lapack.dpotrf(self._upper.T, lower=1, clean=0, overwrite_a=1)
        inverse, undone = lapack.dpotri(factor, lower=1, overwrite_c=1)
        if failed or undone:
            raise ValueError("expected counts of pairs of what people chose")
        self._upper = inverse.T

    def at(self, rows: Rows, columns: NDArray[np.integer[Any]]) -> Floats:
        """``P[rows[i], columns[i, j]]``, of the shape of ``columns``."""
        found = np.zeros(columns.shape)
        for some in _parts(len(rows), columns.shape[1]):
            one, other = rows[some, None], columns[some]
            found[some] = self._upper[np.minimum(one, other), np.maximum(one, other)]
        return found

    def diagonal(self) -> Floats:
        """``P[i, i]`` for all items."""
        return self._upper.diagonal().copy()

    def times(self, rows: Rows, values: Floats) -> Floats:
        """``P[:, rows] @ values`` for ``values`` of shape ``(len(rows), n)``."""
        found = np.zeros((self.n_items, values.shape[1]))
        every = np.arange(self.n_items)[:, None]
        for some in _parts(len(rows), self.n_items):
            own = rows[some]
            columns = np.where(every < own, self._upper[:, own], self._upper[own].T)
            found += columns @ values[some]
        return found

    def subtract(self, touched: Rows, taken: NDArray[np.int64]) -> tuple[Floats, Floats] | None:
        """Become the inverse of counts that are ``taken`` less.

        Args:
            touched: The items whose counts fall.
            taken: By how much they fall, symmetric, shape ``(len(touched), len(touched))``.

        Returns:
            ``U`` and ``M`` of the term ``U M U'`` by which the inverse grew. None, and nothing was
            changed, where it has to be made again: too often, too much at once, or too near to
            singular.
        """
        from scipy.linalg import blas  # noqa: PLC0415  # as above

        told = None if self._subtracted >= MOST_SUBTRACTED else _kinds(taken) or _ranks(taken)
        if told is None:
            return None
        member, kernel = told
        columns = self.times(touched, member)
        inner = np.eye(len(kernel)) - kernel @ (member.T @ columns[touched])
        if np.linalg.svd(inner, compute_uv=False).min() < _LEAST_LEFT:
            return None
        middle = np.linalg.solve(inner, kernel)
        middle = (middle + middle.T) / 2
        sizes, ways = np.linalg.eigh(middle)
        for size, way in zip(sizes, (columns @ ways).T, strict=True):
            self._upper = blas.dsyr(size, way, lower=1, a=self._upper.T, overwrite_a=1).T
        self._subtracted += 1
        return columns, middle


def _kinds(taken: NDArray[np.int64]) -> tuple[Floats, Floats] | None:
    """Which kind each row is of, rows that are the same being of one, and the counts between kinds.

    A person adds 1 to every pair of what they chose: their rows are all the same. Where they keep
    some of it, the rows of what they keep are one kind and those of what they lose another. None
    where there are too many kinds.
    """
    known: dict[bytes, int] = {}
    kind = np.array([known.setdefault(row.tobytes(), len(known)) for row in taken], np.intp)
    if len(known) > MOST_KINDS:
        return None
    _, first = np.unique(kind, return_index=True)
    member = np.zeros((len(taken), len(known)))
    member[np.arange(len(taken)), kind] = 1.0
    return member, taken[np.ix_(first, first)].astype(np.float64)


def _ranks(taken: NDArray[np.int64]) -> tuple[Floats, Floats] | None:
    """The same of several people, as the product of a few columns: one for each of them will do.

    Each adds a matrix of rank 1. None where the rank is too high, or where it is no sum of those.
    """
    from scipy.linalg import lapack  # noqa: PLC0415  # as above

    whole = taken.astype(np.float64)
    factor, pivot, rank, _ = lapack.dpstrf(whole, tol=_NOTHING * whole.max(), lower=1)
    if rank > MOST_RANK:
        return None
    column = np.zeros((len(whole), rank))
    column[pivot - 1] = np.tril(factor)[:, :rank]
    if np.abs(column @ column.T - whole).max() > _NOTHING * whole.max():
        return None
    return column, np.eye(rank)


def _parts(n_rows: int, width: int) -> Iterator[slice]:
    """Slices of rows, so few at a time that some MiB hold their values."""
    step = max(1, _VALUES_AT_ONCE // max(width, 1))
    for start in range(0, n_rows, step):
        yield slice(start, start + step)
