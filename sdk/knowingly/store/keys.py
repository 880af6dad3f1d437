"""Statements of the keys of people, and of a tenant's secrets."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from knowingly.store.batches import BulkInsert, batched
from knowingly.store.key_schema import subject_keys as table
from knowingly.store.key_schema import tenant_secrets as secrets
from knowingly.store.prepared import Among, Prepared

KeyTx = Connection
"""A transaction or a snapshot of the key store, as the vault hands it on."""


class NewKey(NamedTuple):
    """A subject key to be kept, wrapped under a version of the tenant's key."""

    key_id: bytes
    created_us: int
    wrapped: bytes
    tenant_version: int
    first_version: int


_ADD = BulkInsert(table)
_ONE = Prepared(
    select(table.c.key_id, table.c.wrapped).where(
        table.c.tenant == bindparam("t"), table.c.key_id == bindparam("k")
    )
)
_MANY = Among(
    select(table.c.key_id, table.c.wrapped).where(table.c.tenant == bindparam("t")), table.c.key_id
)


def tenant_secrets(connection: Connection, tenant: str) -> dict[str, bytes]:
    """The wrapped secrets of a tenant, by name."""
    rows = connection.execute(
        select(secrets.c.name, secrets.c.wrapped).where(secrets.c.tenant == tenant)
    )
    return {row.name: row.wrapped for row in rows}


def add_tenant_secret(connection: Connection, tenant: str, name: str, wrapped: bytes) -> None:
    """Keep one wrapped secret of a tenant."""
    connection.execute(insert(secrets).values(tenant=tenant, name=name, wrapped=wrapped))


def rewrap_tenant_secret(connection: Connection, tenant: str, name: str, wrapped: bytes) -> None:
    """Replace what wraps one secret of a tenant."""
    same = (secrets.c.tenant == tenant, secrets.c.name == name)
    connection.execute(update(secrets).where(*same).values(wrapped=wrapped))


def delete_tenant_secret(connection: Connection, tenant: str, name: str) -> None:
    """Delete one secret of a tenant."""
    connection.execute(delete(secrets).where(secrets.c.tenant == tenant, secrets.c.name == name))


def subject_keys(
    connection: Connection, tenant: str, key_ids: Sequence[bytes]
) -> dict[bytes, bytes]:
    """Wrapped subject keys by id; an id that is not there is left out."""
    if len(key_ids) == 1:
        return dict(_ONE.all(connection, {"t": tenant, "k": key_ids[0]}))
    return dict(_MANY.all(connection, {"t": tenant}, key_ids))


def first_version(connection: Connection, tenant: str, key_id: bytes) -> int | None:
    """The version of the tenant's key under which this key, or one before it, was first kept."""
    mine = select(table.c.first_version).where(table.c.tenant == tenant, table.c.key_id == key_id)
    return connection.execute(mine).scalar()


def lower_first_version(connection: Connection, tenant: str, key_id: bytes, version: int) -> None:
    """Say that copies of a person's rows can be under keys from this version on."""
    later = (table.c.tenant == tenant, table.c.key_id == key_id, table.c.first_version > version)
    connection.execute(update(table).where(*later).values(first_version=version))


def add_subject_keys(connection: Connection, tenant: str, rows: Iterable[NewKey]) -> None:
    """Keep wrapped subject keys."""
    _ADD(connection, [(tenant, *row) for row in rows])


def delete_subject_keys(connection: Connection, tenant: str, key_ids: Sequence[bytes]) -> None:
    """Delete subject keys."""
    for chunk in batched(key_ids):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.key_id.in_(chunk)))


def subject_keys_before(
    connection: Connection, tenant: str, before_us: int, *, after: bytes, limit: int
) -> list[bytes]:
    """Ids of the next subject keys after an id that were made before a moment, by id."""
    old = (
        select(table.c.key_id)
        .where(table.c.tenant == tenant, table.c.key_id > after, table.c.created_us < before_us)
        .order_by(table.c.key_id)
        .limit(limit)
    )
    return list(connection.execute(old).scalars())


def wrapped_before(
    connection: Connection, tenant: str, version: int, *, after: bytes, limit: int
) -> list[tuple[bytes, bytes]]:
    """``(key id, wrapped)`` of keys under older versions than this, by id from ``after`` on."""
    old = (
        select(table.c.key_id, table.c.wrapped)
        .where(table.c.tenant == tenant, table.c.key_id > after, table.c.tenant_version < version)
        .order_by(table.c.key_id)
        .limit(limit)
        .with_for_update()
    )
    return [(row[0], row[1]) for row in connection.execute(old)]


def rewrap(
    connection: Connection, tenant: str, version: int, rows: Sequence[tuple[bytes, bytes]]
) -> None:
    """Replace what wraps subject keys: ``(key id, wrapped)`` under this version."""
    statement = (
        update(table)
        .where(table.c.tenant == tenant, table.c.key_id == bindparam("at_key"))
        .values(wrapped=bindparam("new_wrapped"), tenant_version=version)
    )
    values = [{"at_key": key_id, "new_wrapped": wrapped} for key_id, wrapped in rows]
    if values:
        connection.execute(statement, values)


def count_by_version(connection: Connection, tenant: str) -> dict[int, int]:
    """How many subject keys each version of the tenant's key wraps."""
    counted = (
        select(table.c.tenant_version, func.count())
        .where(table.c.tenant == tenant)
        .group_by(table.c.tenant_version)
        .order_by(table.c.tenant_version)
    )
    return {row[0]: row[1] for row in connection.execute(counted)}
