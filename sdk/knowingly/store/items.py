"""Statements of the items."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from knowingly.store.batches import batched
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


def changed(snapshot: Snapshot, since_epoch: int) -> Sequence[Any]:
    """What pages need of the items made or changed after an epoch, by row."""
    newer = (
        select(*_IN_MEMORY)
        .where(table.c.tenant == snapshot.tenant, table.c.epoch > since_epoch)
        .order_by(table.c.row)
    )
    return snapshot.connection.execute(newer).all()


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
        known = select(variants.c.variant_id, variants.c.row).where(
            variants.c.tenant == snapshot.tenant, variants.c.variant_id.in_(chunk)
        )
        found.update((row[0], row[1]) for row in snapshot.connection.execute(known))
    return found


def put_variants(tx: Tx, row_of: dict[str, int], known: dict[str, int]) -> None:
    """Let variants stand for items: new ones are added, those in ``known`` move."""
    epoch = tx.head.item_epoch
    fresh = [
        {"tenant": tx.tenant, "variant_id": variant, "row": row, "epoch": epoch}
        for variant, row in row_of.items()
        if variant not in known
    ]
    moved = [
        {"at_id": variant, "new_row": row}
        for variant, row in row_of.items()
        if known.get(variant, row) != row
    ]
    if fresh:
        tx.connection.execute(insert(variants), fresh)
    if moved:
        statement = (
            update(variants)
            .where(variants.c.tenant == tx.tenant, variants.c.variant_id == bindparam("at_id"))
            .values(row=bindparam("new_row"), epoch=epoch)
        )
        tx.connection.execute(statement, moved)


def rows_of(snapshot: Snapshot, item_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """``(row, published at)`` by item id; an item that is not there is left out."""
    found: dict[str, tuple[int, int]] = {}
    for chunk in batched(item_ids):
        known = select(table.c.item_id, table.c.row, table.c.published_us).where(
            table.c.tenant == snapshot.tenant, table.c.item_id.in_(chunk)
        )
        found.update((row[0], (row[1], row[2])) for row in snapshot.connection.execute(known))
    return found


def add(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Store new items."""
    if rows:
        tx.connection.execute(insert(table), rows)


def change(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Replace the fields of items that are there; each dict has ``row`` and every other field."""
    if not rows:
        return
    fields = [name for name in rows[0] if name not in {"tenant", "row"}]
    statement = (
        update(table)
        .where(table.c.tenant == tx.tenant, table.c.row == bindparam("at_row"))
        .values({name: bindparam(f"new_{name}") for name in fields})
    )
    values = [
        {"at_row": row["row"], **{f"new_{name}": row[name] for name in fields}} for row in rows
    ]
    tx.connection.execute(statement, values)
