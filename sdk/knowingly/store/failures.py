"""What went wrong in a database, in our words: whether anything was written, and the cure.

A driver's own message is never passed on: it repeats values of the statement, hosts and users.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from knowingly.errors import StoreError


class Failure(NamedTuple):
    """One way to fail: a word for programs, words with the cure, and whether to try again."""

    reason: str
    words: str
    retryable: bool = False


LOST = Failure("connection_lost", "the connection to the database was lost: try again", True)
UNREACHABLE = Failure(
    "unreachable",
    "the database server cannot be reached, or refused us: check host, port, user, password and "
    "database in the URL, and that the server runs",
    True,
)
TIMED_OUT = Failure("unreachable", "the database server did not answer in time: try again", True)
BUSY = Failure("busy", "the database stayed locked by another writer for too long: try again", True)
FULL = Failure("full", "the disk of the database is full: make room and try again")
CROWDED = Failure(
    "crowded",
    "the database server has no connection left: use fewer processes, or raise max_connections",
    True,
)
POOL_EMPTY = Failure(
    "crowded", "every connection of this process is in use: try again, or use fewer threads", True
)
READ_ONLY = Failure(
    "read_only", "the database is read-only: make it, its file or its folder writable for us"
)
BROKEN_FILE = Failure(
    "corrupt", "the file is not a database, or is damaged: restore it from its backup"
)
DISK = Failure("disk", "the disk failed under the database: check the disk before going on")
NO_DATABASE = Failure("no_database", "that database does not exist: make it with createdb first")
NO_ACCESS = Failure("no_access", "the database refused the user or the password: check the URL")
NO_RIGHT = Failure(
    "no_right", "the database user may not do that: let it own the database, or grant it the right"
)
DEADLOCK = Failure("conflict", "two transactions waited for each other: try again", True)
CONFLICT = Failure("conflict", "another transaction changed the same rows: try again", True)
CANCELLED = Failure(
    "cancelled", "the statement was cancelled, by a time-out or by the server's keeper: try again"
)
STARTING = Failure("unreachable", "the database server is starting or stopping: try again", True)

_SQLSTATES: dict[str, Failure] = {
    "08": LOST,
    "25006": READ_ONLY,
    "25P03": LOST,
    "28": NO_ACCESS,
    "3D000": NO_DATABASE,
    "40001": CONFLICT,
    "40P01": DEADLOCK,
    "42501": NO_RIGHT,
    "53100": FULL,
    "53300": CROWDED,
    "55P03": BUSY,
    "57014": CANCELLED,
    "57P01": LOST,
    "57P02": LOST,
    "57P03": STARTING,
    "57P05": LOST,
    "58030": DISK,
}
"""Of a PostgreSQL error, by its sqlstate or by the class its sqlstate begins with."""

_ON_CONNECTING: tuple[tuple[str, Failure], ...] = (
    ("does not exist", NO_DATABASE),
    ("password", NO_ACCESS),
    ("authentication", NO_ACCESS),
    ("pg_hba.conf", NO_ACCESS),
    ("permission denied", NO_RIGHT),
    ("too many", CROWDED),
    ("connection slots", CROWDED),
    ("starting up", STARTING),
    ("shutting down", STARTING),
    ("recovery mode", STARTING),
    ("timeout", TIMED_OUT),
    ("timed out", TIMED_OUT),
)
"""libpq gives no sqlstate when it cannot connect, so the server's words are looked at."""

_SQLITE: dict[str, Failure] = {
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_IOERR": DISK,
    "SQLITE_CORRUPT": BROKEN_FILE,
    "SQLITE_NOTADB": BROKEN_FILE,
    "SQLITE_CANTOPEN": Failure("unreachable", "the database file cannot be opened"),
    "SQLITE_PERM": READ_ONLY,
}

_UNSURE_AFTER_COMMIT = frozenset({LOST.reason, DISK.reason, UNREACHABLE.reason})


def is_retryable(error: DBAPIError) -> bool:
    """Whether the same transaction may go through by itself, if it is begun again."""
    found, _ = _classified(error)
    return found is not None and found.retryable


def as_store_error(error: DBAPIError, *, committing: bool = False) -> StoreError:
    """A driver's error as ours; ``committing`` when it is the answer to COMMIT."""
    found, code = _classified(error)
    if found is None:
        words, reason, retryable = f"the database failed ({code})", "unknown", False
    else:
        reason, words, retryable = found.reason, f"{found.words} ({code})", found.retryable
    if committing and reason in _UNSURE_AFTER_COMMIT:
        return StoreError(
            f"{words}; the answer to COMMIT was lost: it may or may not have been written; "
            "send it again with the same event ids",
            reason=reason,
            outcome_unknown=True,
        )
    return StoreError(f"{words}; nothing was written", reason=reason, retryable=retryable)


@contextmanager
def translated(*, committing: bool = False) -> Iterator[None]:
    """Database errors as ``StoreError``, without the statement's values."""
    try:
        yield
    except PoolTimeout:
        raise StoreError(
            f"{POOL_EMPTY.words}; nothing was written", reason=POOL_EMPTY.reason, retryable=True
        ) from None
    except DBAPIError as error:
        raise as_store_error(error, committing=committing) from None


def _classified(error: DBAPIError) -> tuple[Failure | None, str]:
    """The failure, where it is a known one, and a code that stands for the driver's message."""
    driver = error.orig
    name = type(driver).__name__
    if isinstance(driver, sqlite3.Error):
        code = getattr(driver, "sqlite_errorname", "")
        family = "_".join(code.split("_")[:2])
        # SQLite's own short texts name columns at most, never values.
        return _SQLITE.get(family), code if family in _SQLITE else f"{name}: {_first_line(driver)}"
    sqlstate = getattr(driver, "sqlstate", None)
    if sqlstate is not None:
        found = _SQLSTATES.get(sqlstate) or _SQLSTATES.get(sqlstate[:2])
        return found, sqlstate if found else f"{name}, {sqlstate}"
    if error.connection_invalidated:
        return LOST, name
    if name in {"OperationalError", "ConnectionTimeout"}:
        said = f"{name} {driver}".lower()
        return next((one for words, one in _ON_CONNECTING if words in said), UNREACHABLE), name
    return None, name


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]
