"""Opening a shop's two databases, and wiring one tenant's parts."""

import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from knowingly.activation import activate, in_force, is_active, last_chosen, standing
from knowingly.domain.moments import Clock, to_us
from knowingly.domain.progress import Progress
from knowingly.errors import InputError, PolicyError, StoreError
from knowingly.policy import Policy
from knowingly.store import events, migrate, tenant_keys
from knowingly.store import shop as shop_rows
from knowingly.store.database import Database
from knowingly.store.doors import Store
from knowingly.store.failures import NO_DATABASE
from knowingly.store.urls import key_store_beside
from knowingly.tenancy import Tenancy, past_name
from knowingly.vault.belonging import same_shop
from knowingly.vault.keyring import Keyring
from knowingly.vault.wrapping import Wrapping

_TENANT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


@dataclass(frozen=True, repr=False)
class Files:
    """The two databases of a shop: data, and keys in a store of their own."""

    data: Database
    keys: Database

    def close(self) -> None:
        """Close every connection."""
        self.data.close()
        self.keys.close()


def open_files(url: str, key_store: str | None) -> Files:
    """Open, or make, the data and its key store, and check that they belong together.

    Raises:
        StoreError: One of them is missing, of another version, or of another shop.
    """
    files = _both(url, key_store)
    try:
        _prepare(files.data, files.keys)
    except BaseException:
        files.close()
        raise
    return files


def existing_files(url: str, key_store: str | None) -> Files:
    """The two databases of a shop that is there and of this release; nothing in them changes.

    Raises:
        StoreError: There is no shop, or it is of another version, or of two shops.
    """
    files = _both(url, key_store, make=False)
    try:
        check_current(files.data, "data")
        check_current(files.keys, "keys")
        with files.data.reading() as data, files.keys.reading() as keys:
            same_shop(shop_rows.data_shop(data), shop_rows.keys_shop(keys))
    except BaseException:
        files.close()
        raise
    return files


def data_to_read(url: str) -> Database:
    """The data of a shop that is there and of this release, where nothing can be written.

    Raises:
        StoreError: There is no shop, it is of another version, or a backup is being restored.
    """
    data = Database(url, read_only=True)
    try:
        check_current(data, "data")
        with data.reading() as connection:
            known = shop_rows.data_shop(connection)
            same_shop(known, known)
    except BaseException:
        data.close()
        raise
    return data


def files_to_fill(url: str, key_store: str | None) -> Files:
    """Two databases with their tables, made where they are not there; whatever is in them.

    Raises:
        StoreError: One cannot be made, is of another version, or holds other tables.
    """
    files = _both(url, key_store)
    try:
        make_store(files.data, "data")
        make_store(files.keys, "keys")
    except BaseException:
        files.close()
        raise
    return files


def make_store(database: Database, store: str) -> None:
    """Make a store's tables, in a private file where it is one; one that is there is checked.

    Raises:
        StoreError: It cannot be made, is of another version, or holds other tables.
    """
    if database.is_sqlite:
        _private(Path(database.url.database or ""))
    migrate.prepare(database, store)


def check_current(database: Database, store: str) -> None:
    """Refuse a store that is not there, or of another version; it is not made.

    Raises:
        StoreError: It is.
    """
    _must_exist(database, store)
    if migrate.version(database, store) is None:
        raise StoreError(f"there is no shop at {database.url.database}: the {store} store is empty")
    migrate.prepare(database, store)


@dataclass(frozen=True)
class SchemaVersion:
    """The version of one store's schema, if it has one, and the newest there is."""

    store: str
    found: str | None
    newest: str

    @property
    def is_current(self) -> bool:
        """Whether this release can open it."""
        return self.found == self.newest


def schema_versions(url: str, key_store: str | None) -> tuple[SchemaVersion, ...]:
    """The versions of a shop's two stores, keys first; nothing is made or changed.

    Raises:
        StoreError: There is no shop, or a database is not one of ours.
    """
    files = _both(url, key_store, make=False)
    try:
        return _versions(files)
    finally:
        files.close()


