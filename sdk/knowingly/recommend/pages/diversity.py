"""What keeps a page from being all of one kind: two ways to value a candidate beside the others.

Both go by what items are (brand, categories, tags), which is known of every item, whichever source
it comes from and however new it is; the neighbours of a model are not.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from knowingly.items.table import ItemTable
from knowingly.recommend.interface.arrays import AnyRows, Floats

SMOOTHING = 0.01


class Diversity(Protocol):
    """Values candidates anew each time that one was taken."""

    def worth(self) -> Floats:
        """What each candidate is worth now, shape ``(n_candidates,)``."""

    def take(self, place: int) -> None:
        """The candidate at this place is on the page."""


class Unlike:
    """Maximal marginal relevance: the score, less the likeness to the most alike item shown.

    Likeness is the Jaccard index of brand, categories and tags; scores are spread from 0 to 1.
    Source: Carbonell, Goldstein, The Use of MMR, SIGIR 1998.

    Args:
        rows: Candidates, best first.
        scores: Theirs.
        strength: What the likeness counts; the score counts the rest of 1.
        table: What items are.
        shown: Rows on the page already.
    """

    def __init__(
        self, rows: AnyRows, scores: Floats, strength: float, table: ItemTable, shown: Sequence[int]
    ) -> None:
        everyone = [*rows.tolist(), *shown]
        self._alike = _alike([_features(table, row) for row in everyone])[: len(rows)]
        self._score, self._strength = (1 - strength) * _spread(scores), strength
        self._likest: Floats = self._alike[:, len(rows) :].max(axis=1, initial=0.0)

    def worth(self) -> Floats:
        """The score, less the likeness."""
        return self._score - self._strength * self._likest

    def take(self, place: int) -> None:
        """Some candidates are more like what is shown now."""
        np.maximum(self._likest, self._alike[:, place], out=self._likest)


class InTheirMix:
    """Calibration: the score, less how far the page's categories would be from the person's.

    How far is the Kullback-Leibler divergence of the page's mix, smoothed, from the person's.
    Source: Steck, Calibrated Recommendations, RecSys 2018, equations 4, 6 and 7.

    Args:
        rows: Candidates, best first.
        scores: Theirs.
        strength: What the distance counts; the score counts the rest of 1.
        table: What items are.
        shown: Rows on the page already.
        mix: Categories and the person's shares of them, adding up to 1.
    """

    def __init__(  # noqa: PLR0917 - what a mix is compared by
        self,
        rows: AnyRows,
        scores: Floats,
        strength: float,
        table: ItemTable,
        shown: Sequence[int],
        mix: Mapping[str, float],
    ) -> None:
        self._mix = np.array(list(mix.values()))
        columns = {name: column for column, name in enumerate(mix)}
        self._each = _shares(table, rows.tolist(), columns)
        self._sum: Floats = _shares(table, shown, columns).sum(axis=0)
        self._size = len(shown)
        self._score, self._strength = (1 - strength) * _spread(scores), strength

    def worth(self) -> Floats:
        """The score, less the divergence of the page with the candidate on it."""
        page = (self._sum + self._each) / (self._size + 1)
        smooth = (1 - SMOOTHING) * page + SMOOTHING * self._mix
        far = (self._mix * np.log(self._mix / smooth)).sum(axis=1)
        worth: Floats = self._score - self._strength * far
        return worth

    def take(self, place: int) -> None:
        """The page has one item more."""
        self._sum = self._sum + self._each[place]
        self._size += 1


def mix_of(table: ItemTable, rows: Iterable[int], weights: Iterable[float]) -> dict[str, float]:
    """The categories of items as shares of 1; an item's weight is split over its own."""
    total: dict[str, float] = {}
    for row, weight in zip(rows, weights, strict=True):
        if weight > 0:
            for name, share in _split(table, row):
                total[name] = total.get(name, 0.0) + weight * share
    whole = sum(total.values())
    return {name: share / whole for name, share in total.items()}


def _split(table: ItemTable, row: int) -> list[tuple[str, float]]:
    categories = set(table.categories[row]) if row < len(table) else set()
    return [(name, 1 / len(categories)) for name in sorted(categories)]


def _shares(table: ItemTable, rows: Sequence[int], columns: Mapping[str, int]) -> Floats:
    """Each item's share of each category, shape ``(n_rows, n_categories)``."""
    shares = np.zeros((len(rows), len(columns)))
    for place, row in enumerate(rows):
        for name, share in _split(table, row):
            if name in columns:
                shares[place, columns[name]] = share
    return shares


def _spread(scores: Floats) -> Floats:
    """Scores from 0 to 1; 1 where all are the same."""
    least, most = float(scores.min(initial=np.inf)), float(scores.max(initial=-np.inf))
    if most > least:
        spread: Floats = (scores - least) / (most - least)
        return spread
    return np.ones(len(scores))


def _features(table: ItemTable, row: int) -> set[tuple[str, str]]:
    if row >= len(table):
        return set()
    found = {("category", name) for name in table.categories[row]}
    found |= {("tag", name) for name in table.tags[row]}
    if table.brand[row]:
        found.add(("brand", table.brand[row]))
    return found


def _alike(features: Sequence[set[tuple[str, str]]]) -> Floats:
    """The Jaccard index of every two sets; 0 where both are empty."""
    columns = {name: at for at, name in enumerate(sorted(set().union(*features)))}
    has = np.zeros((len(features), len(columns)))
    for place, names in enumerate(features):
        has[place, [columns[name] for name in names]] = 1
    both = has @ has.T
    size = has.sum(axis=1)
    either = size[:, None] + size - both
    alike: Floats = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
    return alike
