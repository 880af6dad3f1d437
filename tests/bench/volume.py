"""Bigger shops: intake, reading, training, erasure and pages, beside plain rows in the same kind.

What a person costs must not grow with how many others there are. Most of the rows come person by
person, as out of another system; the last of them in random order of people, as events happen, into
a database that is full by then.
"""

import multiprocessing
import resource
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from intake import named_rows, plain_events, plain_rows
from rich.console import Console
from scipy.sparse import vstack
from setting import NOW, Purchases, fill, latencies, parts, progress, timed
from sqlalchemy import create_engine, text
from stores import Place, postgres_places, sqlite_place

from knowingly.domain.event import EventKind
from knowingly.recommend.training.gather import blocks, gather

KINDS = ["sqlite", "postgresql"]
EACH = 10
AT_RANDOM = 200_000
SINGLE = 300
PAGES = 2_000
ERASED = 7

Figure = tuple[str, str, str]


def measure(
    folder: Path, sizes: list[int], items: int, kinds: list[str], console: Console
) -> list[Figure]:
    """Each size, on each of the databases."""
    figures = []
    with postgres_places() as postgres:
        for size, kind in product(sizes, kinds):
            where = folder / f"{kind}-{size}"
            on_files = kind == "sqlite"
            place = sqlite_place(where) if on_files else postgres.place(f"shop_{size}", where)
            console.print(f"{place.kind}, {size:,} people")
            found = _measure(place, size, items, console)
            # An hour can lie between two of them.
            for row in found:
                console.print("  ".join(row))
            figures += found
    return figures


