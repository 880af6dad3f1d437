"""Statements of the root key's versions, by their public names."""

from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from knowingly.store.key_schema import root_versions as table
from knowingly.store.key_schema import tenant_keys


class RootRow(NamedTuple):
    """One version of the root key: when its use began, when it ended, when it was destroyed."""

    root: str
    first_used_us: int
    retired_us: int | None
    destroyed_us: int | None


def every(connection: Connection) -> dict[str, RootRow]:
    """Every version that was ever used, oldest first, by name."""
    rows = [RootRow(*row) for row in connection.execute(select(table))]
    # Two can begin in one microsecond of a clock that stands: the one that is retired was first.
    rows.sort(key=lambda row: (row.first_used_us, row.retired_us is None, row.root))
    return {row.root: row for row in rows}


def note(connection: Connection, root: str, *, at_us: int) -> bool:
    """Note the use of a version; false where it was retired and must not be used any more.

    A version that is in use stays so until the transaction ends: retiring it waits.
    """
    same = select(table.c.retired_us).where(table.c.root == root).with_for_update(read=True)
    known = connection.execute(same).one_or_none()
    if known is None:
        connection.execute(insert(table).values(root=root, first_used_us=at_us))
    return known is None or known.retired_us is None


def retire_all_but(connection: Connection, root: str, *, at_us: int) -> None:
    """From now on nothing is wrapped under any other version."""
    others = (table.c.root != root, table.c.retired_us.is_(None))
    connection.execute(update(table).where(*others).values(retired_us=at_us))


def unused(connection: Connection) -> list[str]:
    """Retired versions that wrap nothing any more, and have not been destroyed."""
    wraps = select(tenant_keys.c.root).where(tenant_keys.c.wrapped.is_not(None))
    old = select(table.c.root).where(
        table.c.retired_us.is_not(None), table.c.destroyed_us.is_(None), table.c.root.not_in(wraps)
    )
    return list(connection.execute(old.order_by(table.c.first_used_us, table.c.root)).scalars())


def mark_destroyed(connection: Connection, root: str, *, at_us: int) -> None:
    """Note that a version is gone; the first date stands."""
    same = (table.c.root == root, table.c.destroyed_us.is_(None))
    connection.execute(update(table).where(*same).values(destroyed_us=at_us))
