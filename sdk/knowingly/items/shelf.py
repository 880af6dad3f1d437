"""``shop.items``: putting things on the shelf."""

from collections.abc import Iterable, Mapping, Set
from typing import Any, Protocol

from knowingly.domain.intake import Intake, Refusal
from knowingly.domain.item import Item
from knowingly.domain.validate import as_error, check_rows, one_or_many
from knowingly.errors import InputError
from knowingly.items.catalogue import Catalogue, CatalogueView
from knowingly.items.columns import from_row, to_row
from knowingly.store import items as rows
from knowingly.store.doors import Snapshot, Store, Then, Tx


class Owner(Protocol):
    """What the shelf needs of its tenant."""

    @property
    def number(self) -> int:
        """Its number in the database."""

    @property
    def store(self) -> Store:
        """Its data."""

    @property
    def catalogue(self) -> Catalogue:
        """Its items in memory."""

    def now_us(self) -> int:
        """Its clock."""


class Items:
    """The things in the shop.

    Stability: stable.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def upsert(
        self,
        items: Item | Mapping[str, Any] | Iterable[Item | Mapping[str, Any]],
        *,
        strict: bool = False,
    ) -> Intake:
        """Add items, or replace those that are there, all in one transaction.

        A variant stands for its product: events, baskets and pages may name either. The ids of
        items and variants are unique together. A variant that another product lists moves there;
        one that no product lists any more still stands for its last. What is stored of people
        already stays with the product it was stored for.

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
        return put(self._owner, items, strict=strict)

    def get(self, item_id: str) -> Item | None:
        """An item with all that was said of it, by its own id or a variant's; None if unknown.

        Raises:
            InputError: It is not text.
        """
        if not isinstance(item_id, str):
            raise InputError("item_id", "an item's id")
        with self._owner.store.read(self._owner.number) as snapshot:
            row = self._owner.catalogue.at(snapshot).row_of.get(item_id)
            if row is None:
                return None
            item = from_row(rows.one(snapshot, row))
            owners = rows.rows_of_variants(snapshot, [variant.id for variant in item.variants])
        mine = tuple(one for one in item.variants if owners.get(one.id) == row)
        return item.model_copy(update={"variants": mine})

    def __len__(self) -> int:
        return len(self.view())

    def __contains__(self, item_id: object) -> bool:
        return item_id in self.view().row_of

    def view(self) -> CatalogueView:
        """The catalogue as it is now."""
        with self._owner.store.read(self._owner.number) as snapshot:
            return self._owner.catalogue.at(snapshot)


def put(
    owner: Owner,
    items: Item | Mapping[str, Any] | Iterable[Item | Mapping[str, Any]],
    *,
    strict: bool,
    then: Then | None = None,
) -> Intake:
    """``Items.upsert``; ``then`` is done last in its transaction.

    Raises:
        InputError: A row is bad and ``strict`` is set, or these are no rows at all.
    """
    given = one_or_many((Item,), items, "items")
    good, refused = check_rows(Item, given, strict=strict)
    latest = {item.id: (row, item) for row, item in good}
    repeated = len(good) - len(latest)
    if not latest and then is None:
        return Intake(duplicates=repeated, refused=tuple(refused))
    with owner.store.write(owner.number) as tx:
        clashes = _clashes(tx, latest)
        if clashes and strict:
            raise as_error(clashes[0], row=clashes[0].row)
        bad = {one.row for one in clashes}
        fitting = {name: item for name, (row, item) in latest.items() if row not in bad}
        _write(tx, fitting, owner.now_us())
        refused = sorted(refused + clashes, key=lambda one: one.row)
        intake = Intake(kept=len(fitting), duplicates=repeated, refused=tuple(refused))
        if then is not None:
            then(tx, intake)
    return intake


class ItemRehearsal:
    """What ``put`` would refuse, batch after batch of one file; writes nothing.

    The ids of earlier batches are remembered, as they would be on the shelf by then.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._items: set[str] = set()
        self._variants: set[str] = set()

    def bad(self, rows: Iterable[Item | Mapping[str, Any]]) -> list[Refusal]:
        """The rows of the next batch that would be refused."""
        good, refused = check_rows(Item, rows, strict=False)
        latest = {item.id: (row, item) for row, item in good}
        with self._owner.store.read(self._owner.number) as snapshot:
            clashes = _clashes(snapshot, latest, self._items, self._variants)
        bad = {one.row for one in clashes}
        for item_id, (row, item) in latest.items():
            if row not in bad:
                self._items.add(item_id)
                self._variants.update(variant.id for variant in item.variants)
        return sorted(refused + clashes, key=lambda one: one.row)


def _write(tx: Tx, items: Mapping[str, Item], now_us: int) -> None:
    if not items:
        return
    known = rows.rows_of(tx, list(items))
    tx.head.item_epoch += 1
    epoch = tx.head.item_epoch
    stored = []
    row_of_variant: dict[str, int] = {}
    for item_id, item in items.items():
        row, first_us = known.get(item_id, (tx.head.next_item, now_us))
        if item_id not in known:
            tx.head.next_item += 1
        stored.append({**to_row(item, first_us), "tenant": tx.tenant, "row": row, "epoch": epoch})
        row_of_variant.update((variant.id, row) for variant in item.variants)
    rows.put(tx, stored)
    if row_of_variant:
        there = rows.rows_of_variants(tx, list(row_of_variant))
        rows.put_variants(tx, row_of_variant, there)


def _clashes(
    snapshot: Snapshot,
    latest: Mapping[str, tuple[int, Item]],
    more_items: Set[str] = frozenset(),
    more_variants: Set[str] = frozenset(),
) -> list[Refusal]:
    """Rows whose ids, or whose variants' ids, stand for something else already."""
    owner = {
        variant.id: item_id for item_id, (_, item) in latest.items() for variant in item.variants
    }
    taken_by_items = rows.rows_of(snapshot, list(owner)).keys() | latest.keys() | more_items
    taken_by_variants = rows.rows_of_variants(snapshot, list(latest)).keys() | more_variants
    clashes = []
    for item_id, (row, item) in latest.items():
        if item_id in taken_by_variants:
            clashes.append(Refusal(row, "id", "an id that no variant has"))
            continue
        for place, variant in enumerate(item.variants):
            field = f"variants.{place}.id"
            if variant.id in taken_by_items:
                clashes.append(Refusal(row, field, "an id that no item has"))
                break
            if owner[variant.id] != item_id:
                expected = "an id that no other product of this call lists"
                clashes.append(Refusal(row, field, expected))
                break
    return clashes
