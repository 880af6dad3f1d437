"""A model's arrays as one stored value per item row, and back, read with bounds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import StoreError
from knowingly.recommend.guard import MAX_ROW_BYTES
from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.interface.arrays import Rows

Arrays = Mapping[str, NDArray[Any]]


def row_dtype(arrays: Arrays) -> np.dtype[Any]:
    """The record that holds one row of every array."""
    return np.dtype(
        [
            (name, array.dtype.newbyteorder("<"), array.shape[1:])
            for name, array in sorted(arrays.items())
        ]
    )


def describe(dtype: np.dtype[Any]) -> str:
    """A record type as JSON, to be kept beside the rows."""
    fields: Mapping[str, Any] = dtype.fields or {}
    return json.dumps(
        {name: [field.base.str, list(field.shape)] for name, (field, *_) in fields.items()},
        sort_keys=True,
    )


def form_of(model: Model) -> tuple[str, str]:
    """The kind of a model and the record type of its rows, as both are kept beside them."""
    return model.kind, describe(row_dtype(model.arrays()))


def described(text: str) -> np.dtype[Any]:
    """The record type of ``describe``.

    Raises:
        StoreError: It is not one, or names anything but numbers.
    """
    try:
        found = np.dtype(
            [
                (name, np.dtype(code), tuple(shape))
                for name, (code, shape) in json.loads(text).items()
            ]
        )
    except (TypeError, ValueError, AttributeError):
        raise StoreError("a stored model has an unknown form: train again") from None
    kinds = {field.base.kind for field, *_ in (found.fields or {}).values()}
    if not kinds <= set("iufb") or found.itemsize > MAX_ROW_BYTES:
        raise StoreError("a stored model has an unknown form: train again")
    return found


def to_rows(arrays: Arrays, which: Rows | None = None) -> Iterator[tuple[int, bytes]]:
    """``(item row, value)`` of every row, or of those asked for."""
    dtype = row_dtype(arrays)
    n_items = len(next(iter(arrays.values()))) if arrays else 0
    chosen = np.arange(n_items) if which is None else which
    table = np.zeros(len(chosen), dtype)
    for name, array in arrays.items():
        table[name] = array[chosen]
    body, size = table.tobytes(), dtype.itemsize
    for place, row in enumerate(chosen.tolist()):
        yield row, body[place * size : (place + 1) * size]


def from_rows(dtype: np.dtype[Any], rows: Sequence[Any], n_items: int) -> dict[str, NDArray[Any]]:
    """The arrays of all rows, ``(row, value)`` sorted by row.

    Raises:
        StoreError: A row is missing or has another length.
    """
    if [row[0] for row in rows] != list(range(n_items)):
        raise StoreError("a stored model misses some of its rows: train again")
    table = _table(dtype, rows)
    return {name: np.ascontiguousarray(table[name]) for name in dtype.names or ()}


def patched(arrays: Arrays, dtype: np.dtype[Any], rows: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Copies of the arrays with some rows replaced."""
    table = _table(dtype, rows)
    which = np.array([row[0] for row in rows], np.intp)
    changed = {name: np.array(array) for name, array in arrays.items()}
    for name, array in changed.items():
        array[which] = table[name]
    return changed


def differing(old: Arrays, new: Arrays) -> Rows:
    """The rows in which two versions of a model differ."""
    n_items = len(next(iter(new.values()))) if new else 0
    moved = np.zeros(n_items, bool)
    for name, array in new.items():
        unequal = array != old[name]
        moved |= unequal.any(axis=tuple(range(1, unequal.ndim)))
    return np.flatnonzero(moved)


def moved(old: Arrays, new: Arrays) -> list[tuple[int, bytes]]:
    """The rows of ``new`` that differ, as they are stored.

    Raises:
        ValueError: The two are not of one form.
    """
    if row_dtype(old) != row_dtype(new):
        raise ValueError("arrays: expected the names, types and shapes of the stored model")
    return list(to_rows(new, differing(old, new)))


def _table(dtype: np.dtype[Any], rows: Sequence[Any]) -> NDArray[np.void]:
    if any(len(row[1]) != dtype.itemsize for row in rows):
        raise StoreError("a stored model has a row of another length: train again")
    return np.frombuffer(b"".join(row[1] for row in rows), dtype)
