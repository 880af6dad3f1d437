"""SQLite: one file, many readers, one writer at a time."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from knowingly.errors import StoreError
from knowingly.store.failures import BUSY

BUSY_SECONDS = 10
TURN_SECONDS = 30
POOL_SIZE = 20
MAX_OVERFLOW = 40


class Sqlite:
    """How a SQLite file is opened, read and written.

    Its driver starts transactions late and by itself; here every transaction is begun in so many
    words, ``BEGIN IMMEDIATE`` for writing, because a read that later wants to write fails with
    "database is locked" under load however long it waits.
    """

    reading = "BEGIN"
    writing = "BEGIN IMMEDIATE"

    def __init__(self, url: URL, *, read_only: bool = False, frozen: bool = False) -> None:
        self._path = Path(url.database or "")
        read_only = read_only or frozen
        self.engine = create_engine(
            _read_only(self._path, frozen=frozen) if read_only else url,
            hide_parameters=True,
            pool_size=POOL_SIZE,
            max_overflow=MAX_OVERFLOW,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        event.listen(self.engine, "connect", _prepare_to_read if read_only else _prepare)
        self._turn = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Threads of this process queue here: waiting in SQLite is polling, and unfair."""
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise StoreError(
                "another thread has been writing for too long; nothing was written",
                reason=BUSY.reason,
                retryable=True,
            )
        try:
            yield
        finally:
            self._turn.release()

    def begin(self, connection: Connection, how: str) -> None:
        """Begin in so many words, by the driver: SQLAlchemy's own way costs ten times as much.

        This runs on every page view. A busy database fails alike, in the words of ``translated``.
        """
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute(how)
        except sqlite3.Error as error:
            raise OperationalError(how, None, error) from error

    def stay_alone(self, connection: Connection) -> None:
        """A writer is always alone here."""

    def identity(self) -> object:
        """What tells this file from another, whatever its name."""
        if self._path.is_file():
            found = self._path.stat()
            return found.st_dev, found.st_ino
        return os.path.realpath(self._path)

    def truncate(self) -> bool:
        """Move the write-ahead log into the file and empty it; false while another reads."""
        with self.engine.connect() as connection:
            # SQLAlchemy would begin a transaction first, inside which a checkpoint is refused.
            raw: Any = connection.connection.driver_connection
            # The caller tries again: waiting here would hold an erasure up behind a long reader.
            raw.execute("PRAGMA busy_timeout = 0")
            try:
                busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                raw.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1_000}")
        return not busy

    def before_fork(self) -> None:
        """Close what is idle.

        SQLite's locks are not inherited, but its belief to hold them is: a child that saw an open
        connection takes no lock of its own on the file, and the next process to close it deletes
        the write-ahead log under the child's feet.
        """
        self.engine.dispose()

    def after_fork(self) -> None:
        """Forget, in the child, connections and a lock that are the parent's."""
        self.engine.dispose(close=False)
        self._turn = threading.Lock()


def _read_only(path: Path, *, frozen: bool) -> URL:
    """A file that SQLite opens for reading and never makes; of one that is frozen, that alone.

    Otherwise it needs a folder to write in, for what processes that read share.
    """
    name = f"file:{quote(str(path.absolute()))}"
    query = {"mode": "ro", "uri": "true", **({"immutable": "1"} if frozen else {})}
    return URL.create("sqlite", database=name, query=query)


def _prepare_to_read(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout = {BUSY_SECONDS * 1_000}", "query_only = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
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


def run_many(connection: Connection, statement: str, rows: Sequence[Sequence[Any]]) -> int:
    """Run one statement for each of many rows; how many rows it changed.

    By the driver, but where somebody listens to statements: SQLAlchemy's own work on a single event
    takes longer than storing it.
    """
    if connection.dispatch.before_cursor_execute:
        return connection.exec_driver_sql(statement, [tuple(row) for row in rows]).rowcount
    driver: Any = connection.connection.driver_connection
    try:
        changed: int = driver.executemany(statement, rows).rowcount
    except sqlite3.Error as error:
        raise OperationalError(statement, None, error) from error
    return changed
