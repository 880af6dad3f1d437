"""One database: its engine, its transactions, and its errors in our words."""

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from knowingly.errors import StoreError

BUSY_SECONDS = 10
BEGIN_TRIES = 3


class Database:
    """An engine with explicit transactions.

    SQLite's driver starts transactions late and by itself; here every transaction is begun in so
    many words, ``BEGIN IMMEDIATE`` for writing, because a read that later wants to write fails
    with "database is locked" under load however long it waits.
    """

    def __init__(self, url: str | URL) -> None:
        self.url = checked_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._create()
        self._writing = threading.Lock()
        _apart_at_fork(self)

    def _create(self) -> Engine:
        try:
            if not self.is_sqlite:
                return create_engine(self.url, hide_parameters=True, pool_pre_ping=True)
            engine = create_engine(
                self.url,
                hide_parameters=True,
                pool_size=20,
                max_overflow=40,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            )
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise StoreError(
                f"no driver for {self.url.drivername!r} is installed: use sqlite:///FILE"
            ) from error
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot: every statement sees the same state."""
        with translated(), self.engine.connect() as connection:
            options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
            with connection.execution_options(**options).begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction; threads of this process queue here rather than in the database."""
        if not self._writing.acquire(timeout=BUSY_SECONDS * BEGIN_TRIES):
            raise StoreError("another thread has been writing for too long; nothing was written")
        try:
            with translated(), self.engine.connect() as connection:
                writer = connection.execution_options(knowingly_begin="BEGIN IMMEDIATE")
                with _begun(writer):
                    yield writer
        finally:
            self._writing.release()

    def truncate(self) -> bool:
        """Move the write-ahead log into the file and empty it; false when another reader is busy.

        Only then are deleted bytes gone from both files. Elsewhere than SQLite there is nothing to
        do here, and the documentation says what that means.
        """
        if not self.is_sqlite:
            return True
        with translated(), self.engine.connect() as connection:
            # SQLAlchemy would begin a transaction first, inside which a checkpoint is refused.
            raw: Any = connection.connection.driver_connection
            # The caller tries again: waiting here would hold an erasure up behind a long reader.
            raw.execute("PRAGMA busy_timeout = 0")
            try:
                busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                raw.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1_000}")
        return not busy

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@contextmanager
def _begun(connection: Connection) -> Iterator[None]:
    for attempt in range(BEGIN_TRIES):
        try:
            transaction = connection.begin()
            break
        except DBAPIError as error:
            # Nothing has been done yet, so trying again is safe.
            if "locked" not in str(error.orig) or attempt == BEGIN_TRIES - 1:
                raise
    with transaction:
        yield


@contextmanager
def translated() -> Iterator[None]:
    """Database errors as ``StoreError``, without the statement's values."""
    try:
        yield
    except PoolTimeout:
        raise StoreError("every connection is in use; try again, or share one Shop") from None
    except DBAPIError as error:
        # Only the driver's class and sqlite's short text: a server's detail line repeats values.
        kind = type(error.orig).__name__
        detail = str(error.orig).splitlines()[0] if type(error.orig).__module__ == "sqlite3" else ""
        raise StoreError(f"the database failed ({kind}: {detail}); nothing was written") from None


def checked_url(url: str | URL) -> URL:
    """A database URL, read; nothing is opened or made.

    Raises:
        StoreError: It is none, or names no file in a folder that is there.
    """
    try:
        parsed = make_url(url)
        parsed.get_backend_name()
    except (ArgumentError, TypeError, ValueError):
        raise StoreError("not a database URL: write sqlite:///shop.db") from None
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise StoreError(
                "a shop lives in a file, so that keys and data survive: write sqlite:///shop.db"
            )
        if parsed.host or parsed.username or parsed.query or "\0" in parsed.database:
            raise StoreError("a shop's URL names a file and nothing else: write sqlite:///shop.db")
        folder = Path(parsed.database).parent
        try:
            found = folder.is_dir()
            Path(parsed.database).exists()
        except (OSError, ValueError) as error:
            raise StoreError(f"no file can have that name ({type(error).__name__})") from None
        if not found:
            raise StoreError(f"the folder {folder} does not exist: create it first")
    return parsed


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1_000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        "temp_store = MEMORY",
        "cache_size = -65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("knowingly_begin", "BEGIN")
    # By the driver itself: this runs on every page view, and SQLAlchemy's own way costs ten times
    # as much. The error of a busy database comes out the same, from ``translated``.
    driver = connection.connection.driver_connection
    if driver is not None:
        try:
            driver.execute(begin)
        except sqlite3.Error as error:
            raise OperationalError(begin, None, error) from error


def _apart_at_fork(database: Database) -> None:
    """A connection shared with a parent process would corrupt both: each opens its own.

    SQLite's locks are not inherited, but its belief to hold them is: a child that saw an open
    connection takes no lock of its own on the file, and the next process to close it deletes the
    write-ahead log under the child's feet. So idle connections are closed before the fork.
    """
    reference = weakref.ref(database)

    def close() -> None:
        parent = reference()
        if parent is not None:
            parent.engine.dispose()

    def forget() -> None:
        child = reference()
        if child is not None:
            child.engine.dispose(close=False)
            child._writing = threading.Lock()  # noqa: SLF001 - a lock held elsewhere at the fork

    os.register_at_fork(before=close, after_in_child=forget)
