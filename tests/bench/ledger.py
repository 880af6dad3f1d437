"""The log: adding to it, verifying it and proving from it, beside bare work.

Appends are held against the same rows without hashing and sealing; verification against hashing the
same bytes in memory, which is its limit.
"""

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from setting import Spread, Took, progress, timed, turns
from sqlalchemy import create_engine, text
from stores import Place, postgres_places, sqlite_place

from knowingly.ledger import log, verifier
from knowingly.ledger.verify import verify
from knowingly.store import ledger as rows

SINGLE = 300
BATCH = 10_000
PROOFS = 500
NOTICE = "2026-01/en"

Figure = tuple[str, str, str]


def measure(folder: Path, entries: int, console: Console) -> list[Figure]:
    """A log of so many entries on SQLite and on PostgreSQL."""
    figures = []
    with postgres_places() as postgres:
        for place in (
            sqlite_place(folder / "sqlite"),
            postgres.place("ledger", folder / "postgresql"),
        ):
            console.print(f"{place.kind}, {entries:,} entries")
            figures += _measure(place, entries, console)
    return figures


def _measure(place: Place, entries: int, console: Console) -> list[Figure]:
    with place.open() as shop:
        tenancy = shop._tenancy
        with _plain(place) as plain:
            bulk = _append(tenancy, plain, entries, console)
            single = _append_singly(tenancy, plain)
        size, [bare, plainly, strictly] = _verifying(tenancy)
        exported, offline = _offline(place, shop)
        with_choices, [beside, mixed] = _with_choices(shop, entries // 10)
        proving = Spread.of([lambda n=n: shop.audit.prove(n) for n in _some(size)])
        growing = Spread.of([lambda n=n: shop.audit.consistency(n + 1) for n in _some(size)])
    figures = [
        (
            f"append, {BATCH:,} at a time",
            f"{entries / bulk[0]:,.0f}/s",
            f"{bulk[1] / bulk[0]:.2f} times plain inserts",
        ),
        (
            "append one, durable",
            f"{1 / single[0]:,.0f}/s",
            f"{single[1] / single[0]:.2f} times a plain insert",
        ),
        ("hashing the same bytes, bare", f"{size / bare.wall:,.0f}/s", "the limit"),
        ("verify", f"{size / plainly.wall:,.0f}/s", plainly.beside(bare)),
        ("verify --strict", f"{size / strictly.wall:,.0f}/s", strictly.beside(bare)),
        ("write a bundle", f"{size / exported.wall:,.0f}/s", exported.beside(bare)),
        ("knowingly-verify, the bundle", f"{size / offline.wall:,.0f}/s", offline.beside(bare)),
        (
            "verify, every tenth a choice",
            f"{with_choices / mixed.wall:,.0f}/s",
            mixed.beside(beside),
        ),
        ("prove an entry", str(proving), ""),
        ("prove that it only grew", str(growing), ""),
    ]
    return [(f"{place.kind}, {size:,} entries: {what}", *rest) for what, *rest in figures]


class _Plain:
    """The same rows, as many bytes, without hashes, seals or a tree."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        self._insert = text("INSERT INTO entries (idx, leaf, body) VALUES (:idx, :leaf, :body)")
        kind = "BLOB" if url.startswith("sqlite") else "BYTEA"
        make = text(f"CREATE TABLE entries (idx BIGINT PRIMARY KEY, leaf {kind}, body {kind})")
        with self._engine.begin() as connection:
            connection.execute(make)
        self._next = 0

    def __enter__(self) -> "_Plain":
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def write(self, count: int) -> float:
        """Seconds to insert so many rows in one transaction."""
        first, self._next = self._next, self._next + count
        made = [
            {"idx": n, "leaf": os.urandom(220), "body": os.urandom(90)}
            for n in range(first, first + count)
        ]
        started = time.perf_counter()
        with self._engine.begin() as connection:
            connection.execute(self._insert, made)
        return time.perf_counter() - started


def _plain(place: Place) -> _Plain:
    return _Plain(place.plain_url)


def _drafts(tenancy: Any, count: int) -> list[log.Draft]:
    """Staff acts of the size of choices, which rest on no other row."""
    facts = {"policy": "0" * 64}
    seal = tenancy.keyring.operator.seal
    return [log.Draft("bench.entry", n, seal, facts, {"by": "staff"}) for n in range(count)]


def _append(tenancy: Any, plain: _Plain, entries: int, console: Console) -> tuple[float, float]:
    """Seconds of our batches and of plain ones, taking turns."""
    ours = beside = 0.0
    with progress(console) as bar:
        task = bar.add_task("append, and plain inserts", total=entries)
        for start in range(0, entries, BATCH):
            drafts = _drafts(tenancy, min(BATCH, entries - start))

            def write(drafts: list[log.Draft] = drafts) -> None:
                with tenancy.write() as tx:
                    log.append_many(tx, drafts)

            ours += timed(write)
            beside += plain.write(len(drafts))
            bar.advance(task, len(drafts))
    return ours, beside


def _append_singly(tenancy: Any, plain: _Plain) -> tuple[float, float]:
    ours, beside = [], []
    for draft in _drafts(tenancy, SINGLE):

        def write(draft: log.Draft = draft) -> None:
            with tenancy.write() as tx:
                log.append_many(tx, [draft])

        ours.append(timed(write))
        beside.append(plain.write(1))
    return float(np.median(ours)), float(np.median(beside))


def _bare(leaves: list[bytes]) -> None:
    """Hash leaves that are in memory, and every node above them."""
    sha256 = hashlib.sha256
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]


def _verifying(tenancy: Any) -> tuple[int, list[Took]]:
    """How many entries there are; to hash them bare, to verify them, and to do so strictly."""
    with tenancy.read() as snapshot:
        leaves = [leaf for _, leaf in rows.every_leaf(snapshot)]
        return len(leaves), turns(
            lambda: _bare(leaves),
            lambda: verify(snapshot),
            lambda: verify(snapshot, strict=True),
        )


def _offline(place: Place, shop: Any) -> tuple[Took, Took]:
    """To write a bundle, and to check it."""
    path = place.folder / "bundle.jsonl"

    def write() -> None:
        path.unlink(missing_ok=True)
        shop.audit.bundle(path)

    [exported] = turns(write)
    key = verifier.VerifierKey.parse(shop.audit.key())

    def check() -> None:
        with path.open("rb") as file:
            verifier.verify_bundle(file, key)

    [offline] = turns(check)
    path.unlink()
    return exported, offline


def _with_choices(shop: Any, choices: int) -> tuple[int, list[Took]]:
    """How many entries there are, once every tenth is a choice; to hash and to verify them."""
    for start in range(0, choices, 1_000):
        shop.consent.record(
            {"subject": f"person-{n}", "action": "grant", "purposes": ["train"], "notice": NOTICE}
            for n in range(start, min(start + 1_000, choices))
        )
    size, [bare, plainly, _] = _verifying(shop._tenancy)
    return size, [bare, plainly]


def _some(size: int) -> list[int]:
    return np.random.default_rng(7).integers(0, size, PROOFS).tolist()
