"""Rank the items first that go into one order with those of the history."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy.sparse import csr_array

from knowingly import (
    Block,
    CountedNeighbours,
    EventKind,
    ItemNeighbours,
    LiftNeighbours,
    hookimpl,
)

PEOPLE_AT_ONCE = 256
MEASURES: dict[str, type[ItemNeighbours]] = {"cosine": ItemNeighbours, "lift": LiftNeighbours}


class BoughtTogetherOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``bought_together`` algorithm."""

    measure: Literal["cosine", "lift"] = Field(
        "cosine", description="What makes a neighbour strong."
    )
    neighbours: int = Field(100, ge=1, le=1000, description="Neighbours kept per item.")


class BoughtTogether(CountedNeighbours[BoughtTogetherOptions]):
    """Score an item by how many people bought it in one order with what the person bought.

    Purchases only, of orders with at least two items. A person counts once for a pair, however
    many of their orders hold it: the floor is one of people.
    """

    name = "bought_together"
    explains = "What people bought in one order with your choices, or with what is on the page."

    @property
    def model(self) -> type[ItemNeighbours]:
        """The model of the measure."""
        return MEASURES[self.options.measure]

    @property
    def keep(self) -> int:
        """As many as are asked for."""
        return self.options.neighbours

    def count(self, block: Block) -> Any:  # noqa: ANN401  # scipy's sparse arrays have no types
        """People who bought both items in one order, sparse, shape ``(n_items, n_items)``."""
        whole = csr_array((block.n_items, block.n_items), dtype=np.int64)
        for first in range(0, block.n_people, PEOPLE_AT_ONCE):
            people = np.arange(first, min(first + PEOPLE_AT_ONCE, block.n_people))
            whole += _pairs_of_orders(block.select(people))
        return whole


def _pairs_of_orders(block: Block) -> Any:  # noqa: ANN401  # scipy's sparse arrays have no types
    """People who bought both items in one order."""
    lines = np.flatnonzero(block.chosen((EventKind.PURCHASE,)) & (block.order != 0))
    person, item = block.person[lines].astype(np.int64), block.item[lines]
    # A column is one person's item, so that no two people meet in a pair until all are counted.
    pairs, column = np.unique(person * block.n_items + item, return_inverse=True)
    codes, code = np.unique(block.order[lines], return_inverse=True)
    orders, row = np.unique(person * len(codes) + code, return_inverse=True)
    holds = _ones(row, column, (len(orders), len(pairs)))
    several = holds[np.flatnonzero(np.diff(holds.indptr) > 1)]
    together = several.T @ several
    together.data[:] = 1
    own = np.arange(len(pairs))
    item_of = _ones(own, pairs % max(block.n_items, 1), (len(pairs), block.n_items))
    return item_of.T @ (together @ item_of)


def _ones(row: NDArray[np.intp], column: NDArray[np.int64], shape: tuple[int, int]) -> Any:  # noqa: ANN401
    """A sparse array with a 1 at each of these places, however often it is named."""
    found = csr_array((np.ones(len(row), np.int64), (row, column)), shape=shape)
    found.sum_duplicates()
    found.data[:] = 1
    return found


@hookimpl
def knowingly_algorithms() -> list[type[BoughtTogether]]:
    """The algorithms of this module."""
    return [BoughtTogether]
