"""A backup brought back into an empty database, and the erasures since it done again.

Until they are done the data bear another shop's name, under which nobody can open them: a restore
that is cut short leaves nothing that serves an erased person, and is begun again from the start.
"""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from knowingly.backup.checking import database_of, reading, verify
from knowingly.backup.copies import check, copied, keys_copied, must_be_empty
from knowingly.backup.manifest import Manifest
from knowingly.backup.signing import check_signed
from knowingly.domain.moments import to_us
from knowingly.domain.progress import Progress
from knowingly.errors import StoreError
from knowingly.governance.erasure import Erasures
from knowingly.governance.replay import Replayed, replay
from knowingly.means import Means
from knowingly.opening.databases import Files, check_current, make_store
from knowingly.recommend.registry.serving import Registry
from knowingly.store import copying, tenant_keys
from knowingly.store import shop as shop_rows
from knowingly.store.database import Database
from knowingly.store.doors import every_tenant
from knowingly.store.shop import RESTORING
from knowingly.store.urls import key_store_beside
from knowingly.tenancy import Tenancy
from knowingly.vault.belonging import same_shop


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, from when it is, and what was done again in each tenant's data."""

    store: str
    made: datetime
    rows: int
    tenants: tuple[Replayed, ...]


def restore_keys(
    folder: Path,
    means: Means,
    *,
    to: str,
    accept_unsigned: bool = False,
    progress: Progress | None = None,
) -> Restored:
    """Bring a backup of the key store back into an empty database.

    It holds keys of people who were erased since. Open the shop's data of today with it and run
    ``maintain``: keys that nobody uses are deleted.

    Raises:
        DamagedBackupError: It is unfinished, not what was written, or not signed with its own keys.
        RootKeyError: The root key does not open it.
        StoreError: It is a backup of the data, or the database is not empty.
    """
    tell = progress or (lambda *_: None)
    found = verify(folder, tell)
    _must_hold(found, "keys")
    if not accept_unsigned:
        with closing(database_of(folder, found)) as backup:
            check_signed(found, means, backup)
    with closing(Database(to)) as target:
        fill_keys(folder, found, target, tell)
    return Restored("keys", found.created, found.rows, ())


def fill_keys(folder: Path, found: Manifest, target: Database, progress: Progress) -> None:
    """The keys of a backup that was verified into an empty database."""
    make_store(target, "keys")
    with reading(folder, found) as old, target.writing(alone=True) as new:
        must_be_empty(target, copying.count(new, "keys"))
        check(found.sums, copied(old, new, "keys", progress), "keys")


def restore_data(
    folder: Path,
    means: Means,
    *,
    to: str,
    key_store: str | None = None,
    copy_keys_to: str | None = None,
    accept_unsigned: bool = False,
    progress: Progress | None = None,
) -> Restored:
    """Bring a backup of the data back into an empty database, and erase again who was erased since.

    Args:
        folder: The backup.
        means: The policy, the plugins and the root keys.
        to: Where the data go.
        key_store: Today's key store, beside the data when left out. It says who was erased.
        copy_keys_to: An empty database for a copy of the key store. When left out the restored
            data use today's own, which must then serve no other data: each would delete the keys
            of people whom only the other knows.
        accept_unsigned: Also take a backup that is not signed by this shop.
        progress: Told what is being done.

    Raises:
        DamagedBackupError: It is unfinished, not what was written, or not signed by this shop.
        StoreError: A database is not empty, or the key store is another shop's.
    """
    tell = progress or (lambda *_: None)
    found = verify(folder, tell)
    _must_hold(found, "data")
    data = Database(to)
    today = Database(key_store_beside(data.url) if key_store is None else key_store)
    files = Files(data, today if copy_keys_to is None else Database(copy_keys_to))
    try:
        check_current(today, "keys")
        must_fit(found, today)
        if not accept_unsigned:
            check_signed(found, means, today)
        done = fill_data(folder, found, means, files, today=today, progress=tell)
    finally:
        today.close()
        files.close()
    return Restored("data", found.created, found.rows, done)


def fill_data(
    folder: Path,
    found: Manifest,
    means: Means,
    files: Files,
    *,
    today: Database,
    progress: Progress,
) -> tuple[Replayed, ...]:
    """The data of a backup that was verified into an empty database, with its erasures replayed.

    ``today`` is the key store that says who was erased since; where ``files`` has another, that
    one becomes a copy of it.
    """
    _fill(folder, found, files, today, progress)
    with files.data.reading() as connection:
        policies = {one.head.policy_digest for one in every_tenant(connection)}
    # Where merchants have policies of their own, the one that was given is not everybody's.
    tenancy_of = means.tenancy if len(policies) == 1 else means.tenancy_as_it_is
    done = tuple(_replayed(means, tenancy_of(files, log.tenant), found) for log in found.logs)
    if files.keys is not today:
        with files.keys.writing(alone=True) as connection:
            shop_rows.rename_keys(connection, found.shop)
    with files.data.writing(alone=True) as connection:
        shop_rows.rename_data(connection, found.shop)
    return done


def _must_hold(found: Manifest, store: str) -> None:
    if found.store != store:
        raise StoreError(f"this is a backup of the {found.store}, not of the {store}")


def must_fit(found: Manifest, today: Database) -> None:
    """Refuse a key store that is another shop's, or has no keys of a tenant of the backup.

    Raises:
        StoreError: It is, or has none.
    """
    with today.reading() as connection:
        same_shop(found.shop, shop_rows.keys_shop(connection))
        known = set(tenant_keys.tenants(connection))
    without = [log.tenant for log in found.logs if log.tenant not in known]
    if without:
        # Everybody of theirs would be taken for erased.
        raise StoreError(f"the key store has no keys of {', '.join(without)}; nothing was restored")


def _fill(folder: Path, found: Manifest, files: Files, today: Database, tell: Progress) -> None:
    """The rows of the backup, under a name that keeps the shop closed, and its keys where asked."""
    make_store(files.data, "data")
    with reading(folder, found) as old, files.data.writing(alone=True) as new:
        if (shop_rows.data_shop(new) or "").startswith(RESTORING):
            copying.clear(new, "data")
        must_be_empty(files.data, copying.count(new, "data"))
        check(found.sums, copied(old, new, "data", tell), "data")
        shop_rows.rename_data(new, RESTORING + found.shop)
        if files.keys is not today:
            _copy_keys(files.keys, today, found.shop, tell)


def _copy_keys(keys: Database, today: Database, shop: str, tell: Progress) -> None:
    """A copy of today's keys, under a name that says it is one until the restore is done.

    Only what bears that name is ever cleared away: other keys could be the only ones there are.
    """
    if keys.identity() == today.identity():
        raise StoreError("the copy of the key store is the key store itself")
    make_store(keys, "keys")
    with today.reading() as old, keys.writing(alone=True) as new:
        if shop_rows.keys_shop(new) == RESTORING + shop:
            copying.clear(new, "keys")
        keys_copied(old, new, keys, tell)
        shop_rows.rename_keys(new, RESTORING + shop)


def _replayed(means: Means, tenancy: Tenancy, found: Manifest) -> Replayed:
    erasures = Erasures(tenancy, Registry(tenancy.keyring), means.host.algorithms)
    return replay(tenancy, erasures, backup_us=to_us(found.created))
