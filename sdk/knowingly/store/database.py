"""One database, SQLite or PostgreSQL: its two kinds of transaction."""

import os
import random
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from knowingly.store.failures import is_retryable, translated
from knowingly.store.postgres import Postgres
from knowingly.store.sqlite import Sqlite
from knowingly.store.urls import checked_url

T = TypeVar("T")
First = Callable[[Connection], T]
"""What a transaction does first, and what comes of it."""

TRIES = 5
FIRST_WAIT_SECONDS = 0.05
AGAIN_WITHIN_SECONDS = 15
"""A failure that took longer than this has waited enough, and is not tried again."""


class Database:
    """A database with explicit transactions.

    A transaction that fails before its first statement is answered has done nothing, and is begun
    again a few times where the failure is of a kind that passes. What came after that statement is
    never repeated here: only the caller knows whether it may be. With ``read_only`` the database
    itself refuses to write. A SQLite file that is ``frozen`` is written to by nobody, and can lie
    where nobody may write.
    """

    def __init__(self, url: str | URL, *, read_only: bool = False, frozen: bool = False) -> None:
        self.url = checked_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._kind: Sqlite | Postgres
        if self.is_sqlite:
            self._kind = Sqlite(self.url, read_only=read_only, frozen=frozen)
        else:
            self._kind = Postgres(self.url, read_only=read_only)
        _apart_at_fork(self._kind)

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine."""
        return self._kind.engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot: every statement sees the same state."""
        with self.reading_from(_nothing) as (connection, _):
            yield connection

    @contextmanager
    def reading_from(self, first: First[T]) -> Iterator[tuple[Connection, T]]:
        """One snapshot, and what a first statement found in it."""
        with translated(), self._begun(self._kind.reading, first) as (connection, found, _):
            yield connection, found

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[Connection]:
        """One transaction; with ``alone``, no other that wants to be alone runs beside it."""
        first = self._kind.stay_alone if alone else _nothing
        with self.writing_from(first) as (connection, _):
            yield connection

    @contextmanager
    def writing_from(self, first: First[T]) -> Iterator[tuple[Connection, T]]:
        """One transaction, and what a first statement, such as a lock, found in it."""
        with (
            self._kind.turn(),
            translated(),
            self._begun(self._kind.writing, first) as (connection, found, transaction),
        ):
            yield connection, found
            with translated(committing=True):
                try:
                    transaction.commit()
                except BaseException:
                    # Nobody knows what state it is in: it must not go back to the pool.
                    connection.invalidate()
                    raise

    def identity(self) -> object:
        """What tells this database from any other; a server is asked for it.

        Raises:
            StoreError: The server cannot be reached, or cannot keep a shop.
        """
        with translated():
            return self._kind.identity()

    def truncate(self) -> bool:
        """Move the write-ahead log into the file and empty it; false when another reader is busy.

        Only then are deleted bytes gone from both files. Elsewhere than SQLite there is nothing to
        do here, and the documentation says what that means.
        """
        with translated():
            return self._kind.truncate()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    @contextmanager
    def _begun(self, how: str, first: First[T]) -> Iterator[tuple[Connection, T, RootTransaction]]:
        until = time.monotonic() + AGAIN_WITHIN_SECONDS
        for attempt in range(1, TRIES + 1):
            try:
                connection, found, transaction = self._begin(how, first)
                break
            except DBAPIError as error:
                # Whether an idle connection is still there is found out here, however late.
                was_idle = attempt == 1 and error.connection_invalidated
                late = attempt == TRIES or (time.monotonic() > until and not was_idle)
                if late or not is_retryable(error):
                    raise
                # Whoever failed at the same moment must not come back at the same moment.
                time.sleep(FIRST_WAIT_SECONDS * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - no secret
        with connection, transaction:
            yield connection, found, transaction

    def _begin(self, how: str, first: First[T]) -> tuple[Connection, T, RootTransaction]:
        connection = self.engine.connect()
        try:
            transaction = connection.begin()
            self._kind.begin(connection, how)
            return connection, first(connection), transaction
        except BaseException:
            connection.close()
            raise


def _nothing(_connection: Connection) -> None:
    return None


def _apart_at_fork(kind: Sqlite | Postgres) -> None:
    """A connection shared with a parent process would corrupt both: each opens its own."""
    reference = weakref.ref(kind)

    def before() -> None:
        parent = reference()
        if parent is not None:
            parent.before_fork()

    def after() -> None:
        child = reference()
        if child is not None:
            child.after_fork()

    os.register_at_fork(before=before, after_in_child=after)
