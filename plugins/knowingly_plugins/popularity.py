"""Rank the items most people chose first."""

from collections import Counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from knowingly import (
    Block,
    CountedScores,
    Counts,
    EventKind,
    GroupScores,
    ItemTable,
    Model,
    hookimpl,
)

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


class PopularInCategoryOptions(PopularityOptions, frozen=True, extra="forbid"):
    """Options of the ``popular_in_category`` algorithm."""

    category: Literal["smallest", "first"] = Field(
        "smallest",
        description="Of several that an item names: the one of fewest items, or the first.",
    )


class Popularity(CountedScores[PopularityOptions]):
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

    def scores(self, counts: NDArray[np.int64], floor: int) -> NDArray[np.float64]:
        """People weighed by the age of their choice."""
        scores = np.zeros(len(counts))
        # Bucket by bucket: a product of matrices may round a row by how many stand beside it.
        for bucket, weight in enumerate(self._weights()):
            scores += counts[:, bucket] * weight
        return np.where(counts.sum(axis=1) >= floor, scores, 0.0)

    def _weights(self) -> list[float]:
        """What a person in each bucket counts, by its middle."""
        if self.options.half_life_days is None:
            return [1.0]
        middles = (np.arange(HALF_LIVES * BUCKETS_PER_HALF_LIFE) + 0.5) / BUCKETS_PER_HALF_LIFE
        return [float(weight) for weight in np.exp2(-middles)]


class PopularInCategory(Popularity):
    """Score an item by its share of its category's choices, in the categories of the person.

    Or in that of the page's item. An item counts in one category; one without is not scored. In the
    smallest that it names it says most beside algorithms that go by people: what it is. An
    algorithm beside ``popularity``, so that a slot can have both.
    """

    name = "popular_in_category"
    explains = "What most people choose of the categories that you choose from, or on the page."
    reason = "popular in its category"
    needs_items = True
    options_type = PopularInCategoryOptions
    options: PopularInCategoryOptions

    def build(self, counts: Counts) -> GroupScores:
        """The weighed counts, with the category of each item."""
        people = counts.rows(np.arange(counts.n_items))
        by_size = self.options.category == "smallest"
        group = (smallest_categories if by_size else first_categories)(counts.items)
        return GroupScores(self.scores(people, counts.floor), group)

    def rebuild(
        self, model: Model, counts: Counts, touched: NDArray[np.intp], delta: object
    ) -> GroupScores:
        """Read only the rows that fell; the model has the categories."""
        del delta
        if not isinstance(model, GroupScores):
            return self.build(counts)
        scores = model.scores.copy()
        scores[touched] = self.scores(counts.rows(touched), counts.floor)
        return GroupScores(scores, model.group)


def first_categories(items: ItemTable) -> NDArray[np.int32]:
    """The number of each item's first category, by name, and -1 where it has none."""
    return _numbered([categories[0] if categories else "" for categories in items.categories])


def smallest_categories(items: ItemTable) -> NDArray[np.int32]:
    """The number of the category that fewest items name, of each item's; of equals, the last.

    Many shops go from the broad to the fine, so the last of equals is the finer one.
    """
    size = Counter(name for categories in items.categories for name in set(categories))
    return _numbered(
        [
            min(reversed(categories), key=size.__getitem__, default="")
            for categories in items.categories
        ]
    )


def _numbered(names: list[str]) -> NDArray[np.int32]:
    number = {name: n for n, name in enumerate(sorted(set(names) - {""}))}
    return np.array([number.get(name, -1) for name in names], np.int32)


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
    return [Popularity, PopularInCategory]
