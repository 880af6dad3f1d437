"""A folder with a root key, and the shop whose databases a test looks into."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

import knowingly
from knowingly.vault.root import write_root_key
from servers import Server

ENDS = {"data": "", "keys": "_keys"}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now

    def ago(self, **by: float) -> datetime:
        return self.now - timedelta(**by)


class Files:
    """Two SQLite files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = {"data": folder / "shop.db", "keys": folder / "shop.keys.db"}
        self.url = f"sqlite:///{self.paths['data']}"
        self.keys_url = f"sqlite:///{self.paths['keys']}"

    @contextmanager
    def connected(self, store: str) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.paths[store])) as connection, connection:
            yield connection

    def files(self) -> dict[str, bytes]:
        """Data, key store and their logs, byte by byte."""
        folder = self.paths["data"].parent
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def copy(self, folder: Path) -> "Files":
        """The folder was copied, and the files with it."""
        return Files(folder)

    def remove(self) -> None:
        """Files go with their folder."""


class Databases:
    """Two databases of a PostgreSQL server."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name
        self.url = server.database_url(name).render_as_string(hide_password=False)
        self.keys_url = server.database_url(f"{name}_keys").render_as_string(hide_password=False)

    @contextmanager
    def connected(self, store: str) -> Iterator["_QuestionMarks"]:
        with closing(self.server.connect(self.name + ENDS[store])) as connection:
            yield _QuestionMarks(connection)

    def files(self) -> dict[str, bytes]:
        """Data, key store and the server's log, byte by byte."""
        return self.server.files(self.name) | self.server.files(f"{self.name}_keys")

    def copy(self, folder: Path) -> "Databases":
        """The databases as they are on the server."""
        return Databases(self.server, self.server.pair(self.name))

    def remove(self) -> None:
        self.server.drop(self.name)


class _QuestionMarks:
    """A psycopg connection that takes SQLite's spelling of a parameter."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> psycopg.Cursor:
        return self._connection.execute(statement.replace("?", "%s"), values or None)


class House:
    """A folder with a root key, and the shops opened in it."""

    def __init__(self, folder: Path, clock: Clock, place: Files | Databases | None = None) -> None:
        self.folder, self.clock, self.place = folder, clock, place or Files(folder)
        self.policy = knowingly.load_policy()
        self._open: list[knowingly.Shop] = []
        folder.mkdir(parents=True, exist_ok=True)
        if not self.key.exists():
            write_root_key(self.key)

    @property
    def key(self) -> Path:
        return self.folder / "knowingly.key"

    @property
    def data(self) -> Path:
        """The data file, in SQLite."""
        return self.place.paths["data"]

    @property
    def keys(self) -> Path:
        """The key store's file, in SQLite."""
        return self.place.paths["keys"]

    @property
    def url(self) -> str:
        return self.place.url

    def rows(self, statement: str, *values: object, store: str = "data") -> list[tuple[Any, ...]]:
        """What a statement of an outsider finds; ``?`` stands for each value."""
        with self.place.connected(store) as connection:
            return [tuple(row) for row in connection.execute(statement, values).fetchall()]

    def run(self, statement: str, *values: object, store: str = "data") -> None:
        """Change a database behind the shop's back."""
        with self.place.connected(store) as connection:
            connection.execute(statement, values)

    def count(self, table: str, store: str = "data") -> int:
        return self.rows(f"SELECT count(*) FROM {table}", store=store)[0][0]  # noqa: S608

    def with_policy(self, **sections: dict[str, Any]) -> "House":
        """Change values of the policy's sections; shops opened from now on have them."""
        update = {}
        for name, values in sections.items():
            update[name] = {**getattr(self.policy, name).model_dump(), **values}
        self.policy = self.policy.model_copy(update=update)
        return self

    def with_purpose(self, name: str, **values: Any) -> "House":
        """Change one purpose of the policy."""
        purposes = dict(self.policy.purposes)
        purposes[name] = {**purposes[name].model_dump(), **values}
        self.policy = self.policy.model_copy(update={"purposes": purposes})
        return self

    def open(self, **options: Any) -> knowingly.Shop:
        given = {"policy": self.policy, "keys": self.key, "clock": self.clock, **options}
        shop = knowingly.open(self.url, **given)
        self._open.append(shop)
        return shop

    def close(self) -> None:
        while self._open:
            self._open.pop().close()

    def copy(self, folder: Path) -> "House":
        """The same shop elsewhere, as a crash would leave it."""
        self.close()
        shutil.copytree(self.folder, folder)
        clock = Clock()
        clock.now = self.clock.now
        copied = House(folder, clock, self.place.copy(folder))
        copied.policy = self.policy
        return copied

    def remove(self) -> None:
        """Close the shops and give their databases back."""
        self.close()
        self.place.remove()
