"""Integer counts, one row per item: what exact forgetting subtracts from."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knowingly.errors import InternalError
from knowingly.items.table import ItemTable
from knowingly.recommend.interface.arrays import Ints, Matrix, Rows

_CHUNK_VALUES = 2**18  # 2 MiB of int64 at a time stay in a processor's cache


def chunks(rows: Rows, width: int) -> Iterator[Rows]:
    """Split row numbers into runs whose dense rows fit in some 2 MiB."""
    step = max(1, _CHUNK_VALUES // max(width, 1))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


class Counts(ABC):
    """Counts of people, shape ``(n_items, width)``, read by rows.

    ``floor`` is the fewest people a figure shown to others must be shared by. ``items`` says what
    the items are, by row, to an algorithm that ``needs_items`` while it is fitted. It is empty when
    people are subtracted from what is served: a model keeps what ``rebuild`` needs of it.

    Stability: plugin.
    """

    n_items: int
    width: int
    floor: int
    items: ItemTable = ItemTable()

    @abstractmethod
    def rows(self, rows: Rows) -> Ints:
        """The dense rows asked for, shape ``(len(rows), width)``, each value >= 0."""

    def narrow(self, rows: Rows) -> NDArray[np.integer[Any]]:
        """The same as ``rows``, in the type of integers that they are kept in.

        For comparing, which is as much sooner as they are narrower; sums of them can run over. A
        store that keeps them narrower overrides it.
        """
        return self.rows(rows)

    def diagonal(self, rows: Rows) -> Ints:
        """``counts[i, i]`` for each of ``rows``, shape ``(len(rows),)``.

        It reads whole rows; a store that can do better overrides it.

        Raises:
            ValueError: The counts are narrower than that.
        """
        if self.width < self.n_items:
            raise ValueError(f"expected counts of width {self.n_items}, found {self.width}")
        values = np.zeros(len(rows), np.int64)
        done = 0
        for some in chunks(rows, self.width):
            values[done : done + len(some)] = self.rows(some)[np.arange(len(some)), some]
            done += len(some)
        return values


class MemoryCounts(Counts):
    """Counts in memory, from a ``csr_array`` or a 2-d array of integers >= 0.

    A 2-d array is kept in the narrowest type that holds it, and not copied where it is of that type
    already. Adding and subtracting give new counts; these stay as they are.

    Stability: plugin.
    """

    def __init__(
        self, matrix: Matrix | NDArray[np.integer], *, floor: int, items: ItemTable | None = None
    ) -> None:
        self.matrix = _integers(matrix)
        self.n_items, self.width = self.matrix.shape
        self.floor = floor
        self.items = ItemTable() if items is None else items

    def rows(self, rows: Rows) -> Ints:
        """The dense rows asked for, shape ``(len(rows), width)``."""
        return self.narrow(rows).astype(np.int64, copy=False)

    def narrow(self, rows: Rows) -> NDArray[np.integer[Any]]:
        """The same, in the type they are kept in."""
        found = self.matrix[rows]
        dense: NDArray[np.integer[Any]] = (
            found if isinstance(found, np.ndarray) else found.toarray()
        )
        return dense

    def diagonal(self, rows: Rows) -> Ints:
        """``counts[i, i]`` for each of ``rows``; all of them without making any row dense."""
        if self.width < self.n_items or len(rows) < self.n_items:
            return super().diagonal(rows)
        return self.matrix.diagonal()[rows].astype(np.int64)  # type: ignore[no-any-return]

    def add(self, delta: Matrix | NDArray[np.integer]) -> "MemoryCounts":
        """These counts and ``delta``, of the same shape."""
        self._check_shape(delta)
        here, more = self.matrix, _integers(delta)
        if isinstance(more, np.ndarray) and not isinstance(here, np.ndarray):
            here, more = more, here
        if not isinstance(here, np.ndarray):
            return MemoryCounts(here + more, floor=self.floor, items=self.items)
        total = here.astype(_narrowest(_most(here) + _most(more)))
        cells, values = _cells(more)
        total[cells] += values.astype(total.dtype)
        return MemoryCounts(total, floor=self.floor, items=self.items)

    def subtract(self, delta: Matrix | NDArray[np.integer]) -> "MemoryCounts":
        """These counts without ``delta``, of the same shape.

        Raises:
            InternalError: A count would fall below zero: ``delta`` was never added.
        """
        self._check_shape(delta)
        here, less = self.matrix, _integers(delta)
        if not isinstance(here, np.ndarray):
            # A sparse array less one that is not is not sparse either, and then signed.
            left = here - (less.astype(np.int64) if isinstance(less, np.ndarray) else less)
            values = left if isinstance(left, np.ndarray) else left.data
            if values.min(initial=0) < 0:
                raise InternalError("a count would fall below zero")
            return MemoryCounts(left, floor=self.floor, items=self.items)
        left = here.copy()
        subtract_from(left, less)
        return MemoryCounts(left, floor=self.floor, items=self.items)

    def _check_shape(self, delta: Matrix | NDArray[np.integer]) -> None:
        if delta.shape != self.matrix.shape:
            raise ValueError(f"expected counts of shape {self.matrix.shape}, not {delta.shape}")


def _integers(matrix: Matrix | NDArray[np.integer]) -> Matrix:
    """Check counts, and bring them into one form: dense and narrow, or sorted sparse int64."""
    if matrix.ndim != 2 or not np.issubdtype(matrix.dtype, np.integer):
        raise ValueError("counts: expected a 2-d array of integers, one row per item")
    whole = matrix
    if not isinstance(matrix, np.ndarray):
        whole = matrix.tocsr()
        # Of large counts one copy is enough: turning them into rows has made it.
        whole = whole.astype(np.int64, copy=whole is matrix)
        whole.sum_duplicates()
    values = whole if isinstance(whole, np.ndarray) else whole.data
    if values.dtype.kind == "i" and values.min(initial=0) < 0:
        raise ValueError("counts: expected no value below zero")
    if values.dtype == np.uint64 and _most(whole) > _MOST:
        raise ValueError("counts: expected no value above 2**63 - 1")
    return whole.astype(_narrowest(_most(whole)), copy=False) if whole is values else whole


def _most(matrix: Matrix) -> int:
    return int((matrix if isinstance(matrix, np.ndarray) else matrix.data).max(initial=0))


def _narrowest(most: int) -> np.dtype[Any]:
    """The narrowest type that holds numbers from 0 to ``most``."""
    return _TYPES[_smallest(most)]


def subtract_from(
    dense: NDArray[np.integer[Any]], delta: Matrix | NDArray[np.integer[Any]]
) -> None:
    """Subtract counts of the same shape from dense ones, in place.

    Raises:
        InternalError: A count would fall below zero: ``delta`` was never added. Nothing changed.
    """
    cells, values = _cells(_integers(delta))
    if (values > dense[cells]).any():
        raise InternalError("a count would fall below zero")
    dense[cells] -= values.astype(dense.dtype)


def _cells(matrix: Matrix) -> tuple[Any, NDArray[np.integer]]:
    """Where an array has values, as an index of a dense one, and those values."""
    if isinstance(matrix, np.ndarray):
        return ..., matrix
    by_cell = matrix.tocoo()
    return (by_cell.row, by_cell.col), by_cell.data


def touched_rows(delta: Matrix | NDArray[np.integer]) -> Rows:
    """The rows of ``delta`` that hold anything but zeros, sorted."""
    return np.flatnonzero(delta.sum(axis=1))  # no value is below zero, so none cancels out


_TYPES = tuple(np.dtype(code) for code in ("<u1", "<u2", "<u4", "<u8"))
_LIMITS = tuple(int(np.iinfo(kind).max) for kind in _TYPES)
_MOST = int(np.iinfo(np.int64).max)
_INDEX = np.dtype("<u4")
_SPARSE = len(_TYPES)  # code of the first sparse encoding; below it, dense


def encode_rows(values: ArrayLike) -> list[bytes]:
    """Write rows of counts, each in as few bytes as dense or sparse form allows.

    The first byte says the form: 0 to 3 are dense 1, 2, 4 and 8 byte values; 4 to 7 are ascending
    4 byte indices followed by values of those sizes, none of them 0. All are little endian.

    Args:
        values: Integers >= 0, shape ``(n, width)``.

    Raises:
        ValueError: The values are not that.
    """
    rows = _counts(values, axes=2)
    # Of all rows at once: of each by itself it takes longer than the writing.
    some = np.count_nonzero(rows, axis=1).tolist()
    encoded = []
    for row, n, most in zip(rows, some, rows.max(axis=1, initial=0).tolist(), strict=True):
        code = _smallest(most)
        if _sparse_is_shorter(n, len(row), code):
            places = row.nonzero()[0]
            encoded.append(_write_sparse(places, row[places], code))
        else:
            encoded.append(bytes((code,)) + row.astype(_TYPES[code]).tobytes())
    return encoded


def encode_sparse_row(indices: ArrayLike, values: ArrayLike, width: int) -> bytes:
    """The same bytes as ``encode_rows`` for one row, given by its indices and values.

    Args:
        indices: Ascending positions below ``width``, shape ``(n,)``.
        values: Integers >= 0, shape ``(n,)``.
        width: Length of the whole row.

    Raises:
        ValueError: The indices or values are not that.
    """
    places = np.asarray(indices, np.int64)
    row = _counts(values, axes=1)
    if places.shape != row.shape:
        raise ValueError("expected as many indices as values")
    if not row.all():
        places, row = places[row != 0], row[row != 0]
    _check_places(places, width)
    code = _smallest(int(row.max(initial=0)))
    if _sparse_is_shorter(len(places), width, code):
        return _write_sparse(places, row, code)
    dense = np.zeros(width, _TYPES[code])
    dense[places] = row
    return bytes((code,)) + dense.tobytes()


def decode_row(body: bytes, width: int) -> NDArray[np.integer[Any]]:
    """Read a row that ``encode_rows`` wrote, shape ``(width,)``, in the type it was written in.

    Numbers of 8 bytes come as int64. It is only to be read.

    Raises:
        ValueError: The bytes are no row of this width.
    """
    if not body or body[0] >= 2 * _SPARSE:
        raise ValueError("a row of counts in an unknown encoding")
    kind = _TYPES[body[0] % _SPARSE]
    if body[0] < _SPARSE:
        if len(body) != 1 + width * kind.itemsize:
            raise ValueError("a row of counts of another width")
        return _signed_if_wide(np.frombuffer(body, kind, offset=1))
    n, rest = divmod(len(body) - 1, _INDEX.itemsize + kind.itemsize)
    if rest or n > width:
        raise ValueError("a sparse row of counts of a wrong length")
    places = np.frombuffer(body, _INDEX, count=n, offset=1).astype(np.int64)
    values = _signed_if_wide(np.frombuffer(body, kind, count=n, offset=1 + n * _INDEX.itemsize))
    _check_places(places, width)
    if not values.all():
        raise ValueError("a sparse row of counts that stores a zero")
    row = np.zeros(width, values.dtype)
    row[places] = values
    return row


def _counts(values: ArrayLike, *, axes: int) -> NDArray[np.integer]:
    """Counts, checked."""
    counts = np.asarray(values)
    if counts.ndim != axes or (counts.size and counts.dtype.kind not in "iu"):
        raise ValueError(f"expected a {axes}-d array of integers")
    wide = counts.dtype.itemsize == 8
    if (counts.dtype.kind == "i" and counts.min(initial=0) < 0) or (wide and _most(counts) > _MOST):
        raise ValueError("expected counts from 0 to 2**63 - 1")
    return counts


def _smallest(most: int) -> int:
    return next(code for code, limit in enumerate(_LIMITS) if most <= limit)


def _sparse_is_shorter(n: int, width: int, code: int) -> bool:
    size = _TYPES[code].itemsize
    return n * (_INDEX.itemsize + size) < width * size


def _write_sparse(places: Ints, values: NDArray[np.integer], code: int) -> bytes:
    head = bytes((_SPARSE + code,))
    return head + places.astype(_INDEX).tobytes() + values.astype(_TYPES[code]).tobytes()


def _check_places(places: Ints, width: int) -> None:
    if places.size and (places[0] < 0 or places[-1] >= width or (places[1:] <= places[:-1]).any()):
        raise ValueError("expected ascending indices within the row")


def _signed_if_wide(values: NDArray[np.integer]) -> NDArray[np.integer]:
    if values.dtype.itemsize < 8:
        return values
    if values.size and values.max() > _MOST:
        raise ValueError("expected counts from 0 to 2**63 - 1")
    return values.astype(np.int64)