def _measure(place: Place, people: int, items: int, console: Console) -> list[Figure]:
    made_up = np.random.default_rng(5)
    chosen = [f"person-{n}" for n in made_up.choice(people, PAGES)]
    with place.open() as shop:
        choices = timed(lambda: fill(shop, people, items))
        every = Purchases.make(people, EACH, items, seed=4)
        at_random = min(len(every) // 2, AT_RANDOM)
        with plain_events(place.plain_url) as write:
            orders = {
                "person by person": every.part(0, len(every) - at_random).by_person(),
                "random order of people": every.part(len(every) - at_random, len(every)),
            }
            bulk = {
                order: (len(rows), *_bulk(shop, write, rows, order, console))
                for order, rows in orders.items()
            }
        single = _single(place, shop)
        reading = [timed(lambda one=one: shop.profiles.view(one, "train")) for one in chosen]
        plain_reading = _plain_histories(place, chosen)
    ours, plain = place.sizes()
    scan = _in_a_child(_scan, place)
    with place.open() as shop:
        training = timed(shop.train)
        shop.recommend(chosen[0])
        pages = latencies([lambda one=one: shop.recommend(one) for one in chosen])
        erasing = [timed(lambda one=one: shop.rights.erase(one)) for one in _some(people)]
    n = people * EACH
    own, beside = float(np.median(reading)), float(np.median(plain_reading))
    rows = [
        ("choices recorded, 1,000 at a time", f"{people / choices:,.0f}/s", ""),
        *(
            (
                f"bulk track, {order}",
                f"{n / ours:,.0f}/s",
                f"{plain / ours:.2f} times plain inserts",
            )
            for order, (n, ours, plain) in bulk.items()
        ),
        (
            "single track, durable",
            f"{1 / single[0]:,.0f}/s",
            f"{single[1] / single[0]:.2f} times a plain insert",
        ),
        (
            "a history read for a purpose",
            f"{own * 1e3:.2f} ms",
            f"{own / beside:.1f} times a plain read",
        ),
        ("events on disk, with indexes", f"{ours / 1e6:,.0f} MB", f"{ours / plain:.2f} x plain"),
        (
            "everyone read into a sparse matrix",
            f"{n / scan['seconds']:,.0f} events/s",
            f"{scan['plain_s'] / scan['seconds']:.2f} times a plain read",
        ),
        (
            "  memory above that matrix",
            f"{scan['above'] / 1e6:,.0f} MB",
            f"the matrix has {scan['matrix'] / 1e6:,.0f} MB",
        ),
        ("train", f"{training:,.1f} s", ""),
        ("recommend", f"p50 {pages[0]:.2f} ms, p99 {pages[1]:.2f} ms", ""),
        ("erase one person, models included", f"{np.median(erasing) * 1e3:.0f} ms", "median"),
    ]
    return [(f"{place.kind}, {people:,} people: {what}", *rest) for what, *rest in rows]


def _bulk(
    shop: Any, write: Callable[[Any], None], purchases: Purchases, order: str, console: Console
) -> tuple[float, float]:
    """Seconds of ``track`` and of plain inserts, taking turns batch by batch."""
    sealed = plain = 0.0
    with progress(console) as bar:
        task = bar.add_task(f"track, and plain inserts, {order}", total=len(purchases))
        for part in parts(purchases):
            named = named_rows(plain_rows(part))
            sealed += timed(lambda part=part: shop.track(part))
            plain += timed(lambda named=named: write(named))
            bar.advance(task, len(part))
    return sealed, plain


def _single(place: Place, shop: Any) -> tuple[float, float]:
    """Median seconds of one event, and of one plain row, each committed."""
    ours, plain = [], []
    engine = create_engine(place.plain_url)
    insert = text(
        "INSERT INTO events (tenant, subject, event, day, purposes, body) "
        "VALUES (:tenant, :subject, :event, :day, :purposes, :body)"
    )
    with engine.connect() as connection:
        for number in range(SINGLE):
            event = {
                "subject": f"person-{number}",
                "kind": "view",
                "item": f"item-{number}",
                "at": NOW,
                "event_id": f"single-{number}",
            }
            [row] = named_rows(plain_rows([event]))

            def write(row: dict[str, Any] = row) -> None:
                connection.execute(insert, row)
                connection.commit()

            ours.append(timed(lambda event=event: shop.track(event)))
            plain.append(timed(write))
    engine.dispose()
    return float(np.median(ours)), float(np.median(plain))


def _plain_histories(place: Place, people: list[str]) -> list[float]:
    mine = text("SELECT event, day, body FROM events WHERE tenant = 1 AND subject = :s")
    engine = create_engine(place.plain_url)

    def read(number: int) -> None:
        with engine.connect() as connection:
            connection.execute(mine, {"s": number}).all()

    seconds = [timed(lambda one=one: read(int(one.partition("-")[2]))) for one in people]
    engine.dispose()
    return seconds


def _some(people: int) -> list[str]:
    return [f"person-{number * people // ERASED}" for number in range(ERASED)]


def _in_a_child(work: Any, *given: Any) -> Any:
    """Run in a fresh process, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, given)


def _scan(place: Place) -> dict[str, float]:
    """Everyone's events as one sparse matrix; seconds, and bytes at the highest."""
    with place.open() as shop:
        tenancy = shop._tenancy
        before = _peak()
        found: dict[str, Any] = {}

        def load() -> None:
            with tenancy.read() as snapshot:
                n_items = len(tenancy.catalogue.at(snapshot))
                now = tenancy.now_us()
                gathered = gather(tenancy, snapshot, at_us=now, until_us=now)
            every = np.arange(n_items, dtype=np.int32)
            read = blocks(gathered, every, n_items)
            found["matrix"] = vstack([block.matrix([EventKind.PURCHASE]) for block in read])

        seconds = timed(load)
        matrix = found["matrix"].tocsr()
        size = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
        above = _peak() - before - size
    return {"seconds": seconds, "matrix": size, "above": above, "plain_s": _plain_scan(place)}


def _plain_scan(place: Place) -> float:
    engine = create_engine(place.plain_url)

    def read() -> None:
        with engine.connect().execution_options(yield_per=5_000) as connection:
            for part in connection.execute(text("SELECT * FROM events")).partitions():
                len(part)

    seconds = timed(read)
    engine.dispose()
    return seconds


def _peak() -> int:
    """The most memory this process has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
