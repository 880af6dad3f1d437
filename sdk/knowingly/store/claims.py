"""Statements of the evidence that outlives an erasure."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, insert, select, update

from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import claims as table

KEPT, ENDING = "kept", "ending"


class ClaimRow(NamedTuple):
    """Evidence of one erased person's choices, sealed, and the hold on it, sealed too."""

    erasure: str
    lookup: bytes
    key_id: bytes
    keep_until_us: int
    state: str
    body: bytes
    hold: bytes | None


_COLUMNS = (
    table.c.erasure,
    table.c.lookup,
    table.c.key_id,
    table.c.keep_until_us,
    table.c.state,
    table.c.body,
    table.c.hold,
)


def _some(snapshot: Snapshot, *where: ColumnElement[bool]) -> list[ClaimRow]:
    rows = (
        select(*_COLUMNS)
        .where(table.c.tenant == snapshot.tenant, *where)
        .order_by(table.c.keep_until_us, table.c.erasure)
    )
    return [ClaimRow(*row) for row in snapshot.connection.execute(rows)]


def of(snapshot: Snapshot, lookup: bytes) -> list[ClaimRow]:
    """What is kept of whoever has this keyed hash, oldest date first."""
    return _some(snapshot, table.c.lookup == lookup, table.c.state == KEPT)


def due(snapshot: Snapshot, before_us: int) -> list[ClaimRow]:
    """What is past its date and under no hold."""
    over = table.c.keep_until_us <= before_us
    return _some(snapshot, table.c.state == KEPT, over, table.c.hold.is_(None))


def ending(snapshot: Snapshot) -> list[ClaimRow]:
    """What is being destroyed."""
    return _some(snapshot, table.c.state == ENDING)


def keys(snapshot: Snapshot) -> dict[str, bytes]:
    """The id of every key that evidence is under, by erasure."""
    rows = select(table.c.erasure, table.c.key_id).where(table.c.tenant == snapshot.tenant)
    return {row[0]: row[1] for row in snapshot.connection.execute(rows)}


def using(snapshot: Snapshot, first: bytes, last: bytes) -> list[bytes]:
    """The ids of keys that evidence is under, from the first id to the last."""
    rows = select(table.c.key_id).where(
        table.c.tenant == snapshot.tenant, table.c.key_id.between(first, last)
    )
    return list(snapshot.connection.execute(rows).scalars())


def add(tx: Tx, row: ClaimRow) -> None:
    """Keep evidence."""
    tx.connection.execute(insert(table).values(tenant=tx.tenant, **row._asdict()))


def mark_ending(tx: Tx, erasures: Sequence[str]) -> None:
    """From now on nobody reads these, and whatever crashes they are destroyed."""
    for erasure in erasures:
        tx.connection.execute(update(table).where(*_same(tx, erasure)).values(state=ENDING))


def set_hold(tx: Tx, erasure: str, hold: bytes | None) -> None:
    """Put a sealed hold on evidence, or take it off."""
    tx.connection.execute(update(table).where(*_same(tx, erasure)).values(hold=hold))


def remove(tx: Tx, erasure: str) -> bool:
    """Delete the row; whether it was there."""
    return tx.connection.execute(delete(table).where(*_same(tx, erasure))).rowcount > 0


def _same(tx: Tx, erasure: str) -> tuple[ColumnElement[bool], ...]:
    return (table.c.tenant == tx.tenant, table.c.erasure == erasure)
