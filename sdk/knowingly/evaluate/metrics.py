"""The figures of an evaluation: how each is called, which way is better, and what it means."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from knowingly.evaluate import accuracy
from knowingly.evaluate.accuracy import Judged
from knowingly.recommend.interface.arrays import Floats


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure.

    ``better`` is the direction that is better, where one is: a list can be too novel as well as not
    novel enough.

    Stability: internal.
    """

    name: str
    label: str
    better: Literal["higher", "lower", "neither"]
    meaning: str


METRICS: tuple[Metric, ...] = (
    Metric("ndcg", "NDCG", "higher", "hits, worth more near the top, over those of an ideal list"),
    Metric("recall", "recall", "higher", "the share of what a person bought that was in the list"),
    Metric("precision", "precision", "higher", "the share of the list's k places that were bought"),
    Metric("map", "MAP", "higher", "precision down to each hit, over the most hits possible"),
    Metric("mrr", "MRR", "higher", "one over the place of the first hit"),
    Metric("hit_rate", "hit rate", "higher", "the share of people with at least one hit"),
    Metric("coverage", "coverage", "higher", "the share of the items that anyone was recommended"),
    Metric("gini", "Gini", "lower", "0 when every item is recommended alike, towards 1 when few"),
    Metric("novelty", "novelty", "neither", "bits: 1 for an item that half of the people chose"),
    Metric("diversity", "diversity", "neither", "how unlike the items of one list are, 0 to 1"),
    Metric("calibration", "calibration", "lower", "distance from the person's mix of categories"),
)
"""In the order in which tables show them."""

ACCURACY: dict[str, Callable[[Judged], Floats]] = {
    "ndcg": accuracy.ndcg,
    "recall": accuracy.recall,
    "precision": accuracy.precision,
    "map": accuracy.average_precision,
    "mrr": accuracy.reciprocal_rank,
    "hit_rate": accuracy.hit_rate,
}
"""What each accuracy figure is computed by, for each person."""

PER_PERSON: tuple[str, ...] = (*ACCURACY, "novelty", "diversity", "calibration")
"""The figures that are means over people, and so have an interval."""
