"""The newest bestseller release, kept in memory until a newer one exists."""

import json
from dataclasses import dataclass

import numpy as np

from knowingly.recommend.interface.arrays import Rows
from knowingly.store import releases as stored
from knowingly.store.doors import Snapshot

BESTSELLERS = "bestsellers"


@dataclass(frozen=True, slots=True)
class Released:
    """A differentially private list of catalogue rows, best first, and what it cost."""

    rows: Rows
    period: str
    at_us: int
    epsilon: float
    delta: float


class Releases:
    """The releases of one tenant, as of the last look. Reading one spends nothing."""

    def __init__(self) -> None:
        # One attribute, so that threads see the two parts of it together.
        self._kept: tuple[int, Released | None] = (-1, None)

    def at(self, snapshot: Snapshot) -> Released | None:
        """The newest bestsellers; None where none were ever released."""
        epoch, newest = self._kept
        if epoch != snapshot.head.release_epoch:
            newest = load(snapshot)
            self._kept = (snapshot.head.release_epoch, newest)
        return newest


def load(snapshot: Snapshot) -> Released | None:
    """The newest bestsellers from the database."""
    row = stored.newest(snapshot, BESTSELLERS)
    if row is None:
        return None
    items = np.array(json.loads(row.item_rows), np.intp)
    return Released(items, row.period, row.at_us, row.epsilon, row.delta)
