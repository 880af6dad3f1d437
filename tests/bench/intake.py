"""Sealed bulk ``track`` beside plain inserts of the same rows, keys and indexes."""

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

from rich.console import Console
from setting import Purchases, fill, open_shop, parts, progress, timed
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    insert,
    text,
)

EACH = 20
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536")


def measure(folder: Path, people: int, items: int, console: Console) -> list[tuple[str, str, str]]:
    """Fill the shop that the other parts measure, and time it."""
    purchases = Purchases.make(people, EACH, items, seed=1)
    with open_shop(folder) as shop:
        granting = timed(lambda: fill(shop, people, items))
        sealed = 0.0
        with progress(console) as bar:
            task = bar.add_task("track, sealed", total=len(purchases))
            for part in parts(purchases):
                sealed += timed(lambda rows=part: shop.track(rows))
                bar.advance(task, len(part))
    plain, bare = _plain(folder, purchases, console), _bare(folder, purchases, console)
    n = len(purchases)
    return [
        ("choices recorded in batches", f"{people / granting:,.0f}/s", "items included"),
        ("bulk track, sealed, validated", f"{n / sealed:,.0f} events/s", ""),
        (
            "plain inserts by SQLAlchemy",
            f"{n / plain:,.0f} rows/s",
            f"sealed is {plain / sealed:.2f} times",
        ),
        (
            "plain inserts by bare sqlite3",
            f"{n / bare:,.0f} rows/s",
            f"sealed is {bare / sealed:.2f} times",
        ),
    ]


def _rows(part: list[dict[str, Any]]) -> list[tuple[int, int, bytes, int, int, bytes]]:
    """The same columns, with a body in clear of the size it has unsealed."""
    rows = []
    for event in part:
        name = hashlib.blake2b(event["event_id"].encode(), digest_size=16).digest()
        person = int(event["subject"].partition("-")[2])
        rows.append((1, person, name, event["at"].toordinal(), 7, event["item"].encode().ljust(33)))
    return rows


def _plain(folder: Path, purchases: Purchases, console: Console) -> float:
    table = Table(
        "events",
        MetaData(),
        Column("tenant", Integer, primary_key=True),
        Column("subject", BigInteger, primary_key=True),
        Column("event", LargeBinary(16), primary_key=True),
        Column("day", Integer),
        Column("purposes", BigInteger),
        Column("body", LargeBinary),
        sqlite_with_rowid=False,
    )
    Index("unusable", table.c.tenant, table.c.subject, sqlite_where=text("purposes = 0"))
    engine = create_engine(f"sqlite:///{folder / 'plain.db'}")
    names = [column.name for column in table.columns]
    seconds = 0.0
    with engine.connect() as connection, progress(console) as bar:
        for pragma in _PRAGMAS:
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        table.create(connection)
        connection.commit()
        task = bar.add_task("plain, SQLAlchemy", total=len(purchases))
        for part in parts(purchases):
            values = [dict(zip(names, row, strict=True)) for row in _rows(part)]

            def write(values: list[dict[str, Any]] = values) -> None:
                connection.execute(insert(table), values)
                connection.commit()

            seconds += timed(write)
            bar.advance(task, len(part))
    engine.dispose()
    return seconds


def _bare(folder: Path, purchases: Purchases, console: Console) -> float:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "CREATE TABLE events (tenant INTEGER, subject INTEGER, event BLOB, day INTEGER, "
        "purposes INTEGER, body BLOB, PRIMARY KEY (tenant, subject, event)) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX unusable ON events (tenant, subject) WHERE purposes = 0")
    seconds = 0.0
    with progress(console) as bar:
        task = bar.add_task("plain, sqlite3", total=len(purchases))
        for part in parts(purchases):
            rows = _rows(part)

            def write(rows: list[tuple[Any, ...]] = rows) -> None:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)
                connection.execute("COMMIT")

            seconds += timed(write)
            bar.advance(task, len(part))
    connection.close()
    return seconds
