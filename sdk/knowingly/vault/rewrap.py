"""Replacing a tenant's key: a new version, everything wrapped anew under it, the old one destroyed.

Nothing of a person is opened: only the keys. Each step is one transaction of the key store and can
be repeated; wherever it stops, two live versions of the key say that it has to go on.
"""

from collections.abc import Callable

from knowingly.errors import StoreError
from knowingly.store import keys as key_rows
from knowingly.store import tenant_keys
from knowingly.vault.seal import Cipher, version_of
from knowingly.vault.tenant_key import TenantKey
from knowingly.vault.tenant_secrets import open_secrets, seal_secret

KEYS_AT_ONCE = 1_000


def begin(tenant_key: TenantKey, *, at_us: int, above: int = 0) -> Cipher:
    """A new version under the current root version; it wraps the secrets and every new key.

    Its number is higher than ``above``. One that was begun, and one that is under the current root
    version already, is taken on.
    """
    tenant = tenant_key.tenant
    with tenant_key.database.writing() as connection:
        newest = max(above, tenant_keys.newest(connection, tenant, to_replace=True))
        live = tenant_keys.live(connection, tenant)
        if len(live) == 1 and live[0].root != tenant_key.roots.version:
            secrets = open_secrets(connection, tenant_key)
            fresh = tenant_key.add(connection, newest + 1, at_us=at_us)
            for name, secret in secrets.items():
                sealed = seal_secret(fresh, name, secret)
                key_rows.rewrap_tenant_secret(connection, tenant, name, sealed)
    tenant_key.refresh()
    return tenant_key.newest


def rewrap(tenant_key: TenantKey, wrapping: Cipher, tell: Callable[[int], None]) -> None:
    """Wrap every subject key under the new version; ``tell`` hears how many, batch by batch.

    Raises:
        StoreError: Another rotation has replaced this version meanwhile.
    """
    after: bytes | None = b""
    while after is not None:
        after, done = _some(tenant_key, wrapping, after)
        tell(done)


def _some(tenant_key: TenantKey, wrapping: Cipher, after: bytes) -> tuple[bytes | None, int]:
    """Wrap the next few keys: the id of the last, or None where there are no more; how many."""
    tenant, version = tenant_key.tenant, wrapping.version
    with tenant_key.database.writing() as connection:
        if tenant_keys.newest(connection, tenant) != version:
            raise StoreError("another process rotates the keys too; see keys status")
        old = key_rows.wrapped_before(connection, tenant, version, after=after, limit=KEYS_AT_ONCE)
        opening = tenant_key.opening(connection, [body for _, body in old])
        plain = [
            (key_id, opening[version_of(body)].open("subject_keys", key_id, body))
            for key_id, body in old
        ]
        sealed = wrapping.seal_all("subject_keys", plain)
        rows = [(key_id, body) for (key_id, _), body in zip(old, sealed, strict=True)]
        key_rows.rewrap(connection, tenant, version, rows)
    return (old[-1][0] if old else None), len(old)


def end(tenant_key: TenantKey, version: int) -> bool:
    """Destroy the older versions, unless a key still rests on one; whether it was done."""
    tenant = tenant_key.tenant
    with tenant_key.database.writing() as connection:
        # Held before the look, so that nobody keeps a key under an old version in between.
        tenant_keys.newest(connection, tenant, to_replace=True)
        if key_rows.wrapped_before(connection, tenant, version, after=b"", limit=1):
            return False
        tenant_keys.destroy_before(connection, tenant, version)
    tenant_key.refresh()
    return True
