"""What the list figures ask of the items: who chose them before the split, and what they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowingly.evaluate.lists import sparse_rows
from knowingly.items.table import ItemTable
from knowingly.recommend.interface.arrays import Floats, Ints, Matrix

POPULARITY = ("head", "middle", "tail", "cold")
"""Buckets of items, the most chosen first."""
COLD = POPULARITY.index("cold")


@dataclass(frozen=True, repr=False, eq=False)
class ItemFacts:
    """The ranked items, by row.

    Attributes:
        people: People there were before the split.
        chosen_by: How many of them chose each item.
        bucket: Which of ``POPULARITY`` each item is in.
        features: What is known of each item, as sparse rows of length 1.
        categories: What each item spreads over the categories, as sparse rows that sum to 1.
    """

    people: int
    chosen_by: Ints
    bucket: NDArray[np.int8]
    features: Matrix
    categories: Matrix

    @classmethod
    def make(cls, chosen_by: Ints, table: ItemTable, *, people: int, least: int) -> "ItemFacts":
        """The facts of items.

        Args:
            chosen_by: People who chose each item before the split.
            table: What the items are, in the same order.
            people: People there were before the split.
            least: An item that fewer chose is cold.
        """
        known = [
            [
                *(("category", one) for one in categories),
                *(("tag", one) for one in tags),
                *([("brand", brand)] if brand else []),
            ]
            for categories, tags, brand in zip(
                table.categories, table.tags, table.brand, strict=True
            )
        ]
        return cls(
            people,
            chosen_by,
            buckets(chosen_by, least),
            _codes(known, 0.5),
            _codes(table.categories, 1.0),
        )


def buckets(chosen_by: Ints, least: int) -> NDArray[np.int8]:
    """Which of ``POPULARITY`` each item is in.

    Apart from cold items, that fewer than ``least`` people chose, the most chosen items that
    together make up a third of all choices are the head, the next third the middle, the rest the
    tail. An item on the border is in the more popular bucket.
    """
    warm = chosen_by >= least
    order = np.argsort(-chosen_by, kind="stable")
    order = order[warm[order]]
    above = np.cumsum(chosen_by[order]) - chosen_by[order]
    total = max(int(chosen_by[warm].sum()), 1)
    bucket = np.full(len(chosen_by), COLD, np.int8)
    bucket[order] = np.minimum(above * 3 // total, COLD - 1)
    return bucket


def _codes(words: Sequence[Iterable[object]], power: float) -> Matrix:
    """Each item's distinct words as a sparse row; the values are their number ** -power."""
    number: dict[object, int] = {}
    rows = [
        np.array(sorted({number.setdefault(word, len(number)) for word in own}), np.int64)
        for own in words
    ]
    lengths = np.array([len(row) for row in rows], np.int64)
    values: Floats = np.repeat(np.maximum(lengths, 1) ** -power, lengths)
    return sparse_rows(rows, max(len(number), 1), values)
