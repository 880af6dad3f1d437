"""Statements of the notifications that wait for a recipient to be told."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import notifications as table


class NotificationRow(NamedTuple):
    """One notification: of which erasure, if it is of one, to whom, and what it says, sealed."""

    notification: str
    erasure: str | None
    recipient: str
    key_id: bytes
    created_us: int
    tries: int
    body: bytes


_COLUMNS = (
    table.c.notification,
    table.c.erasure,
    table.c.recipient,
    table.c.key_id,
    table.c.created_us,
    table.c.tries,
    table.c.body,
)


def waiting(snapshot: Snapshot, erasure: str | None = None) -> list[NotificationRow]:
    """The notifications that wait, oldest first; of one erasure only, where it is named."""
    mine = [table.c.tenant == snapshot.tenant]
    if erasure is not None:
        mine.append(table.c.erasure == erasure)
    rows = select(*_COLUMNS).where(*mine).order_by(table.c.created_us, table.c.notification)
    return [NotificationRow(*row) for row in snapshot.connection.execute(rows)]


def find(snapshot: Snapshot, notification: str) -> NotificationRow | None:
    """The notification of this id, if it waits."""
    row = snapshot.connection.execute(
        select(*_COLUMNS).where(*_same(snapshot, notification))
    ).first()
    return None if row is None else NotificationRow(*row)


def count(snapshot: Snapshot) -> int:
    """How many notifications wait."""
    every = select(func.count()).select_from(table).where(table.c.tenant == snapshot.tenant)
    return int(snapshot.connection.execute(every).scalar_one())


def using(snapshot: Snapshot, first: bytes, last: bytes) -> list[bytes]:
    """The ids of keys that notifications are under, from the first id to the last."""
    rows = select(table.c.key_id).where(
        table.c.tenant == snapshot.tenant, table.c.key_id.between(first, last)
    )
    return list(snapshot.connection.execute(rows).scalars())


def add(tx: Tx, row: NotificationRow) -> None:
    """Let a notification wait."""
    tx.connection.execute(insert(table).values(tenant=tx.tenant, **row._asdict()))


def tried(tx: Tx, notification: str) -> None:
    """Count a try that failed."""
    tx.connection.execute(
        update(table).where(*_same(tx, notification)).values(tries=table.c.tries + 1)
    )


def remove(tx: Tx, notification: str) -> bool:
    """Delete a notification; whether it was there."""
    return tx.connection.execute(delete(table).where(*_same(tx, notification))).rowcount > 0


def _same(snapshot: Snapshot, notification: str) -> tuple[ColumnElement[bool], ...]:
    return (table.c.tenant == snapshot.tenant, table.c.notification == notification)
