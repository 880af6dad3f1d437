"""The catalogue in memory: loaded once, patched when items change, swapped whole.

A request takes one ``CatalogueView`` and keeps it; a change makes a new view, so that nothing mixes
in the middle of a page.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from knowingly.store import items as rows
from knowingly.store.doors import Snapshot

_EVER_US = 2**63 - 1
_MARKETS_KEPT = 64


class Shown(NamedTuple):
    """What a hit shows of an item beside its title."""

    price: float | None
    image: str | None


class _Hidden(NamedTuple):
    """The items no page shows, and for how long this holds."""

    rows: NDArray[np.bool_]
    from_us: int
    until_us: int


@dataclass(frozen=True)
class CatalogueView:
    """The items at one epoch; every array and list is by item row.

    ``row_of`` has the ids of items and of their variants. ``shown`` is JSON that is read for the
    few items a page shows; ``sold_in`` the number of a set of markets in ``market_sets``, of which
    a shop has few.
    """

    epoch: int = 0
    ids: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    row_of: dict[str, int] = field(default_factory=dict)
    market_sets: tuple[str, ...] = ("",)
    in_stock: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    pinned: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    published_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    unpublished_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    sold_in: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    _hidden: dict[str | None, _Hidden] = field(default_factory=dict, init=False)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Rows as a page without any evidence shows them: pinned, then newest, then by row."""
        return np.lexsort((np.arange(len(self)), -self.published_us, ~self.pinned))

    def words(self, row: int) -> str:
        """What to call an item in a reason: its title, or its id where it has none."""
        return self.titles[row] or self.ids[row]

    def not_for_sale(self, at_us: int, market: str | None) -> NDArray[np.bool_]:
        """The items no page shows: not published at that moment, or not sold in the market.

        Remembered until an item comes or goes by its date, because every page asks.
        """
        kept = self._hidden.get(market)
        if kept is None or not kept.from_us <= at_us < kept.until_us:
            if len(self._hidden) >= _MARKETS_KEPT:
                self._hidden.clear()
            kept = self._hidden[market] = self._hide(at_us, market)
        return kept.rows

    def _hide(self, at_us: int, market: str | None) -> _Hidden:
        moments = np.concatenate([self.published_us, self.unpublished_us])
        past = moments <= at_us
        from_us = int(moments[past].max(initial=-_EVER_US))
        until_us = int(moments[~past].min(initial=_EVER_US))
        hidden = (self.published_us > at_us) | (self.unpublished_us <= at_us)
        if market is not None and len(self.market_sets) > 1:
            elsewhere = [bool(some) and market not in some.split("\n") for some in self.market_sets]
            hidden |= np.array(elsewhere)[self.sold_in]
        return _Hidden(hidden, from_us, until_us)

    def show(self, row: int, market: str | None) -> Shown:
        """What a hit shows of an item; its price is that of the market where it has one."""
        said = json.loads(self.shown[row]) if self.shown[row] else {}
        price = said.get("price")
        if market is not None:
            price = said.get("prices", {}).get(market, price)
        return Shown(price, said.get("image"))


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
                moved = rows.variants_changed(snapshot, self._view.epoch)
                self._view = _patched(self._view, snapshot.head.item_epoch, changed, moved)
            return self._view


def _patched(
    old: CatalogueView, epoch: int, changed: Sequence[Any], moved: Sequence[Any]
) -> CatalogueView:
    size = max([len(old), *(row.row + 1 for row in changed)])
    grow = size - len(old)
    ids, titles, shown = ([*part, *[""] * grow] for part in (old.ids, old.titles, old.shown))
    row_of = dict(old.row_of)
    in_stock = np.concatenate([old.in_stock, np.zeros(grow, bool)])
    pinned = np.concatenate([old.pinned, np.zeros(grow, bool)])
    published = np.concatenate([old.published_us, np.zeros(grow, np.int64)])
    unpublished = np.concatenate([old.unpublished_us, np.full(grow, _EVER_US)])
    sold_in = np.concatenate([old.sold_in, np.zeros(grow, np.int32)])
    sets = {some: number for number, some in enumerate(old.market_sets)}
    for row in changed:
        at = row.row
        ids[at], titles[at], shown[at] = row.item_id, row.title, row.shown
        row_of[row.item_id] = at
        in_stock[at], pinned[at] = row.in_stock, row.pinned
        published[at] = row.published_us
        unpublished[at] = _EVER_US if row.unpublished_us is None else row.unpublished_us
        sold_in[at] = sets.setdefault(row.markets, len(sets))
    row_of.update((row[0], row[1]) for row in moved)
    return CatalogueView(
        epoch=epoch,
        ids=ids,
        titles=titles,
        shown=shown,
        row_of=row_of,
        market_sets=tuple(sets),
        in_stock=in_stock,
        pinned=pinned,
        published_us=published,
        unpublished_us=unpublished,
        sold_in=sold_in,
    )
