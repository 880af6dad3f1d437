"""The array types of this room, and the check that parallel arrays are parallel."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Rows: TypeAlias = NDArray[np.intp]
"""Row numbers of items or people."""
AnyRows: TypeAlias = NDArray[np.integer[Any]]
"""Row numbers as they are kept, of whatever width."""
Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = Any
"""A ``scipy.sparse.csr_array``; scipy ships no types."""

EVENT_DTYPES: Mapping[str, type[np.generic]] = {
    "item": np.int32,
    "kind": np.int8,
    "age_days": np.float64,
    "quantity": np.int32,
    "order": np.int64,
}
"""The columns of an event, as models and algorithms see it."""


def check_columns(owner: object, dtypes: Mapping[str, type[np.generic]]) -> None:
    """Refuse columns of another dtype, of more than one axis, or of different lengths.

    Raises:
        ValueError: A column is off; the message names it.
    """
    length: int | None = None
    for name, dtype in dtypes.items():
        column = getattr(owner, name)
        if not isinstance(column, np.ndarray) or column.dtype != dtype or column.ndim != 1:
            raise ValueError(f"{name}: expected a 1-d array of {np.dtype(dtype)}")
        length = len(column) if length is None else length
        if len(column) != length:
            raise ValueError(f"{name}: expected {length} values like the columns before it")


def check_bounds(name: str, rows: NDArray[np.integer[Any]], end: int) -> None:
    """Refuse row numbers outside ``[0, end)``: numpy would let a negative one wrap around.

    Raises:
        ValueError: A row number is out of bounds.
    """
    if rows.size and (rows.min() < 0 or rows.max() >= end):
        raise ValueError(f"{name}: expected row numbers from 0 to {end - 1}")
