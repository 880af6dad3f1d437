"""Sealed bulk ``track`` beside plain inserts of the same rows, keys and indexes."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from setting import NOW, Purchases, fill, open_shop, parts, progress, timed
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
ALONE = 500
_COLUMNS = ("tenant", "subject", "event", "day", "purposes", "body")
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
    """Every way in turn for each batch, so that what else the machine does falls on all alike."""
    sealed = plain = bare = 0.0
    with (
        open_shop(folder) as shop,
        plain_events(f"sqlite:///{folder / 'plain.db'}") as write_plain,
        _bare(folder) as write_bare,
        progress(console) as bar,
    ):
        granting = timed(lambda: fill(shop, people, items))
        task = bar.add_task(f"track, and plain inserts, {order}", total=len(purchases))
        for part in parts(purchases):
            rows = plain_rows(part)
            named = named_rows(rows)
            sealed += timed(lambda part=part: shop.track(part))
            plain += timed(lambda named=named: write_plain(named))
            bare += timed(lambda rows=rows: write_bare(rows))
            bar.advance(task, len(part))
        alone, alone_plain = [], []
        for n in range(ALONE):
            event = {
                "subject": "person-0",
                "kind": "view",
                "item": f"item-{n}",
                "at": NOW,
                "event_id": f"v{n}",
            }
            named = named_rows(plain_rows([event]))
            alone.append(timed(lambda event=event: shop.track(event)))
            alone_plain.append(timed(lambda named=named: write_plain(named)))
    n = len(purchases)
    one, one_plain = float(np.median(alone)), float(np.median(alone_plain))
    return [
        (f"choices recorded in batches, {people:,} people", f"{people / granting:,.0f}/s", ""),
        (f"bulk track, {order}", f"{n / sealed:,.0f} events/s", "sealed, validated, asked"),
        ("  plain inserts by SQLAlchemy", f"{n / plain:,.0f}/s", _ratio(plain, sealed)),
        ("  plain inserts by bare sqlite3", f"{n / bare:,.0f}/s", _ratio(bare, sealed)),
        ("single track, durable", f"{1 / one:,.0f}/s", f"median of {ALONE}"),
        ("  plain insert by SQLAlchemy", f"{1 / one_plain:,.0f}/s", _ratio(one_plain, one)),
    ]


def _ratio(peer_s: float, ours_s: float) -> str:
    return f"sealed is {peer_s / ours_s:.2f} times as fast"


def plain_rows(part: list[dict[str, Any]]) -> list[tuple[int, int, bytes, int, int, bytes]]:
    """The same columns, with a body in clear of the size it has unsealed."""
    rows = []
    for event in part:
        name = hashlib.blake2b(event["event_id"].encode(), digest_size=16).digest()
        person = int(event["subject"].partition("-")[2])
        rows.append((1, person, name, event["at"].toordinal(), 7, event["item"].encode().ljust(33)))
    return rows


def named_rows(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(_COLUMNS, row, strict=True)) for row in rows]


@contextmanager
def plain_events(url: str) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """Inserts of the same rows, keys and indexes by SQLAlchemy, each batch committed."""
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
    unused = text("purposes = 0")
    columns = table.c.tenant, table.c.subject
    Index("events_unusable", *columns, sqlite_where=unused, postgresql_where=unused)
    engine = create_engine(url)
    with engine.connect() as connection:
        for pragma in _PRAGMAS if engine.dialect.name == "sqlite" else ():
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        table.create(connection)
        connection.commit()

        def write(rows: list[dict[str, Any]]) -> None:
            connection.execute(insert(table), rows)
            connection.commit()

        yield write
    engine.dispose()


@contextmanager
def _bare(folder: Path) -> Iterator[Callable[[list[tuple[Any, ...]]], None]]:
    """Inserts by the driver alone, each batch committed."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "CREATE TABLE events (tenant INTEGER, subject INTEGER, event BLOB, day INTEGER, "
        "purposes INTEGER, body BLOB, PRIMARY KEY (tenant, subject, event)) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX unusable ON events (tenant, subject) WHERE purposes = 0")

    def write(rows: list[tuple[Any, ...]]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")

    yield write
    connection.close()
