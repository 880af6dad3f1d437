"""The shop that is measured: invented people, items and purchases, on disk, with real keys."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
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
    first: int = 0
    """The number of the first of them: each has one of its own."""

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
        return Purchases(self.person[order], self.item[order], self.age_s[order], self.first)

    def part(self, start: int, stop: int) -> "Purchases":
        """Some of them, with the numbers that they have among all."""
        cut = slice(start, stop)
        return Purchases(
            self.person[cut], self.item[cut], self.age_s[cut], first=self.first + start
        )

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
                self.first + start,
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


@dataclass(frozen=True)
class Took:
    """What one call took: seconds, and seconds of this process's own processor time.

    On a machine that others use too, the second says more; a server's work is only in the first.
    """

    wall: float
    own: float

    def beside(self, other: "Took") -> str:
        """How many times as fast as another call this one was, both ways."""
        return f"{other.wall / self.wall:.2f} ({other.own / self.own:.2f} in own processor time)"


def turns(*calls: Callable[[], Any], rounds: int = 3) -> list[Took]:
    """The medians of calls that take turns, so that a busy moment meets all of them."""
    taken = [[_took(call) for call in calls] for _ in range(rounds)]
    return [
        Took(median(one.wall for one in each), median(one.own for one in each))
        for each in zip(*taken, strict=True)
    ]


def _took(call: Callable[[], Any]) -> Took:
    started, own = time.perf_counter(), time.process_time()
    call()
    return Took(time.perf_counter() - started, time.process_time() - own)


@dataclass(frozen=True)
class Spread:
    """How long many calls took, in milliseconds: the median, the 99th of 100, and what is ours."""

    p50: float
    p99: float
    own: float

    @classmethod
    def of(cls, calls: list[Callable[[], Any]]) -> "Spread":
        """Make each call once."""
        taken = [_took(call) for call in calls]
        p50, p99 = np.percentile([one.wall for one in taken], [50, 99]) * 1e3
        return cls(float(p50), float(p99), median(one.own for one in taken) * 1e3)

    def __str__(self) -> str:
        return f"p50 {self.p50:.2f} ms, p99 {self.p99:.2f} ms, own {self.own:.2f} ms"


def latencies(calls: list[Callable[[], Any]]) -> tuple[float, float]:
    """The median and the 99th percentile of calls, in milliseconds."""
    seconds = [timed(call) for call in calls]
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    return float(p50), float(p99)


def progress(console: Console) -> Progress:
    """A progress bar that goes away when it is done."""
    return Progress(console=console, transient=True)
