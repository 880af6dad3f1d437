"""Statements of the tenants' keys: what wraps the keys of people, version by version."""

from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from knowingly.store.key_schema import tenant_keys as table


class TenantKeyRow(NamedTuple):
    """One version of a tenant's key; ``wrapped`` is None once it was replaced and destroyed.

    ``root`` names the version of the root key that wraps it; empty until it is known.
    """

    version: int
    wrapped: bytes | None
    root: str
    created_us: int


_COLUMNS = (table.c.version, table.c.wrapped, table.c.root, table.c.created_us)


def history(connection: Connection, tenant: str) -> list[TenantKeyRow]:
    """Every version there was, oldest first."""
    rows = select(*_COLUMNS).where(table.c.tenant == tenant).order_by(table.c.version)
    return [TenantKeyRow(*row) for row in connection.execute(rows)]


def live(connection: Connection, tenant: str) -> list[TenantKeyRow]:
    """The versions that still wrap something, oldest first; more than one during a rotation."""
    return [row for row in history(connection, tenant) if row.wrapped is not None]


def newest(connection: Connection, tenant: str, *, to_replace: bool = False) -> int:
    """The newest version, which stays what it is until the transaction ends; 0 without any.

    Whoever keeps a key under a version shares its row, and whoever replaces one holds every row, so
    that no key is ever under a version that is gone. SQLite has one writer and needs no such lock.
    """
    versions = (
        select(table.c.version)
        .where(table.c.tenant == tenant, table.c.wrapped.is_not(None))
        .order_by(table.c.version.desc())
    )
    if not to_replace:
        versions = versions.limit(1)
    held = connection.execute(versions.with_for_update(read=not to_replace)).scalars().all()
    return held[0] if held else 0


def any_live(connection: Connection) -> list[tuple[str, TenantKeyRow]]:
    """One tenant and its newest version, whichever tenant; empty where there is none."""
    name = select(table.c.tenant).where(table.c.wrapped.is_not(None)).limit(1)
    tenant = connection.execute(name).scalar()
    return [] if tenant is None else [(tenant, live(connection, tenant)[-1])]


def tenants(connection: Connection) -> list[str]:
    """Every tenant that has keys."""
    names = select(table.c.tenant).distinct().order_by(table.c.tenant)
    return list(connection.execute(names).scalars())


def roots_in_use(connection: Connection) -> dict[str, list[str]]:
    """The root versions that wrap each tenant's live keys, newest key first."""
    rows = (
        select(table.c.tenant, table.c.root)
        .where(table.c.wrapped.is_not(None))
        .order_by(table.c.tenant, table.c.version.desc())
    )
    found: dict[str, list[str]] = {}
    for tenant, root in connection.execute(rows):
        found.setdefault(tenant, []).append(root)
    return found


def add(connection: Connection, tenant: str, row: TenantKeyRow) -> None:
    """Keep a new version."""
    connection.execute(insert(table).values(tenant=tenant, **row._asdict()))


def adopt(connection: Connection, tenant: str, version: int, *, wrapped: bytes, root: str) -> None:
    """Say which root version wraps a key that was kept before there were any."""
    same = (table.c.tenant == tenant, table.c.version == version)
    connection.execute(update(table).where(*same).values(wrapped=wrapped, root=root))


def destroy_before(connection: Connection, tenant: str, version: int) -> None:
    """Take the keys of older versions away; that they existed stays on record."""
    older = (table.c.tenant == tenant, table.c.version < version)
    connection.execute(update(table).where(*older).values(wrapped=None))
