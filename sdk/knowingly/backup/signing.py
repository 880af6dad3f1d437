"""Who wrote a backup: each tenant of it signs the manifest, with a key that is never replaced.

The digests in a manifest find accidents. Somebody who can write to the folder can write them anew;
a signature they cannot, without the tenant's keys.
"""

from collections.abc import Collection, Iterator

from knowingly.backup.manifest import NAME, Manifest, Signature
from knowingly.domain.moments import to_us
from knowingly.errors import DamagedBackupError, StoreError
from knowingly.ledger.signing import is_signed, public_key, sign
from knowingly.means import Means
from knowingly.store import tenant_keys
from knowingly.store.database import Database
from knowingly.vault.keyring import Keyring


def keyrings(means: Means, keys: Database) -> Iterator[Keyring]:
    """The keys of each tenant in a key store, one after the other.

    Raises:
        RootKeyError: The root key does not open a tenant's keys.
    """
    with keys.reading() as connection:
        known = tenant_keys.tenants(connection)
    at_us = to_us(means.clock(), "clock")
    for tenant in known:
        yield Keyring(keys, means.roots, tenant, at_us=at_us)


def signed(found: Manifest, means: Means, keys: Database) -> Manifest:
    """The manifest with the signatures of its tenants.

    Raises:
        RootKeyError: The root key does not open a tenant's keys.
    """
    meant = _tenants(found)
    signatures = tuple(
        Signature(
            tenant=one.tenant,
            public_key=public_key(one.backup_seed),
            signature=sign(one.backup_seed, found.statement),
        )
        for one in keyrings(means, keys)
        if meant is None or one.tenant in meant
    )
    return found.model_copy(update={"signatures": signatures})


def check_consistent(found: Manifest) -> None:
    """Refuse a manifest that its own signatures are not over; without a key, that is all one can.

    Raises:
        DamagedBackupError: It is such a one.
    """
    for one in found.signatures:
        if not is_signed(one.public_key, one.signature, found.statement):
            raise DamagedBackupError(f"{one.tenant} has not signed what it says", part=NAME)


def check_signed(found: Manifest, means: Means, keys: Database) -> None:
    """Refuse a manifest that was not signed with this key store's keys, for each of its tenants.

    Raises:
        DamagedBackupError: It has no signatures, or one is missing or somebody else's.
        StoreError: The key store has no keys of a tenant.
        RootKeyError: The root key does not open a tenant's keys.
    """
    if not found.signatures:
        raise DamagedBackupError("is not signed, so nobody can say who wrote it", part=NAME)
    given = {one.tenant: one.public_key for one in found.signatures}
    known = {one.tenant: public_key(one.backup_seed) for one in keyrings(means, keys)}
    meant = _tenants(found) or known.keys()
    without = sorted(set(meant) - known.keys())
    if without:
        raise StoreError(f"the key store has no keys of {', '.join(without)}")
    for tenant in sorted(meant):
        if given.get(tenant) != known[tenant]:
            raise DamagedBackupError(f"was not signed by {tenant}", part=NAME)


def _tenants(found: Manifest) -> Collection[str] | None:
    """Whose backup it is, as far as the manifest says: that of a key store names nobody."""
    return {log.tenant for log in found.logs} if found.store == "data" else None
