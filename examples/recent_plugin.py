"""An algorithm of 20 lines: rank the items chosen last first.

It does not count, so it cannot forget exactly: it declares ``refit``. When somebody it has learned
from is to be forgotten, it has the days that the policy names to be fitted again.
"""

import numpy as np
from pydantic import BaseModel, Field

from knowingly import Algorithm, FitData, ItemScores, hookimpl


class RecentOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``recent`` algorithm."""

    half_life_days: float = Field(7.0, gt=0, description="Days until an event counts half.")


class Recent(Algorithm[RecentOptions]):
    """Score an item by how lately anyone chose it."""

    name = "recent"
    explains = "What was chosen lately."
    forgets = "refit"

    def fit(self, data: FitData) -> ItemScores:
        """Sum the weights of each item's events."""
        weight = np.exp2(-data.age_days / self.options.half_life_days)
        return ItemScores(np.bincount(data.item, weight, minlength=data.n_items))


@hookimpl
def knowingly_algorithms() -> list[type[Recent]]:
    """The algorithms of this module."""
    return [Recent]
