"""Rank the items most people chose first."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from knowingly import Block, CountingAlgorithm, Counts, EventKind, ItemScores, Model, hookimpl

CHOICES = (EventKind.VIEW, EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)
BUCKETS_PER_HALF_LIFE = 4
HALF_LIVES = 8
"""Beyond it a choice would weigh less than 1/256, and is not counted."""


class PopularityOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``popularity`` algorithm; days are before the training's last event."""

    kinds: tuple[EventKind, ...] = Field(
        CHOICES, min_length=1, description="The kinds of event that count as a choice."
    )
    window_days: float | None = Field(
        None, gt=0, le=3650, description="Choices older than this do not count."
    )
    half_life_days: float | None = Field(
        None, ge=1, le=3650, description="Days until a choice counts half; without it, all alike."
    )


class Popularity(CountingAlgorithm[PopularityOptions]):
    """Score an item by how many people chose it, of late if so wished.

    A person counts once for an item, by their newest choice of it. With a half-life people are
    counted by age, in buckets of a quarter of it, and weighed when the model is built: counts stay
    integers, so that somebody is forgotten exactly.
    """

    name = "popularity"
    explains = "What most people choose."
    reason = "popular in the shop"

    def count(self, block: Block) -> NDArray[np.int64]:
        """People per item and bucket of age, shape ``(n_items, n_buckets)``."""
        item, age = newest_choices(block, self.options.kinds)
        n_buckets = len(self._weights())
        bucket = np.zeros(len(item), np.int64)
        if self.options.half_life_days is not None:
            days = self.options.half_life_days / BUCKETS_PER_HALF_LIFE
            bucket = np.minimum(age / days, n_buckets).astype(np.int64)
        counted = bucket < n_buckets
        if self.options.window_days is not None:
            counted &= age <= self.options.window_days
        place = item[counted] * n_buckets + bucket[counted]
        people = np.bincount(place, minlength=block.n_items * n_buckets)
        return people.reshape(block.n_items, n_buckets)

    def build(self, counts: Counts) -> ItemScores:
        """The weighed counts are the scores."""
        return ItemScores(self._scores(counts.rows(np.arange(counts.n_items)), counts.floor))

    def rebuild(
        self, model: Model, counts: Counts, touched: NDArray[np.intp], delta: object
    ) -> ItemScores:
        """Read only the rows that fell."""
        del delta
        if not isinstance(model, ItemScores):
            return self.build(counts)
        scores = model.scores.copy()
        scores[touched] = self._scores(counts.rows(touched), counts.floor)
        return ItemScores(scores)

    def _weights(self) -> list[float]:
        """What a person in each bucket counts, by its middle."""
        if self.options.half_life_days is None:
            return [1.0]
        middles = (np.arange(HALF_LIVES * BUCKETS_PER_HALF_LIFE) + 0.5) / BUCKETS_PER_HALF_LIFE
        return [float(weight) for weight in np.exp2(-middles)]

    def _scores(self, people: NDArray[np.int64], floor: int) -> NDArray[np.float64]:
        scores = np.zeros(len(people))
        # Bucket by bucket: a product of matrices may round a row by how many stand beside it.
        for bucket, weight in enumerate(self._weights()):
            scores += people[:, bucket] * weight
        return np.where(people.sum(axis=1) >= floor, scores, 0.0)


def newest_choices(
    block: Block, kinds: tuple[EventKind, ...]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of every person and item they chose, once: the item, and the age of the newest choice."""
    choice = np.flatnonzero(block.chosen(kinds))
    order = np.lexsort((block.age_days[choice], block.item[choice], block.person[choice]))
    person, item = block.person[choice][order], block.item[choice][order].astype(np.int64)
    first = np.ones(len(order), bool)
    first[1:] = (person[1:] != person[:-1]) | (item[1:] != item[:-1])
    return item[first], block.age_days[choice][order][first]


@hookimpl
def knowingly_algorithms() -> list[type[Popularity]]:
    """The algorithms of this module."""
    return [Popularity]
