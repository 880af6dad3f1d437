"""Rank the items first that more people choose now than a while ago."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from knowingly import Block, CountedScores, EventKind, hookimpl

CHOICES = (EventKind.VIEW, EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)


class TrendingOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``trending`` algorithm; days are before the training's last event."""

    kinds: tuple[EventKind, ...] = Field(
        CHOICES, min_length=1, description="The kinds of event that count as a choice."
    )
    recent_days: float = Field(7.0, gt=0, le=3650, description="How long the recent window is.")
    earlier_days: float = Field(
        28.0, gt=0, le=3650, description="How long the window before it is, to compare with."
    )
    damping: float = Field(
        10.0, gt=0, le=1e6, description="People added to either side: more favours larger items."
    )


class Trending(CountedScores[TrendingOptions]):
    """Score an item by how much faster people choose it than before.

    The pace is how many people the recent window would have at the speed of the earlier one. The
    score is ``(recent + damping) / (pace + damping) - 1``. An item of fewer than the floor's people
    in the recent window scores nothing, nor does one that did not grow; fewer than that in the
    earlier window count as none.
    """

    name = "trending"
    explains = "What more people choose now than a few weeks ago."
    reason = "trending now"

    def count(self, block: Block) -> NDArray[np.int64]:
        """People per item in the recent and in the earlier window, shape ``(n_items, 2)``."""
        recent = self.options.recent_days
        both = recent + self.options.earlier_days
        chosen = block.chosen(self.options.kinds)
        ages = block.age_days
        windows = (chosen & (ages <= recent), chosen & (ages > recent) & (ages <= both))
        return np.stack([_people(block, window) for window in windows], axis=1)

    def scores(self, counts: NDArray[np.int64], floor: int) -> NDArray[np.float64]:
        """The growth of each item."""
        recent, earlier = counts[:, 0], np.where(counts[:, 1] >= floor, counts[:, 1], 0)
        pace = earlier * (self.options.recent_days / self.options.earlier_days)
        growth = (recent + self.options.damping) / (pace + self.options.damping) - 1.0
        return np.where((recent >= floor) & (growth > 0), growth, 0.0)


def _people(block: Block, events: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many people have one of these events with each item."""
    pairs = np.unique(block.person[events].astype(np.int64) * block.n_items + block.item[events])
    return np.bincount(pairs % max(block.n_items, 1), minlength=block.n_items)


@hookimpl
def knowingly_algorithms() -> list[type[Trending]]:
    """The algorithms of this module."""
    return [Trending]
