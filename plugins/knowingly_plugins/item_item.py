"""Rank the items first that people chose along with those of the history."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from knowingly import Block, CountingAlgorithm, Counts, EventKind, ItemNeighbours, Model, hookimpl

CHOICES = (EventKind.VIEW, EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)


class ItemItemOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``item_item`` algorithm."""

    kinds: tuple[EventKind, ...] = Field(
        CHOICES, min_length=1, description="The kinds of event that count as a choice."
    )
    neighbours: int = Field(100, ge=1, le=1000, description="Neighbours kept per item.")


class ItemItem(CountingAlgorithm[ItemItemOptions]):
    """Score an item by how often people chose it along with what the person chose."""

    name = "item_item"
    explains = "What people chose who also chose what you chose, or what is on the page."

    def count(self, block: Block) -> Any:  # noqa: ANN401  # scipy's sparse arrays have no types
        """People who chose both items, sparse, shape ``(n_items, n_items)``."""
        chosen = block.matrix(self.options.kinds)
        return chosen.T @ chosen

    def build(self, counts: Counts) -> ItemNeighbours:
        """Keep each item's strongest neighbours."""
        return ItemNeighbours.strongest(counts, keep=self.options.neighbours)

    def rebuild(
        self, model: Model, counts: Counts, touched: NDArray[np.intp], delta: object
    ) -> ItemNeighbours:
        """Read only the rows that fell."""
        del delta
        if not isinstance(model, ItemNeighbours):
            return self.build(counts)
        return model.refreshed(counts, touched)


@hookimpl
def knowingly_algorithms() -> list[type[ItemItem]]:
    """The algorithms of this module."""
    return [ItemItem]
