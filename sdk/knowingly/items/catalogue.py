"""The catalogue in memory: loaded once, patched when items change, swapped whole.

A request takes one ``CatalogueView`` and keeps it; a change makes a new view, so that nothing mixes
in the middle of a page.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.store import items as rows
from knowingly.store.doors import Snapshot


@dataclass(frozen=True)
class CatalogueView:
    """The items at one epoch; every array is by item row."""

    epoch: int = 0
    ids: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    row_of: dict[str, int] = field(default_factory=dict)
    in_stock: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    pinned: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    published_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Rows as a page without any evidence shows them: pinned, then newest, then by row."""
        return np.lexsort((np.arange(len(self)), -self.published_us, ~self.pinned))

    def words(self, row: int) -> str:
        """What to call an item in a reason: its title, or its id where it has none."""
        return self.titles[row] or self.ids[row]


class Catalogue:
    """One tenant's catalogue, as of the last look."""

    def __init__(self) -> None:
        self._view = CatalogueView()
        self._loading = threading.Lock()

    def at(self, snapshot: Snapshot) -> CatalogueView:
        """The items as the snapshot has them (or a little newer, never older)."""
        view = self._view
        if view.epoch >= snapshot.head.item_epoch:
            return view
        with self._loading:
            if self._view.epoch < snapshot.head.item_epoch:
                changed = rows.changed(snapshot, self._view.epoch)
                self._view = _patched(self._view, snapshot.head.item_epoch, changed)
            return self._view


def _patched(old: CatalogueView, epoch: int, changed: Sequence[Any]) -> CatalogueView:
    size = max([len(old), *(row.row + 1 for row in changed)])
    grow = size - len(old)
    ids, titles = [*old.ids, *[""] * grow], [*old.titles, *[""] * grow]
    row_of = dict(old.row_of)
    in_stock = np.concatenate([old.in_stock, np.zeros(grow, bool)])
    pinned = np.concatenate([old.pinned, np.zeros(grow, bool)])
    published = np.concatenate([old.published_us, np.zeros(grow, np.int64)])
    for row in changed:
        ids[row.row], titles[row.row], row_of[row.item_id] = row.item_id, row.title, row.row
        in_stock[row.row], pinned[row.row] = row.in_stock, row.pinned
        published[row.row] = row.published_us
    return CatalogueView(epoch, ids, titles, row_of, in_stock, pinned, published)
