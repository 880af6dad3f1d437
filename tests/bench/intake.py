"""Sealed bulk ``track`` beside plain inserts of the same rows, keys and indexes."""

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
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
    """Fill the shop that the other parts measure, and time it.

    First in random order of people, as events happen; then, with a fifth of the people in a shop
    of their own, person by person, as an export of another system often is.
    """
    by_time = Purchases.make(people, EACH, items, seed=1)
    by_person = Purchases.make(people // 5, EACH, items, seed=2).by_person()
    grouped = folder / "grouped"
    grouped.mkdir()
    rows = [
        *_order(folder, by_time, people, items, console=console, order="random order of people")
    ]
    return [
        *rows,
        *_order(grouped, by_person, people // 5, items, console=console, order="person by person"),
    ]


def _order(
    folder: Path, purchases: Purchases, people: int, items: int, *, console: Console, order: str
) -> list[tuple[str, str, str]]:
    with open_shop(folder) as shop:
        granting = timed(lambda: fill(shop, people, items))
        sealed = 0.0
        with progress(console) as bar:
            task = bar.add_task(f"track, sealed, {order}", total=len(purchases))
            for part in parts(purchases):
                sealed += timed(lambda rows=part: shop.track(rows))
                bar.advance(task, len(part))
        alone = [timed(lambda n=n: shop.track("person-0", "view", f"item-{n}")) for n in range(500)]
    plain, bare = _plain(folder, purchases, console), _bare(folder, purchases, console)
    n = len(purchases)
    return [
        (f"choices recorded in batches, {people:,} people", f"{people / granting:,.0f}/s", ""),
        (f"bulk track, {order}", f"{n / sealed:,.0f} events/s", "sealed, validated, asked"),
        ("  plain inserts by SQLAlchemy", f"{n / plain:,.0f}/s", _ratio(plain, sealed)),
        ("  plain inserts by bare sqlite3", f"{n / bare:,.0f}/s", _ratio(bare, sealed)),
        ("single track, durable", f"{1 / float(np.median(alone)):,.0f}/s", "median of 500"),
    ]


def _ratio(peer_s: float, ours_s: float) -> str:
    return f"sealed is {peer_s / ours_s:.2f} times as fast"


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
