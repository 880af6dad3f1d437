"""Statements of the notices that wait for a recipient to be told."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import notices as table


class NoticeRow(NamedTuple):
    """One notice: of which erasure, if it is of one, to whom, and what it says, sealed."""

    notice: str
    erasure: str | None
    recipient: str
    key_id: bytes
    created_us: int
    tries: int
    body: bytes


_COLUMNS = (
    table.c.notice,
    table.c.erasure,
    table.c.recipient,
    table.c.key_id,
    table.c.created_us,
    table.c.tries,
    table.c.body,
)


def waiting(snapshot: Snapshot, erasure: str | None = None) -> list[NoticeRow]:
    """The notices that wait, oldest first; of one erasure only, where it is named."""
    mine = [table.c.tenant == snapshot.tenant]
    if erasure is not None:
        mine.append(table.c.erasure == erasure)
    rows = select(*_COLUMNS).where(*mine).order_by(table.c.created_us, table.c.notice)
    return [NoticeRow(*row) for row in snapshot.connection.execute(rows)]


def find(snapshot: Snapshot, notice: str) -> NoticeRow | None:
    """The notice of this id, if it waits."""
    row = snapshot.connection.execute(select(*_COLUMNS).where(*_same(snapshot, notice))).first()
    return None if row is None else NoticeRow(*row)


def count(snapshot: Snapshot) -> int:
    """How many notices wait."""
    every = select(func.count()).select_from(table).where(table.c.tenant == snapshot.tenant)
    return int(snapshot.connection.execute(every).scalar_one())


def keys(snapshot: Snapshot) -> dict[str, bytes]:
    """The id of every key that a notice is under, by notice."""
    rows = select(table.c.notice, table.c.key_id).where(table.c.tenant == snapshot.tenant)
    return {row[0]: row[1] for row in snapshot.connection.execute(rows)}


def using(snapshot: Snapshot, first: bytes, last: bytes) -> list[bytes]:
    """The ids of keys that notices are under, from the first id to the last."""
    rows = select(table.c.key_id).where(
        table.c.tenant == snapshot.tenant, table.c.key_id.between(first, last)
    )
    return list(snapshot.connection.execute(rows).scalars())


def add(tx: Tx, row: NoticeRow) -> None:
    """Let a notice wait."""
    tx.connection.execute(insert(table).values(tenant=tx.tenant, **row._asdict()))


def tried(tx: Tx, notice: str) -> None:
    """Count a try that failed."""
    tx.connection.execute(update(table).where(*_same(tx, notice)).values(tries=table.c.tries + 1))


def remove(tx: Tx, notice: str) -> bool:
    """Delete a notice; whether it was there."""
    return tx.connection.execute(delete(table).where(*_same(tx, notice))).rowcount > 0


def _same(snapshot: Snapshot, notice: str) -> tuple[ColumnElement[bool], ...]:
    return (table.c.tenant == snapshot.tenant, table.c.notice == notice)
