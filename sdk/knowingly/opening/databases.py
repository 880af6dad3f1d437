"""A shop's two databases: made, opened, brought to a version, and held to belong together."""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from knowingly.domain.progress import Progress
from knowingly.errors import StoreError
from knowingly.store import migrate
from knowingly.store import shop as shop_rows
from knowingly.store.database import Database
from knowingly.store.failures import NO_DATABASE
from knowingly.store.urls import key_store_beside
from knowingly.vault.belonging import same_shop


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
