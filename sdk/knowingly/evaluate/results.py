"""What an evaluation found. Figures over people, and no figure of fewer than a few of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval.

    ``value`` is None where there was nothing to measure, or of too few people. ``low`` and ``high``
    are None where there is no interval: coverage and Gini are of all lists together, not means over
    people.

    Stability: stable.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class PopularityBucket:
    """Items by how many chose them before the split: ``head``, ``middle``, ``tail``, ``cold``.

    ``items`` are in the bucket, ``bought`` of them by the people tested (pairs of person and item);
    ``recall`` is the share of those that were in the list of the person who bought. ``cold`` also
    counts the items that no algorithm could rank. None where too few people bought any.

    Stability: stable.
    """

    name: str
    items: int
    bought: int
    recall: float | None


@dataclass(frozen=True, slots=True)
class HistoryBucket:
    """People by how many distinct items their history had at the split; ``0`` are cold people.

    The figures are None where there are too few people.

    Stability: stable.
    """

    name: str
    people: int
    ndcg: float | None
    recall: float | None
    hit_rate: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """How one algorithm did, or a slot, named as in ``slot home``.

    ``figures`` are by name, in the order of ``knowingly.evaluate.metrics.METRICS``, over the people
    tested. ``baseline`` says that it is one of those every algorithm should be held against.

    Stability: stable.
    """

    algorithm: str
    baseline: bool
    figures: Mapping[str, Figure]
    by_popularity: tuple[PopularityBucket, ...]
    by_history: tuple[HistoryBucket, ...]


@dataclass(frozen=True, slots=True)
class PairedTest:
    """One algorithm against another, on the same people.

    ``difference`` is NDCG of the first less that of the second. ``p`` is of the paired permutation
    test, ``p_holm`` corrected for the number of pairs.

    Stability: stable.
    """

    first: str
    second: str
    difference: Figure
    p: float
    p_holm: float


@dataclass(frozen=True, slots=True)
class ConsentShare:
    """One algorithm, had only this share of those who agreed to ``train`` agreed.

    ``people`` were learned from, ``items`` modelled; the people and purchases tested are the same
    at every rate.

    Stability: stable.
    """

    rate: float
    algorithm: str
    people: int
    items: int
    ndcg: Figure
    recall: Figure


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well algorithms foretell what people buy.

    Attributes:
        split: Events up to this moment were learned from; purchases after it are the truth.
        until: The last moment that was looked at.
        k: How many items each list has.
        served: Whether the served models were tested, or algorithms fitted for this.
        repeats: Whether buying again counts; where it does not, what a person had is not ranked.
        catalogue: Items of the shop.
        items: Items that were ranked, for everybody, all of them.
        people: People with events before the split.
        tested: Those of them with a history over the ranked items who bought one after the split.
        cold_people: People who bought without such a history: apart, under ``by_history``.
        bought: What those tested bought, pairs of person and item.
        out_of_reach: Pairs beside those, of items that were not ranked, which no figure counts.
        scores: One for each algorithm.
        tests: One for each pair of algorithms.
        by_consent_rate: Empty where it was not asked for.
        notes: What was left out, and why.
        seed: What intervals and p-values were drawn from.

    Stability: stable.
    """

    split: datetime
    until: datetime
    k: int
    served: bool
    repeats: bool
    catalogue: int
    items: int
    people: int
    tested: int
    cold_people: int
    bought: int
    out_of_reach: int
    scores: tuple[Score, ...]
    tests: tuple[PairedTest, ...]
    by_consent_rate: tuple[ConsentShare, ...]
    notes: tuple[str, ...]
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """The same as values of JSON; moments are ISO 8601."""
        document = asdict(self)
        document["split"], document["until"] = self.split.isoformat(), self.until.isoformat()
        return document

    def to_html(self) -> str:
        """One HTML page with tables and plots that asks nothing of any other host."""
        from knowingly.evaluate.report import to_html  # noqa: PLC0415  # it draws what is defined here

        return to_html(self)
