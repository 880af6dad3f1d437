"""Statements of the items."""

from collections.abc import Sequence
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Column, Row, bindparam, select

from knowingly.store.batches import BulkInsert, batched
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import items as table
from knowingly.store.schema import variants

_IN_MEMORY = (
    table.c.row,
    table.c.item_id,
    table.c.title,
    table.c.in_stock,
    table.c.pinned,
    table.c.published_us,
    table.c.unpublished_us,
    table.c.markets,
    table.c.shown,
)
_DESCRIBED = (
    table.c.row,
    table.c.title,
    table.c.categories,
    table.c.brand,
    table.c.price,
    table.c.details,
)
_BY_ID = select(table.c.item_id, table.c.row, table.c.published_us).where(
    table.c.tenant == bindparam("t"), table.c.item_id.in_(bindparam("ids", expanding=True))
)
_VARIANTS_BY_ID = select(variants.c.variant_id, variants.c.row).where(
    variants.c.tenant == bindparam("t"),
    variants.c.variant_id.in_(bindparam("ids", expanding=True)),
)
_AS_STORED = itemgetter(*table.columns.keys())
_PUT = BulkInsert(table, existing="replace")
_PUT_VARIANTS = BulkInsert(variants, existing="replace")


def changed(snapshot: Snapshot, since_epoch: int) -> Sequence[Any]:
    """What pages need of the items made or changed after an epoch, by row."""
    return _newer(_IN_MEMORY, snapshot, since_epoch)


def described(snapshot: Snapshot, since_epoch: int) -> Sequence[Any]:
    """What the items are that were made or changed after an epoch, by row."""
    return _newer(_DESCRIBED, snapshot, since_epoch)


def _newer(columns: Sequence[Column[Any]], snapshot: Snapshot, since_epoch: int) -> Sequence[Any]:
    newer = select(*columns).where(table.c.tenant == snapshot.tenant)
    if since_epoch:
        newer = newer.where(table.c.epoch > since_epoch)
    # Put in order here: SQLite would read every item by row, rather than order the few it finds.
    return sorted(snapshot.connection.execute(newer), key=attrgetter("row"))


def one(snapshot: Snapshot, row: int) -> Row[Any]:
    """Everything of one item."""
    whole = select(table).where(table.c.tenant == snapshot.tenant, table.c.row == row)
    return snapshot.connection.execute(whole).one()


def variants_changed(snapshot: Snapshot, since_epoch: int) -> Sequence[Any]:
    """``(variant id, row)`` of the variants that came or moved after an epoch."""
    newer = select(variants.c.variant_id, variants.c.row).where(
        variants.c.tenant == snapshot.tenant, variants.c.epoch > since_epoch
    )
    return snapshot.connection.execute(newer).all()


def rows_of_variants(snapshot: Snapshot, ids: Sequence[str]) -> dict[str, int]:
    """The item row that each variant stands for; an id of no variant is left out."""
    found: dict[str, int] = {}
    for chunk in batched(ids):
        known = snapshot.connection.execute(_VARIANTS_BY_ID, {"t": snapshot.tenant, "ids": chunk})
        found.update((row[0], row[1]) for row in known)
    return found


def put_variants(tx: Tx, row_of: dict[str, int], known: dict[str, int]) -> None:
    """Let variants stand for items: new ones are added, those in ``known`` move."""
    epoch = tx.head.item_epoch
    changed = [
        (tx.tenant, variant, row, epoch)
        for variant, row in row_of.items()
        if known.get(variant) != row
    ]
    _PUT_VARIANTS(tx.connection, changed)


def rows_of(snapshot: Snapshot, item_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """``(row, published at)`` by item id; an item that is not there is left out."""
    found: dict[str, tuple[int, int]] = {}
    for chunk in batched(item_ids):
        known = snapshot.connection.execute(_BY_ID, {"t": snapshot.tenant, "ids": chunk})
        found.update((row[0], (row[1], row[2])) for row in known)
    return found


def put(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Store items, each with every field; one whose row is there already is replaced."""
    _PUT(tx.connection, [_AS_STORED(row) for row in rows])
