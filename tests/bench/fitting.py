"""The fit of ``item_item`` on a year of real shopping, beside scipy's bare product."""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from rich.console import Console

from knowingly.demo.year import read_year
from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.recommend.interface.block import Block, FitData
from knowingly_plugins.item_item import ItemItem

WEEKS, LEAST, FLOOR = 44, 20, 5
TURNS = 3


def measure(console: Console) -> list[tuple[str, str, str]]:
    """Everybody's purchases of 44 weeks; processor time, in turns, the least of each."""
    block = purchases()
    data = FitData(n_items=block.n_items, floor=FLOOR, seed=0, source=lambda: [block])
    algorithm = ItemItem()
    chosen = block.matrix((EventKind.PURCHASE,))
    narrow = chosen.astype(np.int32)
    counts = algorithm.total(data)
    tried: dict[str, Callable[[], object]] = {
        "scipy's bare product, int64": lambda: chosen.T @ chosen,
        "scipy's bare product, int32": lambda: narrow.T @ narrow,
        "the counts of item_item": lambda: algorithm.total(data),
        "its model, of the counts": lambda: algorithm.build(counts),
        "its whole fit": lambda: algorithm.fit(data),
        "its whole fit, cosine": lambda: ItemItem({"measure": "cosine"}).fit(data),
    }
    seconds: dict[str, list[float]] = {name: [] for name in tried}
    for _ in range(TURNS):
        for name, call in tried.items():
            console.print(name)
            start = time.process_time()
            call()
            seconds[name].append(time.process_time() - start)
    bare = min(seconds["scipy's bare product, int64"])
    return [
        (
            f"{name}, {block.n_people:,} households, {block.n_items:,} items",
            f"{min(seconds[name]):.2f} s, {peak_mb(call):,.0f} MB",
            f"{min(seconds[name]) / bare:.2f} of the first",
        )
        for name, call in tried.items()
    ]


def peak_mb(call: Callable[[], object]) -> float:
    """The most memory that a call holds at once beyond what is there before it."""
    tracemalloc.start()
    call()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 2**20


def purchases() -> Block:
    """Each line of the first weeks, of the products that enough households bought in them."""
    year = read_year()
    early = (year.quantity > 0) & (year.at_s <= year.split_after(WEEKS).timestamp())
    order = np.lexsort((year.product[early], year.household[early]))
    _, person = np.unique(year.household[early][order], return_inverse=True)
    _, item = np.unique(year.product[early][order], return_inverse=True)
    buyers = np.bincount(np.unique(person * (item.max() + 1) + item) % (item.max() + 1))
    kept = buyers[item] >= LEAST
    items, item = np.unique(item[kept], return_inverse=True)
    lines = len(item)
    return Block(
        n_people=int(person.max()) + 1,
        n_items=len(items),
        person=person[kept].astype(np.int32),
        item=item.astype(np.int32),
        kind=np.full(lines, KIND_CODE[EventKind.PURCHASE], np.int8),
        age_days=np.ones(lines),
        quantity=np.ones(lines, np.int32),
        order=np.zeros(lines, np.int64),
    )
