"""Which candidates come onto a page: the strongest, within the caps, unlike each other."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from knowingly.items.table import ItemTable
from knowingly.policy import Slot
from knowingly.recommend.interface.arrays import AnyRows, Floats, Rows
from knowingly.recommend.pages.diversity import Diversity, InTheirMix, Unlike

_WIDER = 4


def strongest(rows: AnyRows, scores: Floats, k: int) -> Rows:
    """The places of the k best scores, best first; of equals, the lower row."""
    if len(rows) <= k:
        return np.lexsort((rows, -scores))
    # Partition first: there are many candidates, and few that count.
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    places = np.flatnonzero(scores >= least)
    return places[np.lexsort((rows[places], -scores[places]))][:k]


class Caps:
    """How many of a brand and of a category a page has, and whether it may have more."""

    def __init__(self, slot: Slot, table: ItemTable, shown: Sequence[int]) -> None:
        self._brand, self._category = slot.max_per_brand, slot.max_per_category
        self._table = table
        self._brands: Counter[str] = Counter()
        self._categories: Counter[str] = Counter()
        for row in shown:
            self.take(row)

    def allow(self, row: int) -> bool:
        """Whether the item still fits; one without a brand or category is under no cap."""
        if row >= len(self._table):
            return True
        brand = self._table.brand[row]
        if self._brand is not None and brand and self._brands[brand] >= self._brand:
            return False
        return self._category is None or all(
            self._categories[one] < self._category for one in self._table.categories[row]
        )

    def take(self, row: int) -> None:
        """The item is on the page."""
        if row < len(self._table):
            self._brands[self._table.brand[row]] += 1
            self._categories.update(set(self._table.categories[row]))


def choose(
    rows: AnyRows,
    scores: Floats,
    k: int,
    *,
    slot: Slot,
    table: ItemTable,
    shown: Sequence[int],
    mix: dict[str, float],
) -> Rows:
    """The places of at most k candidates, in the order of the page.

    Args:
        rows: Catalogue rows, each once.
        scores: One per row.
        k: Places left on the page.
        slot: Whose rules count.
        table: What items are.
        shown: Rows that are on the page already.
        mix: The categories that the person chose before, as shares; empty where none are known.
    """
    capped = slot.max_per_brand is not None or slot.max_per_category is not None
    diversify = slot.diversify
    if diversify is not None and diversify.by == "person" and not mix:
        diversify = None
    if not (capped or diversify):
        return strongest(rows, scores, k)
    size = max(diversify.pool if diversify else _WIDER * k, k)
    caps = Caps(slot, table, shown)
    # What a cap has no room for now, it never will: it takes no place in a pool.
    fitting = (place for place in _best_first(rows, scores, size) if caps.allow(int(rows[place])))
    found: list[int] = []
    while len(found) < k and (some := list(islice(fitting, size))):
        pool = np.array(some, np.intp)
        on_page = [*shown, *rows[found].tolist()]
        order: Diversity | None = None
        if diversify is not None and diversify.by == "items":
            order = Unlike(rows[pool], scores[pool], diversify.strength, table, on_page)
        elif diversify is not None:
            order = InTheirMix(rows[pool], scores[pool], diversify.strength, table, on_page, mix)
        found += pool[_greedily(rows[pool], k - len(found), order, caps)].tolist()
    return np.array(found, np.intp)


def _best_first(rows: AnyRows, scores: Floats, size: int) -> Iterator[int]:
    """The places of all, best first; sorted only as far down as somebody looks."""
    done = 0
    while done < len(rows):
        best = strongest(rows, scores, size)
        yield from best[done:].tolist()
        done, size = len(best), size * _WIDER


def _greedily(rows: AnyRows, k: int, order: Diversity | None, caps: Caps) -> list[int]:
    """Take the best of those left, again and again; ``rows`` are best first."""
    left = np.ones(len(rows), bool)
    found: list[int] = []
    while len(found) < k and left.any():
        place = int(np.where(left, order.worth(), -np.inf).argmax() if order else left.argmax())
        left[place] = False
        row = int(rows[place])
        if caps.allow(row):
            caps.take(row)
            found.append(place)
            if order is not None:
                order.take(place)
    return found
