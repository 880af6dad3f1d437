"""Several algorithms' scores for one person, made into one: pure functions over arrays.

By score, each algorithm's scores are divided by their standard deviation over the items that may be
shown. That ranks as z-scores do, since taking each algorithm's mean away would move every item
alike, and 0 keeps its meaning: nothing to say. Source: Fox, Shaw, Combination of Multiple Searches,
TREC-2, 1994 (CombSUM); Montague, Aslam, Relevance Score Normalization for Metasearch, CIKM 2001
(zero mean, unit variance).

By rank, an item gets ``1 / (60 + rank)`` from each algorithm that puts it forward. Source: Cormack,
Clarke, Buettcher, Reciprocal Rank Fusion, SIGIR 2009.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from knowingly.recommend.interface.arrays import AnyRows, Floats, Rows
from knowingly.recommend.pages.choosing import strongest

RANK_OFFSET = 60
_ROUNDING = 1e-12  # what scores differ by no more than, beside the largest, they do not differ by


@dataclass(frozen=True, slots=True, repr=False)
class Part:
    """What one algorithm says of the items that may be shown.

    ``rows`` are catalogue rows, each once, and ``scores`` theirs; ``-inf`` is never. 0 is nothing
    to say: most items have it on most pages, so they may be left out, and ``silent`` is how many.
    """

    rows: AnyRows
    scores: Floats
    weight: float
    silent: int = 0

    @classmethod
    def of(cls, rows: AnyRows, scores: Floats, weight: float) -> "Part":
        """Of all scores for the items that may be shown."""
        said = np.flatnonzero(scores)
        return cls(rows[said], scores[said], weight, len(rows) - len(said))


@dataclass(frozen=True, slots=True, repr=False)
class Blended:
    """The items put forward, with the sum of what was added to each: all above 0.

    ``added`` has what each part added, shape ``(n_parts, n_items)``.
    """

    rows: Rows
    scores: Floats
    added: Floats


def blended(
    parts: list[Part], by: Literal["score", "rank"], candidates: int, n_items: int
) -> Blended:
    """One ranking of several.

    Args:
        parts: At least one.
        by: What is added up.
        candidates: How many items each puts forward.
        n_items: Items in the catalogue.
    """
    added = np.zeros((len(parts), n_items))
    forward = np.zeros(n_items, bool)
    spreads = [_spread(part) for part in parts]
    for gives, part, spread in zip(added, parts, spreads, strict=True):
        positive = np.flatnonzero(part.scores > 0)
        best = positive[strongest(part.rows[positive], part.scores[positive], candidates)]
        forward[part.rows[best]] = True
        if by == "rank":
            gives[part.rows[best]] = part.weight / (RANK_OFFSET + 1 + np.arange(len(best)))
            gives[part.rows[np.isneginf(part.scores)]] = -np.inf
        else:
            alike = not any(spreads)
            gives[part.rows] = part.weight * _comparable(part.scores, spread, alike=alike)
    rows = np.flatnonzero(forward)
    sums = added[:, rows].sum(axis=0)
    rows, sums = rows[sums > 0], sums[sums > 0]
    return Blended(rows, sums, added[:, rows])


def _comparable(scores: Floats, spread: float, *, alike: bool) -> Floats:
    """Scores over their spread; ``alike`` says that no algorithm has any.

    One that has none says the same of every item, and so has no say in their order. But where that
    is all of them, as of a single item, they still put them forward. Never stays never.
    """
    if spread:
        return scores / spread
    return np.where(np.isfinite(scores), np.sign(scores) if alike else 0.0, scores)


def _spread(part: Part) -> float:
    """How far apart its scores lie; 0 where it is no more than rounding."""
    said = part.scores[np.isfinite(part.scores)]
    spread = _deviation(said, part.silent)
    return spread if spread > _ROUNDING * np.abs(said).max(initial=0.0) else 0.0


def _deviation(said: Floats, zeros: int) -> float:
    """The standard deviation of some numbers and so many zeros."""
    n = max(len(said) + zeros, 1)
    mean = said.sum() / n
    return float(np.sqrt((np.square(said - mean).sum() + zeros * mean**2) / n))
