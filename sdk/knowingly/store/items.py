"""Statements of the items."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from knowingly.store.batches import batched
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import items as table


def changed(snapshot: Snapshot, since_epoch: int) -> Sequence[Row[Any]]:
    """Items made or changed after an epoch, by row."""
    newer = (
        select(table)
        .where(table.c.tenant == snapshot.tenant, table.c.epoch > since_epoch)
        .order_by(table.c.row)
    )
    return snapshot.connection.execute(newer).all()


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
