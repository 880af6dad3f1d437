"""Opening a shop's two databases, and wiring one tenant's parts."""

import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

from knowingly.domain.moments import Clock, to_us
from knowingly.errors import InputError, StoreError
from knowingly.ledger import log
from knowingly.policy import Policy
from knowingly.store import events, migrate
from knowingly.store import shop as shop_rows
from knowingly.store.database import Database
from knowingly.store.doors import Store
from knowingly.tenancy import Tenancy, past_name
from knowingly.vault.keyring import Keyring, same_shop

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
    """Open, or make, the data file and its key store, and check that they belong together.

    Raises:
        StoreError: One of them is missing, of another version, or of another shop.
    """
    data = Database(url)
    keys = Database(_beside(data) if key_store is None else key_store)
    if _is_same(data, keys):
        raise StoreError("the key store is the data itself: keys live in a second database")
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
    return Files(data, keys)


def check_tenant(name: str) -> None:
    """Refuse what is no tenant name.

    Raises:
        InputError: It is none; the message does not repeat it.
    """
    if not isinstance(name, str) or not _TENANT.match(name):
        raise InputError(
            "tenant", "1 to 64 of a-z, 0-9, '.', '_' and '-', starting with a-z or 0-9"
        )


def open_tenancy(files: Files, root: bytes, policy: Policy, clock: Clock, tenant: str) -> Tenancy:
    """One tenant's parts; a policy that is new to it becomes a ledger entry.

    Raises:
        InputError: The name is no tenant name, or the clock no function.
        SealError: The root key does not open this tenant's keys.
    """
    check_tenant(tenant)
    if not callable(clock):
        raise InputError("clock", "a function that gives the time now, with a zone")
    store = Store(files.data)
    keyring = Keyring(files.keys, root, tenant)
    number = store.tenant(tenant)
    with store.read(number) as snapshot:
        known, digest = events.bits(snapshot), snapshot.head.policy_digest
    wanted = [*policy.purposes, *map(past_name, policy.intake.past_orders.purposes)]
    if digest != policy.digest or not known.keys() >= set(wanted):
        with store.write(number) as tx:
            known = events.add_bits(tx, wanted)
            if tx.head.policy_digest != policy.digest:
                tx.head.policy_digest = policy.digest
                log.append(
                    tx,
                    "policy.activated",
                    at_us=to_us(clock(), "clock"),
                    seal=keyring.operator.seal,
                    facts={"policy": policy.digest},
                )
    masks = {purpose: known[purpose] for purpose in policy.purposes}
    past = {
        purpose: known[past_name(purpose)]
        for purpose in policy.purposes
        if past_name(purpose) in known
    }
    return Tenancy(tenant, number, store, keyring, policy, clock, masks, past)


def _beside(data: Database) -> str:
    if not data.is_sqlite:
        raise StoreError("keys live in a store of their own: pass key_store=, a second database")
    path = Path(data.url.database or "")
    return f"sqlite:///{path.with_name(path.stem + '.keys' + path.suffix)}"


def _is_same(data: Database, keys: Database) -> bool:
    if not (data.is_sqlite and keys.is_sqlite):
        return data.url == keys.url
    paths = [Path(one.url.database or "") for one in (data, keys)]
    if os.path.realpath(paths[0]) == os.path.realpath(paths[1]):
        return True
    return all(path.is_file() for path in paths) and paths[0].samefile(paths[1])


def _private(path: Path) -> None:
    """Make a database file that only its owner can read; SQLite gives its log the same rights."""
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except (OSError, ValueError) as error:
        raise StoreError(f"the database file cannot be made ({type(error).__name__})") from None


def _name(data: Database, keys: Database) -> None:
    """Give new files one shop id, the key store first, so that a crash in between can be mended."""
    with keys.writing() as connection:
        keys_id = shop_rows.keys_shop(connection)
        with data.reading() as other:
            data_id = shop_rows.data_shop(other)
        same_shop(data_id, keys_id)
        if keys_id is None:
            keys_id = uuid.uuid4().hex
            shop_rows.name_keys(connection, keys_id)
    if data_id is None:
        with data.writing() as connection:
            data_id = shop_rows.data_shop(connection)
            if data_id is None:
                shop_rows.name_data(connection, keys_id)
            else:
                same_shop(data_id, keys_id)
