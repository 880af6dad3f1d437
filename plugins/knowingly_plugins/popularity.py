"""Rank the items most people chose first."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from knowingly import Block, CountingAlgorithm, Counts, EventKind, ItemScores, Model, hookimpl

CHOICES = (EventKind.VIEW, EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)


class PopularityOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``popularity`` algorithm."""

    kinds: tuple[EventKind, ...] = Field(
        CHOICES, min_length=1, description="The kinds of event that count as a choice."
    )


class Popularity(CountingAlgorithm[PopularityOptions]):
    """Score an item by how many people chose it."""

    name = "popularity"
    explains = "What most people choose."

    def count(self, block: Block) -> NDArray[np.int64]:
        """People per item, shape ``(n_items, 1)``."""
        people: NDArray[np.int64] = block.matrix(self.options.kinds).sum(axis=0)
        return people.reshape(-1, 1)

    def build(self, counts: Counts) -> ItemScores:
        """The counts are the scores."""
        return ItemScores.from_counts(counts.rows(np.arange(counts.n_items))[:, 0], counts.floor)

    def rebuild(
        self, model: Model, counts: Counts, touched: NDArray[np.intp], delta: object
    ) -> ItemScores:
        """Read only the rows that fell."""
        del delta
        if not isinstance(model, ItemScores):
            return self.build(counts)
        return model.refreshed(counts.rows(touched)[:, 0], touched, counts.floor)


@hookimpl
def knowingly_algorithms() -> list[type[Popularity]]:
    """The algorithms of this module."""
    return [Popularity]