def upgrade_schemas(
    url: str, key_store: str | None, progress: Progress | None = None
) -> tuple[SchemaVersion, ...]:
    """Bring both stores to the newest version, keys first; the versions they had.

    Each is one transaction: a store is upgraded or as it was. Run again, it does what is left.

    Raises:
        StoreError: There is no shop, a database is not one of ours, or it is newer.
    """
    files = _both(url, key_store, make=False)
    try:
        before = _versions(files)
        for done, one in enumerate(before):
            if progress is not None:
                progress(f"upgrading the {one.store} schema", done, len(before))
            migrate.upgrade(files.keys if one.store == "keys" else files.data, one.store)
        return before
    finally:
        files.close()


def _both(url: str, key_store: str | None, *, make: bool = True) -> Files:
    """The two databases, which are there, or are files that may be made."""
    data = Database(url)
    beside = key_store_beside(data.url)
    keys = Database(beside if key_store is None else key_store)
    files = Files(data, keys)
    try:
        if not make:
            _must_exist(data, "data")
            _must_exist(keys, "keys")
        _must_differ(data, keys)
    except BaseException:
        files.close()
        raise
    return files


def _must_differ(data: Database, keys: Database) -> None:
    """Both can be reached, before anything is made in either, and they are two."""
    of_data = data.identity()
    try:
        of_keys = keys.identity()
    except StoreError as error:
        if error.reason != NO_DATABASE.reason:
            raise
        name = keys.url.database
        raise StoreError(
            f"the key store {name} does not exist on its server: make it with 'createdb {name}', "
            "or pass key_store=; nothing was made"
        ) from None
    if of_data == of_keys:
        raise StoreError("the key store is the data itself: keys live in a second database")


def _must_exist(database: Database, store: str) -> None:
    place = database.url.database or ""
    if not database.is_sqlite or Path(place).is_file():
        return
    if store == "keys":
        raise StoreError(
            f"there is no key store at {place}: restore it from its own backup, or name where it "
            "is with key_store= or --key-store"
        )
    raise StoreError(f"there is no shop at {place}")


def _versions(files: Files) -> tuple[SchemaVersion, ...]:
    return tuple(
        SchemaVersion(name, migrate.version(database, name), migrate.HEADS[name])
        for name, database in (("keys", files.keys), ("data", files.data))
    )


def _prepare(data: Database, keys: Database) -> None:
    """Make what is new, the data first; refuse what is of another version or another shop."""
    if data.is_sqlite:
        _private(Path(data.url.database or ""))
    migrate.prepare(data, "data")
    with data.reading() as connection:
        data_id = shop_rows.data_shop(connection)
    if keys.is_sqlite:
        path = Path(keys.url.database or "")
        # An empty key store beside data that has lost its own would look like a working shop.
        if data_id is not None and not path.exists():
            same_shop(data_id, None)
        _private(path)
    migrate.prepare(keys, "keys")
    _name(data, keys)


def check_tenant(name: str) -> None:
    """Refuse what is no tenant name.

    Raises:
        InputError: It is none; the message does not repeat it.
    """
    if not isinstance(name, str) or not _TENANT.match(name):
        raise InputError(
            "tenant", "1 to 64 of a-z, 0-9, '.', '_' and '-', starting with a-z or 0-9"
        )


def _refuse_to_replace(files: Files, policy: Policy, tenant: str) -> None:
    """Refuse to put a policy that nobody chose in the place of one that somebody did.

    A command run in another folder would otherwise narrow, for good, what notices have told.

    Raises:
        PolicyError: Another policy is in force in this tenant, and it is not one that an earlier
            release shipped.
    """
    store = Store(files.data)
    number = store.known_tenant(tenant)
    if number is None:
        return
    with store.read(number) as snapshot:
        last = last_chosen(snapshot)
    if last is not None and last.digest != policy.digest:
        raise PolicyError(
            "is not here, and this shop has a policy of its own: name its file with --policy or "
            "policy=, or go to its folder; nothing was written",
            path="policy.toml",
        )


