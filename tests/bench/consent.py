"""Deciding, and explaining a decision in a long log: neither may grow with what others chose."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from setting import NOW, PURPOSES, Spread, fill, timed
from sqlalchemy import create_engine, text
from stores import Place, postgres_places, sqlite_place

import knowingly
from knowingly.domain.consent import Action, ConsentRecord
from knowingly.policy import decide

DECISIONS = 20_000
EXPLAINED = 300
HOUR_US = 3_600_000_000

Figure = tuple[str, str, str]


def measure(folder: Path, sizes: list[int], console: Console) -> list[Figure]:
    """``decide`` alone, then ``explain`` in a log of each size on SQLite and on PostgreSQL."""
    figures = _deciding()
    with postgres_places() as postgres:
        for size in sizes:
            for place in (
                sqlite_place(folder / f"consent-sqlite-{size}"),
                postgres.place(f"consent_{size}", folder / f"consent-postgresql-{size}"),
            ):
                console.print(f"{place.kind}, a log of {size:,} entries")
                figures += _explaining(place, size)
    return figures


def _history(records: int) -> list[ConsentRecord]:
    """Agreed and taken back in turns, and last agreed."""
    start_us = int(NOW.timestamp()) * 1_000_000 - records * HOUR_US
    return [
        ConsentRecord(
            "train",
            Action.GRANT if (records - 1 - n) % 2 == 0 else Action.WITHDRAW,
            start_us + n * HOUR_US,
            start_us + n * HOUR_US,
            n,
            "2026-01/en",
        )
        for n in range(records)
    ]


def _deciding() -> list[Figure]:
    policy, now_us = knowingly.load_policy(), int(NOW.timestamp()) * 1_000_000
    figures = []
    for records in (1, 10):
        history = _history(records)
        assert decide("train", history, policy=policy, at_us=now_us).allowed

        def run(history: list[ConsentRecord] = history) -> None:
            for _ in range(DECISIONS):
                decide("train", history, policy=policy, at_us=now_us)

        best = min(timed(run) for _ in range(5)) / DECISIONS
        figures.append((f"decide, {records} records", f"{best * 1e6:.1f} µs", ""))
    return figures


def _explaining(place: Place, size: int) -> list[Figure]:
    made_up = np.random.default_rng(7)
    with place.open() as shop:
        fill(shop, size, 1)
        people = [f"person-{n}" for n in made_up.choice(size, EXPLAINED, replace=False)]
        for one in people:
            shop.consent.withdraw(one, ["train"])
        asked = [(lambda one=one: shop.consent.explain(one, "train")) for one in people]
        past = [(lambda one=one: shop.consent.explain(one, PURPOSES[0], at=NOW)) for one in people]
        shop.consent.explain(people[0], "train")
        now, then = Spread.of(asked), Spread.of(past)
        history = Spread.of([lambda one=one: shop.consent.log(one) for one in people])
        bare = _bare_commits(place)
    kind = f"{place.kind}, a log of {size:,}"
    beside = f"{now.p50 / bare:.1f} times a plain durable insert ({bare:.2f} ms)"
    return [
        (f"{kind}: explain now, logged", str(now), beside),
        (f"{kind}: explain a past moment", str(then), ""),
        (f"{kind}: log of one person", str(history), ""),
    ]


def _bare_commits(place: Place) -> float:
    """Median milliseconds of one plain row, committed as ours are."""
    engine = create_engine(place.plain_url)
    with engine.connect() as connection:
        if isinstance(connection.connection.driver_connection, sqlite3.Connection):
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.execute(text("CREATE TABLE plain (n INTEGER PRIMARY KEY, body TEXT)"))
        connection.commit()
        insert: Any = text("INSERT INTO plain (n, body) VALUES (:n, :body)")

        def write(n: int) -> None:
            connection.execute(insert, {"n": n, "body": "x" * 200})
            connection.commit()

        seconds = [timed(lambda n=n: write(n)) for n in range(EXPLAINED)]
    engine.dispose()
    return float(np.median(seconds)) * 1e3
