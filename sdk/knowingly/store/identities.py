"""Statements of the identities: a keyed hash that leads to a person's number."""

from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import identities as table


class IdentityRow(NamedTuple):
    """One identity, and whose it is."""

    identity: bytes
    subject: int
    body: bytes


_COLUMNS = (table.c.identity, table.c.subject, table.c.body)


def find(snapshot: Snapshot, identity: bytes) -> IdentityRow | None:
    """The identity with this keyed hash."""
    one = select(*_COLUMNS).where(table.c.tenant == snapshot.tenant, table.c.identity == identity)
    row = snapshot.connection.execute(one).one_or_none()
    return IdentityRow(*row) if row else None


def of(snapshot: Snapshot, subject: int) -> list[IdentityRow]:
    """Every identity of one person, in the order of their hashes."""
    # By name and then by row: SQLite would look through every identity of the tenant for the rows
    # themselves, since it takes one look at them for cheaper than the index and another.
    names = select(table.c.identity).where(
        table.c.tenant == snapshot.tenant, table.c.subject == subject
    )
    mine = select(*_COLUMNS).where(table.c.tenant == snapshot.tenant, table.c.identity.in_(names))
    rows = snapshot.connection.execute(mine)
    return sorted(IdentityRow(*row) for row in rows)


def add(tx: Tx, row: IdentityRow) -> None:
    """Store an identity that is not there yet."""
    tx.connection.execute(insert(table).values(tenant=tx.tenant, **row._asdict()))


def give(tx: Tx, row: IdentityRow) -> None:
    """Hand an identity to the person that ``row`` names, sealed for them."""
    same = (table.c.tenant == tx.tenant, table.c.identity == row.identity)
    tx.connection.execute(update(table).where(*same).values(subject=row.subject, body=row.body))


def remove(tx: Tx, identity: bytes) -> None:
    """Delete an identity."""
    same = (table.c.tenant == tx.tenant, table.c.identity == identity)
    tx.connection.execute(delete(table).where(*same))