def open_tenancy(
    files: Files,
    roots: Wrapping,
    policy: Policy,
    clock: Clock,
    tenant: str,
    *,
    policy_is_chosen: bool = True,
) -> Tenancy:
    """One tenant's parts; a policy that is new to it becomes a ledger entry.

    Raises:
        InputError: The name is no tenant name, or the clock no function.
        PolicyError: A notice has other words than it had when it was in force; or nobody chose the
            policy, and the tenant has one of its own.
        RootKeyError: The root key does not open this tenant's keys.
        StoreError: The key store has lost this tenant's keys.
    """
    check_tenant(tenant)
    if not callable(clock):
        raise InputError("clock", "a function that gives the time now, with a zone")
    if not policy_is_chosen:
        _refuse_to_replace(files, policy, tenant)
    _must_have_its_keys(files, tenant)
    store = Store(files.data)
    keyring = Keyring(files.keys, roots, tenant, at_us=to_us(clock(), "clock"))
    number = store.tenant(tenant)
    wanted = [*policy.purposes, *map(past_name, policy.intake.past_orders.purposes)]
    with store.read(number) as snapshot:
        policy, known = standing(policy, snapshot), events.bits(snapshot)
        settled = is_active(policy, snapshot) and known.keys() >= set(wanted)
    if not settled:
        with store.write(number) as tx:
            # Another process may have put its own policy into force meanwhile.
            policy, known = standing(policy, tx), events.add_bits(tx, wanted)
            activate(
                tx,
                policy,
                at_us=to_us(clock(), "clock"),
                seal=keyring.operator.seal,
                is_chosen=policy_is_chosen,
            )
    return _parts(store, keyring, policy, clock, number=number, known=known)


def open_as_it_is(
    files: Files, roots: Wrapping, clock: Clock, tenant: str, *, otherwise: Policy
) -> Tenancy:
    """One tenant's parts under the policy in force there, which stays; ``otherwise`` where none is.

    For what is done to every tenant at once: another merchant's policy is not theirs.

    Raises:
        RootKeyError: The root key does not open this tenant's keys.
        StoreError: The key store has lost this tenant's keys.
    """
    store = Store(files.data)
    number = store.known_tenant(tenant)
    policy = None
    if number is not None:
        _must_have_its_keys(files, tenant)
        with store.read(number) as snapshot:
            policy, known = in_force(snapshot), events.bits(snapshot)
            policy = None if policy is None else standing(policy, snapshot)
    if number is None or policy is None:
        return open_tenancy(files, roots, otherwise, clock, tenant)
    keyring = Keyring(files.keys, roots, tenant, at_us=to_us(clock(), "clock"))
    return _parts(store, keyring, policy, clock, number=number, known=known)


def _parts(
    store: Store,
    keyring: Keyring,
    policy: Policy,
    clock: Clock,
    *,
    number: int,
    known: Mapping[str, int],
) -> Tenancy:
    masks = {purpose: known[purpose] for purpose in policy.purposes if purpose in known}
    past = {
        purpose: known[past_name(purpose)]
        for purpose in policy.purposes
        if past_name(purpose) in known
    }
    return Tenancy(keyring.tenant, number, store, keyring, policy, clock, masks, past)


def _must_have_its_keys(files: Files, tenant: str) -> None:
    """Refuse a tenant that is in the data and not in the key store: new keys would find nobody.

    A key store from a backup can be older than the tenant. Of a new one, the keys come before
    anything is logged.
    """
    store = Store(files.data)
    number = store.known_tenant(tenant)
    if number is None:
        return
    with store.read(number) as snapshot:
        if not snapshot.head.ledger_size:
            return
    with files.keys.reading() as keys:
        known = tenant_keys.live(keys, tenant)
    if not known:
        raise StoreError(
            f"the key store has no keys of {tenant}, whose data are here: restore a newer backup "
            "of the key store; nothing was written"
        )


def _private(path: Path) -> None:
    """Make a database file that only its owner can read; SQLite gives its log the same rights."""
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except (OSError, ValueError) as error:
        raise StoreError(f"the database file cannot be made ({type(error).__name__})") from None


def _name(data: Database, keys: Database) -> None:
    """Give new files one shop id, the key store first, so that a crash in between can be mended."""
    with keys.writing(alone=True) as connection:
        keys_id = shop_rows.keys_shop(connection)
        with data.reading() as other:
            data_id = shop_rows.data_shop(other)
        same_shop(data_id, keys_id)
        if keys_id is None:
            keys_id = uuid.uuid4().hex
            shop_rows.name_keys(connection, keys_id)
    if data_id is None:
        with data.writing(alone=True) as connection:
            data_id = shop_rows.data_shop(connection)
            if data_id is None:
                shop_rows.name_data(connection, keys_id)
            else:
                same_shop(data_id, keys_id)
