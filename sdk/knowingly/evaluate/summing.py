"""From everyone's figures to the figures of all: means, intervals, buckets, tests."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from knowingly.evaluate.features import COLD, POPULARITY, ItemFacts
from knowingly.evaluate.intervals import bootstrap, holm, permutation
from knowingly.evaluate.lists import coverage, gini
from knowingly.evaluate.metrics import METRICS, PER_PERSON
from knowingly.evaluate.results import (
    ConsentShare,
    Figure,
    HistoryBucket,
    PairedTest,
    PopularityBucket,
    Score,
)
from knowingly.evaluate.scoring import Measured, Tally
from knowingly.recommend.interface.arrays import Floats

HISTORY: tuple[tuple[str, int, int], ...] = (
    ("0", 0, 0),
    ("1-4", 1, 4),
    ("5-19", 5, 19),
    ("20-99", 20, 99),
    ("100+", 100, 2**62),
)
"""Buckets of people by the distinct items of their history: name, fewest, most."""


class Summary:
    """What was measured, summed up.

    Args:
        measured: Everyone's figures.
        facts: The ranked items.
        n_catalogue: Items of the shop, ranked or not.
        floor: A bucket of fewer people has no figures, and no figure is of fewer.
        seed: What intervals and p-values are drawn from.
    """

    def __init__(
        self, measured: Measured, facts: ItemFacts, *, n_catalogue: int, floor: int, seed: int
    ) -> None:
        self._measured, self._facts = measured, facts
        self._n_catalogue, self._floor, self._seed = n_catalogue, floor, seed
        warm = measured.warm
        # All rankers' figures side by side: the same draws of people then serve all of them.
        columns = np.concatenate([tally.figures[warm] for tally in measured.tallies], axis=1)
        means, (low, high) = _means(columns), bootstrap(columns, seed=seed)
        # A list may say nothing of most people, such as how diverse it is, and then of few.
        few = (~np.isnan(columns)).sum(axis=0) < floor
        for part in (means, low, high):
            part[few] = np.nan
        width = len(PER_PERSON)
        self._figures = [
            dict(zip(PER_PERSON, _together(means, low, high, slice(at, at + width)), strict=True))
            for at in range(0, columns.shape[1], width)
        ]

    def scores(self) -> tuple[Score, ...]:
        """One for each ranker that learned from everyone."""
        return tuple(
            Score(
                tally.ranker.name,
                tally.ranker.baseline,
                self._all_figures(tally, figures),
                self._by_popularity(tally),
                self._by_history(tally),
            )
            for tally, figures in self._whole()
        )

    def tests(self) -> tuple[PairedTest, ...]:
        """Each pair of rankers that learned from everyone, by NDCG."""
        pairs = list(combinations([tally for tally, _ in self._whole()], 2))
        if not pairs:
            return ()
        warm = self._measured.warm
        gaps = np.stack(
            [(first.of("ndcg") - second.of("ndcg"))[warm] for first, second in pairs], axis=1
        )
        found = _together(_means(gaps), *bootstrap(gaps, seed=self._seed), slice(None))
        p_values = permutation(gaps, seed=self._seed)
        return tuple(
            PairedTest(first.ranker.name, second.ranker.name, difference, float(p), float(p_holm))
            for (first, second), difference, p, p_holm in zip(
                pairs, found, p_values, holm(p_values), strict=True
            )
        )

    def by_consent_rate(self) -> tuple[ConsentShare, ...]:
        """Each fitted ranker at each rate, by ranker and from the highest rate on."""
        lower = {tally.ranker.name for tally in self._measured.tallies if tally.ranker.rate < 1}
        found = [
            ConsentShare(
                rate=tally.ranker.rate,
                algorithm=tally.ranker.name,
                people=tally.ranker.people,
                items=tally.ranker.items,
                ndcg=figures["ndcg"],
                recall=figures["recall"],
            )
            for tally, figures in zip(self._measured.tallies, self._figures, strict=True)
            if tally.ranker.name in lower
        ]
        order = [score.algorithm for score in found if score.rate == 1]
        return tuple(sorted(found, key=lambda one: (order.index(one.algorithm), -one.rate)))

    def _whole(self) -> list[tuple[Tally, dict[str, Figure]]]:
        both = zip(self._measured.tallies, self._figures, strict=True)
        return [(tally, figures) for tally, figures in both if tally.ranker.rate == 1]

    def _all_figures(self, tally: Tally, figures: dict[str, Figure]) -> dict[str, Figure]:
        of_lists = {
            "coverage": Figure(_or_none(coverage(tally.shown))),
            "gini": Figure(_or_none(gini(tally.shown))),
        }
        return {metric.name: {**figures, **of_lists}[metric.name] for metric in METRICS}

    def _by_popularity(self, tally: Tally) -> tuple[PopularityBucket, ...]:
        measured = self._measured
        items = np.bincount(self._facts.bucket, minlength=len(POPULARITY))
        items[COLD] += self._n_catalogue - len(self._facts.bucket)
        return tuple(
            PopularityBucket(
                name,
                int(items[place]),
                int(measured.bought[place]),
                float(tally.hits[place] / measured.bought[place])
                if measured.buyers[place] >= self._floor
                else None,
            )
            for place, name in enumerate(POPULARITY)
        )

    def _by_history(self, tally: Tally) -> tuple[HistoryBucket, ...]:
        sizes, found = self._measured.sizes, []
        for name, fewest, most in HISTORY:
            inside = (sizes >= fewest) & (sizes <= most)
            people = int(inside.sum())
            means = [
                float(tally.of(figure)[inside].mean()) if people >= self._floor else None
                for figure in ("ndcg", "recall", "hit_rate")
            ]
            found.append(HistoryBucket(name, people, *means))
        return tuple(found)


def _means(columns: Floats) -> Floats:
    """The mean of each column over the people it says something of; NaN where it is nobody."""
    there = (~np.isnan(columns)).sum(axis=0)
    means = np.full(columns.shape[1], np.nan)
    np.divide(np.nansum(columns, axis=0), there, out=means, where=there > 0)
    return means


def _together(means: Floats, low: Floats, high: Floats, part: slice) -> Sequence[Figure]:
    columns: list[NDArray[np.float64]] = [means[part], low[part], high[part]]
    return [Figure(*(_or_none(value) for value in figure)) for figure in zip(*columns, strict=True)]


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
