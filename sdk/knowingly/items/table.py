"""What the things in the shop are, by row: for algorithms and rules that look at items."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.item import Attribute
from knowingly.store import items as rows
from knowingly.store.doors import Snapshot

_NOTHING: Mapping[str, Attribute] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ItemTable:
    """What items are, as parallel columns; one position is one item.

    ``price`` is in the shop's own currency (float64, NaN where an item has none); the other columns
    are those of ``Item``. Nothing in it is about a person. It is only to be read.

    Stability: plugin.
    """

    title: Sequence[str] = ()
    brand: Sequence[str] = ()
    categories: Sequence[tuple[str, ...]] = ()
    tags: Sequence[tuple[str, ...]] = ()
    attributes: Sequence[Mapping[str, Attribute]] = ()
    price: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def blank(cls, n_items: int) -> "ItemTable":
        """So many items of which nothing is known."""
        words, many = ("",) * n_items, ((),) * n_items
        return cls(words, words, many, many, (_NOTHING,) * n_items, np.full(n_items, np.nan))

    def select(self, chosen: NDArray[np.integer[Any]]) -> "ItemTable":
        """The items of these rows, in this order."""
        places = chosen.tolist()
        title, brand, categories, tags, attributes = (
            [column[place] for place in places]
            for column in (self.title, self.brand, self.categories, self.tags, self.attributes)
        )
        return ItemTable(title, brand, categories, tags, attributes, self.price[chosen])

    def __len__(self) -> int:
        return len(self.title)

    def __repr__(self) -> str:
        return f"ItemTable({len(self)} items)"


class Tables:
    """One tenant's items as a table, as of the last look.

    Apart from the catalogue, because most pages need no more of an item than that.
    """

    def __init__(self) -> None:
        self._epoch, self._table = 0, ItemTable()
        self._loading = threading.Lock()

    def at(self, snapshot: Snapshot) -> ItemTable:
        """The items as the snapshot has them (or a little newer, never older)."""
        with self._loading:
            if self._epoch < snapshot.head.item_epoch:
                changed = rows.described(snapshot, self._epoch)
                self._table = _patched(self._table, [row.row for row in changed], changed)
                self._epoch = snapshot.head.item_epoch
            return self._table


def changed_since(snapshot: Snapshot, epoch: int) -> tuple[NDArray[np.intp], ItemTable]:
    """The catalogue rows of the items made or changed after an epoch, and what these items are."""
    changed = rows.described(snapshot, epoch)
    which = np.array([row.row for row in changed], np.intp)
    return which, _patched(ItemTable(), range(len(changed)), changed)


def _patched(old: ItemTable, places: Sequence[int], changed: Sequence[Any]) -> ItemTable:
    """The table with new items at some places; requests that hold the old one keep it."""
    grow = max([len(old), *(place + 1 for place in places)]) - len(old)
    title, brand = [*old.title, *[""] * grow], [*old.brand, *[""] * grow]
    categories, tags = [*old.categories, *[()] * grow], [*old.tags, *[()] * grow]
    attributes = [*old.attributes, *[_NOTHING] * grow]
    price = np.concatenate([old.price, np.full(grow, np.nan)])
    for at, row in zip(places, changed, strict=True):
        details = json.loads(row.details) if row.details else {}
        title[at], brand[at] = row.title, row.brand
        categories[at] = tuple(row.categories.split("\n")) if row.categories else ()
        tags[at] = tuple(details.get("tags", ()))
        # Algorithms get the same ones as the rules of pages: only to be read.
        said = details.get("attributes")
        attributes[at] = MappingProxyType(said) if said else _NOTHING
        price[at] = np.nan if row.price is None else row.price
    return ItemTable(title, brand, categories, tags, attributes, price)
