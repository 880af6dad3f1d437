"""``shop.items``: putting things on the shelf."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from knowingly.domain.intake import Intake
from knowingly.domain.item import Item
from knowingly.domain.moments import to_us
from knowingly.domain.validate import check_rows, one_or_many
from knowingly.items.catalogue import Catalogue, CatalogueView
from knowingly.store import items as rows
from knowingly.store.doors import Store, Tx


class _Owner(Protocol):
    """What the shelf needs of its tenant."""

    @property
    def number(self) -> int: ...
    @property
    def store(self) -> Store: ...
    @property
    def catalogue(self) -> Catalogue: ...
    def now_us(self) -> int: ...


class Items:
    """The things in the shop.

    Stability: stable.
    """

    def __init__(self, owner: _Owner) -> None:
        self._owner = owner

    def upsert(
        self,
        items: Item | Mapping[str, Any] | Iterable[Item | Mapping[str, Any]],
        *,
        strict: bool = False,
    ) -> Intake:
        """Add items, or replace those that are there, all in one transaction.

        Args:
            items: One item, or many, as values or as mappings of their fields.
            strict: Refuse the whole call when one row is bad.

        Returns:
            How many were kept, and the refused rows. Of two rows with one id the later counts; the
            earlier ones are ``duplicates``.

        Raises:
            InputError: A row is bad and ``strict`` is set, or these are no rows at all; nothing was
                written.
        """
        given = one_or_many(Item, items, "items")
        good, refused = check_rows(Item, given, strict=strict)
        latest = {item.id: item for _, item in good}
        if latest:
            with self._owner.store.write(self._owner.number) as tx:
                self._write(tx, latest)
        return Intake(kept=len(latest), duplicates=len(good) - len(latest), refused=tuple(refused))

    def __len__(self) -> int:
        return len(self.view())

    def __contains__(self, item_id: object) -> bool:
        return item_id in self.view().row_of

    def view(self) -> CatalogueView:
        """The catalogue as it is now."""
        with self._owner.store.read(self._owner.number) as snapshot:
            return self._owner.catalogue.at(snapshot)

    def _write(self, tx: Tx, latest: Mapping[str, Item]) -> None:
        known = rows.rows_of(tx, list(latest))
        tx.head.item_epoch += 1
        now_us = self._owner.now_us()
        fresh, changed = [], []
        for item_id, item in latest.items():
            if item_id in known:
                row, first_us = known[item_id]
                changed.append(_values(tx, row, item, first_us))
            else:
                fresh.append(_values(tx, tx.head.next_item, item, now_us))
                tx.head.next_item += 1
        rows.add(tx, fresh)
        rows.change(tx, changed)


def _values(tx: Tx, row: int, item: Item, first_us: int) -> dict[str, Any]:
    return {
        "tenant": tx.tenant,
        "row": row,
        "item_id": item.id,
        "title": item.title,
        "categories": "\n".join(item.categories),
        "brand": item.brand,
        "price": item.price,
        "in_stock": item.in_stock,
        "pinned": item.pinned,
        "published_us": to_us(item.published_at) if item.published_at else first_us,
        "epoch": tx.head.item_epoch,
    }
