"""The shop that is measured: invented people, items and purchases, on disk, with real keys."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

import knowingly
from knowingly.vault.root import write_root_key

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PURPOSES = ("personalize", "train", "measure")
PEOPLE_AT_ONCE = 1_000
EVENTS_AT_ONCE = 20_000


@dataclass(frozen=True)
class Purchases:
    """Purchases in random order of people: parallel arrays."""

    person: Any
    item: Any
    age_s: Any

    @classmethod
    def make(cls, people: int, each: int, items: int, seed: int) -> "Purchases":
        """``each`` purchases of ``people`` people, of items with a long tail."""
        made_up = np.random.default_rng(seed)
        weight = 1 / np.arange(10, items + 10) ** 0.8
        n = people * each
        return cls(
            made_up.permutation(np.repeat(np.arange(people), each)),
            made_up.choice(items, n, p=weight / weight.sum()),
            made_up.integers(3_600, 80 * 86_400, n),
        )

    def by_person(self) -> "Purchases":
        """The same purchases, person by person."""
        order = np.argsort(self.person, kind="stable")
        return Purchases(self.person[order], self.item[order], self.age_s[order])

    def __len__(self) -> int:
        return len(self.person)

    def rows(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Some of them as mappings that ``track`` takes."""
        part = slice(start, stop)
        return [
            {
                "subject": f"person-{person}",
                "kind": "purchase",
                "item": f"item-{item}",
                "at": NOW - timedelta(seconds=age),
                "event_id": f"e{number}",
            }
            for number, (person, item, age) in enumerate(
                zip(
                    self.person[part].tolist(),
                    self.item[part].tolist(),
                    self.age_s[part].tolist(),
                    strict=True,
                ),
                start,
            )
        ]


def open_shop(folder: Path, **more: Any) -> knowingly.Shop:
    """A shop in a folder, with a fixed clock."""
    key = folder / "knowingly.key"
    if not key.exists():
        write_root_key(key)
    return knowingly.open(f"sqlite:///{folder / 'shop.db'}", keys=key, clock=lambda: NOW, **more)


def fill(shop: knowingly.Shop, people: int, items: int) -> None:
    """Items, and people who agreed to everything that is measured here."""
    shop.items.upsert([{"id": f"item-{n}", "title": f"Item {n}"} for n in range(items)])
    for start in range(0, people, PEOPLE_AT_ONCE):
        shop.consent.record(
            {
                "subject": f"person-{n}",
                "action": "grant",
                "purposes": PURPOSES,
                "notice": "2026-01/en",
                "at": NOW - timedelta(days=90),
            }
            for n in range(start, min(start + PEOPLE_AT_ONCE, people))
        )


def parts(purchases: Purchases) -> Iterator[list[dict[str, Any]]]:
    """The purchases in batches; making them is not part of what is measured."""
    for start in range(0, len(purchases), EVENTS_AT_ONCE):
        yield purchases.rows(start, min(start + EVENTS_AT_ONCE, len(purchases)))


def timed(call: Callable[[], Any]) -> float:
    """Seconds one call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def latencies(calls: list[Callable[[], Any]]) -> tuple[float, float]:
    """The median and the 99th percentile of calls, in milliseconds."""
    seconds = [timed(call) for call in calls]
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    return float(p50), float(p99)


def progress(console: Console) -> Progress:
    """A progress bar that goes away when it is done."""
    return Progress(console=console, transient=True)
