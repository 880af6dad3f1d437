"""The ranking pass: every ranker over the same people, block by block, and what is kept of it.

For each person and ranker one float a figure stays, for each item one count. Lists and scores are
gone with their block.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.progress import Counted
from knowingly.evaluate import lists
from knowingly.evaluate.accuracy import Judged, judge
from knowingly.evaluate.cases import Cases, Split
from knowingly.evaluate.features import COLD, POPULARITY, ItemFacts
from knowingly.evaluate.metrics import ACCURACY, PER_PERSON
from knowingly.evaluate.rankers import Ranker
from knowingly.evaluate.ranking import top_rows
from knowingly.recommend.interface.arrays import Floats, Ints, Matrix
from knowingly.recommend.interface.query import Query

_SCORES_AT_ONCE = 2**22  # 32 MiB of float64
_PEOPLE_AT_ONCE = 256


@dataclass(repr=False)
class Tally:
    """What one ranker's lists came to.

    ``figures`` has a column for each of ``PER_PERSON``; ``shown`` counts recommendations by item,
    ``hits`` by popularity bucket, both of people with a history.
    """

    ranker: Ranker
    shown: Ints
    hits: Ints = field(default_factory=lambda: np.zeros(len(POPULARITY), np.int64))
    blocks: list[Floats] = field(default_factory=list)

    @property
    def figures(self) -> Floats:
        """Each person's figures, shape ``(n_people, len(PER_PERSON))``."""
        return np.concatenate([np.zeros((0, len(PER_PERSON))), *self.blocks])

    def count(self, ranked: Ints, hits: NDArray[np.bool_], bucket: NDArray[np.int8]) -> None:
        """Count what was recommended, and what of it was right."""
        self.shown += np.bincount(ranked[ranked >= 0], minlength=len(self.shown))
        self.hits += np.bincount(bucket[ranked[hits]], minlength=len(POPULARITY))

    def of(self, name: str) -> Floats:
        """One figure of each person."""
        return self.figures[:, PER_PERSON.index(name)]


@dataclass(repr=False)
class Measured:
    """Everyone tested, and each ranker's tally over them.

    ``sizes`` is how many distinct items each person's history has; ``bought`` and ``buyers`` count
    pairs and people by popularity bucket, of people with a history.
    """

    tallies: list[Tally]
    sizes: Ints
    bought: Ints
    buyers: Ints
    out_of_reach: int

    @property
    def warm(self) -> NDArray[np.bool_]:
        """Who has a history."""
        return self.sizes > 0


def measure(
    split: Split, rankers: Sequence[Ranker], facts: ItemFacts, k: int, progress: Counted
) -> Measured:
    """Rank all items for everyone by every ranker, once.

    Raises:
        PluginError: A plugin failed, or gave scores that are not numbers.
    """
    at_once = max(1, min(_PEOPLE_AT_ONCE, _SCORES_AT_ONCE // max(split.n_items, 1)))
    tallies = [Tally(ranker, np.zeros(split.n_items, np.int64)) for ranker in rankers]
    bought, buyers = (np.zeros(len(POPULARITY), np.int64) for _ in range(2))
    sizes, out_of_reach, total = [np.zeros(0, np.int64)], 0, split.halves.after.people
    progress(0, total)
    for cases in split.cases(at_once):
        own = cases.history_sizes
        sizes.append(own)
        weights = cases.weights(split.n_items)
        for tally in tallies:
            ranked = _rank(tally.ranker, cases, split, k)
            judged = judge(ranked, cases.relevant)
            tally.blocks.append(_figures(ranked, judged, weights, facts))
            tally.count(ranked[own > 0], judged.hits[own > 0], facts.bucket)
        for size, rows, beyond in zip(own, cases.relevant, cases.out_of_reach, strict=True):
            if size:
                of_bucket = np.bincount(facts.bucket[rows], minlength=len(POPULARITY))
                of_bucket[COLD] += beyond
                bought += of_bucket
                buyers += of_bucket > 0
                out_of_reach += int(beyond)
        progress(min(sum(map(len, sizes)), total), total)
    progress(total, total)
    return Measured(tallies, np.concatenate(sizes), bought, buyers, out_of_reach)


def _rank(ranker: Ranker, cases: Cases, split: Split, k: int) -> Ints:
    scores = np.zeros((len(cases), split.n_items))
    had = None if split.repeats else np.zeros(scores.shape, bool)
    for row, history in enumerate(cases.histories):
        scores[row] = ranker.score(Query(n_items=split.n_items, history=history))
        if had is not None:
            had[row, history.item] = True
    return top_rows(scores, had, k)


def _figures(ranked: Ints, judged: Judged, weights: Matrix, facts: ItemFacts) -> Floats:
    """The figures of each person, in the order of ``PER_PERSON``."""
    said = {name: figure(judged) for name, figure in ACCURACY.items()}
    said["novelty"] = lists.novelty(ranked, facts.chosen_by, facts.people)
    said["diversity"] = lists.diversity(ranked, facts.features)
    said["calibration"] = lists.calibration(ranked, weights, facts.categories)
    return np.stack([said[name] for name in PER_PERSON], axis=1)
