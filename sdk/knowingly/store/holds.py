"""Statements of the legal holds: whose data must not be deleted."""

from sqlalchemy import delete, func, insert, select

from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import holds as table


def of(snapshot: Snapshot, subject: int) -> bytes | None:
    """The sealed reason of the hold on a person; None where there is none."""
    mine = select(table.c.body).where(table.c.tenant == snapshot.tenant, table.c.subject == subject)
    return snapshot.connection.execute(mine).scalar()


def every(snapshot: Snapshot) -> list[tuple[int, bytes]]:
    """``(subject, sealed reason)`` of every hold, by subject."""
    rows = (
        select(table.c.subject, table.c.body)
        .where(table.c.tenant == snapshot.tenant)
        .order_by(table.c.subject)
    )
    return [(row[0], row[1]) for row in snapshot.connection.execute(rows)]


def count(snapshot: Snapshot) -> int:
    """How many people are under a hold."""
    every = select(func.count()).select_from(table).where(table.c.tenant == snapshot.tenant)
    return int(snapshot.connection.execute(every).scalar_one())


def add(tx: Tx, subject: int, body: bytes) -> None:
    """Put a person under a hold."""
    tx.connection.execute(insert(table).values(tenant=tx.tenant, subject=subject, body=body))


def remove(tx: Tx, subject: int) -> None:
    """Release a person from their hold."""
    mine = (table.c.tenant == tx.tenant, table.c.subject == subject)
    tx.connection.execute(delete(table).where(*mine))
