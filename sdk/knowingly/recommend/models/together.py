"""How many people chose both of two items, for all pairs: the product of a matrix with itself.

Where most pairs of items have somebody, as in a shop that people come back to, the product is a
dense array of narrow integers: a third of the size of a sparse one, and made sooner. Where few
have, it is sparse.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.arrays import Matrix

_PAIRS_PER_CELL = 0.5
"""From so many pairs of a person's items on for each cell of the product, it is made dense."""
_COLUMNS = 128  # so many dense columns of thousands of people stay in a processor's cache


def people_of_pairs(
    chosen: Matrix, beside: Matrix | None = None
) -> Matrix | NDArray[np.integer[Any]]:
    """People who chose both items, shape ``(n_items, n_items)``; exact, and additive over people.

    Args:
        chosen: Who chose what, as ``Block.matrix`` gives it: ones, a row for each person.
        beside: Further columns of people per item, to stand after those of the pairs.

    Returns:
        A ``csr_array`` or a 2-d array.
    """
    from scipy.sparse import hstack  # noqa: PLC0415  # slow to import; pages do without

    n_people, n_items = chosen.shape
    pairs = np.square(np.diff(chosen.indptr).astype(np.float64)).sum()
    if pairs < _PAIRS_PER_CELL * n_items * n_items:
        found = chosen.T @ chosen
        return found if beside is None else hstack([found, beside], format="csr")
    width = n_items if beside is None else n_items + beside.shape[1]
    # No count can be more than there are people.
    counts = np.zeros((n_items, width), np.min_scalar_type(n_people))
    _count(chosen.astype(counts.dtype), counts)
    if beside is not None:
        counts[:, n_items:] = beside.toarray()
    return counts


def _count(chosen: Matrix, counts: NDArray[np.integer[Any]]) -> None:
    """Some columns at a time, down to the diagonal; what is below it is what is above it."""
    n_items = chosen.shape[1]
    by_item, people_of = chosen.tocsc(), chosen.T.tocsr()
    for first in range(0, n_items, _COLUMNS):
        end = min(first + _COLUMNS, n_items)
        part = _first_rows(people_of, end) @ by_item[:, first:end].toarray()
        counts[:end, first:end] = part
        counts[first:end, :first] = part[:first].T


def _first_rows(matrix: Matrix, end: int) -> Matrix:
    """``matrix[:end]`` of a ``csr_array``, without a copy."""
    size = matrix.indptr[end]
    parts = matrix.data[:size], matrix.indices[:size], matrix.indptr[: end + 1]
    return type(matrix)(parts, shape=(end, matrix.shape[1]))
