"""Statements of the key store."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from knowingly.store.batches import BulkInsert, batched
from knowingly.store.key_schema import subject_keys as table
from knowingly.store.key_schema import tenant_keys
from knowingly.store.key_schema import tenant_secrets as secrets

_ADD = BulkInsert(table)
_ONE = select(table.c.key_id, table.c.wrapped).where(
    table.c.tenant == bindparam("t"), table.c.key_id == bindparam("k")
)
_MANY = select(table.c.key_id, table.c.wrapped).where(
    table.c.tenant == bindparam("t"), table.c.key_id.in_(bindparam("k", expanding=True))
)


def tenant_key(connection: Connection, tenant: str) -> bytes | None:
    """The newest wrapped key of a tenant."""
    newest = (
        select(tenant_keys.c.wrapped)
        .where(tenant_keys.c.tenant == tenant)
        .order_by(tenant_keys.c.version.desc())
        .limit(1)
    )
    return connection.execute(newest).scalar()


def any_tenant_key(connection: Connection) -> list[tuple[str, bytes]]:
    """``(tenant, wrapped key)`` of one tenant, whichever; empty where there is none."""
    one = select(tenant_keys.c.tenant, tenant_keys.c.wrapped).limit(1)
    return [(row[0], row[1]) for row in connection.execute(one)]


def add_tenant_key(connection: Connection, tenant: str, wrapped: bytes) -> None:
    """Keep the first version of a tenant's key."""
    connection.execute(insert(tenant_keys).values(tenant=tenant, version=1, wrapped=wrapped))


def tenant_secrets(connection: Connection, tenant: str) -> dict[str, bytes]:
    """The wrapped secrets of a tenant, by name."""
    rows = connection.execute(
        select(secrets.c.name, secrets.c.wrapped).where(secrets.c.tenant == tenant)
    )
    return {row.name: row.wrapped for row in rows}


def add_tenant_secret(connection: Connection, tenant: str, name: str, wrapped: bytes) -> None:
    """Keep one wrapped secret of a tenant."""
    connection.execute(insert(secrets).values(tenant=tenant, name=name, wrapped=wrapped))


def subject_keys(
    connection: Connection, tenant: str, key_ids: Sequence[bytes]
) -> dict[bytes, bytes]:
    """Wrapped subject keys by id; an id that is not there is left out."""
    if len(key_ids) == 1:
        rows = connection.execute(_ONE, {"t": tenant, "k": key_ids[0]}).all()
        return {row[0]: row[1] for row in rows}
    found: dict[bytes, bytes] = {}
    for chunk in batched(key_ids):
        rows = connection.execute(_MANY, {"t": tenant, "k": chunk}).all()
        found.update((row[0], row[1]) for row in rows)
    return found


def add_subject_keys(
    connection: Connection, tenant: str, rows: Iterable[tuple[bytes, int, bytes]]
) -> None:
    """Keep wrapped subject keys: ``(key id, made at, wrapped)``."""
    _ADD(connection, [(tenant, *row) for row in rows])


def delete_subject_keys(connection: Connection, tenant: str, key_ids: Sequence[bytes]) -> None:
    """Delete subject keys."""
    for chunk in batched(key_ids):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.key_id.in_(chunk)))


def subject_keys_before(connection: Connection, tenant: str, before_us: int) -> list[bytes]:
    """Ids of the subject keys made before a moment."""
    old = select(table.c.key_id).where(table.c.tenant == tenant, table.c.created_us < before_us)
    return list(connection.execute(old).scalars())
