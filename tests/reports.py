"""An evaluation with something of everything, for tests of what shows it."""

from datetime import UTC, datetime
from itertools import pairwise

from knowingly import (
    ConsentShare,
    Evaluation,
    Figure,
    HistoryBucket,
    PairedTest,
    PopularityBucket,
    Score,
)
from knowingly.evaluate.features import POPULARITY
from knowingly.evaluate.metrics import METRICS, PER_PERSON
from knowingly.evaluate.summing import HISTORY


def figure(number: float, *, sure: bool = True) -> Figure:
    return Figure(number, number * 0.8, number * 1.3) if sure else Figure(number)


def score(name: str, place: int) -> Score:
    return Score(
        name,
        place > 0,
        {
            metric.name: figure(0.0123 * (place + 1) + n / 50, sure=metric.name in PER_PERSON)
            for n, metric in enumerate(METRICS)
        },
        tuple(
            PopularityBucket(bucket, 12 * n + 7, 90, None if bucket == "cold" else 0.2 / (n + 1))
            for n, bucket in enumerate(POPULARITY)
        ),
        tuple(
            HistoryBucket(bucket, 40 * n, 0.03 * n if n else None, 0.04, 0.5)
            for n, (bucket, _, _) in enumerate(HISTORY)
        ),
    )


def full_report() -> Evaluation:
    """Six algorithms, one of them with a name that could break a page, and a note."""
    names = ["<b>ease</b> & co", "popularity", "item_item", "lightfm_hybrid", "content", "trending"]
    scores = tuple(score(name, place) for place, name in enumerate(names))
    return Evaluation(
        split=datetime(2026, 2, 1, tzinfo=UTC),
        until=datetime(2026, 3, 1, tzinfo=UTC),
        k=10,
        served=False,
        repeats=False,
        catalogue=1_234,
        items=987,
        people=54_321,
        tested=12_345,
        cold_people=7,
        bought=98_765,
        out_of_reach=43,
        scores=scores,
        tests=tuple(
            PairedTest(first, second, figure(0.01), 0.0001, 0.04)
            for first, second in pairwise(names)
        ),
        by_consent_rate=tuple(
            ConsentShare(rate, name, 100, 50, figure(0.1 * rate), figure(0.2 * rate))
            for name in names[:3]
            for rate in (1.0, 0.7, 0.4)
        ),
        notes=("the baseline <i>x</i> was left out",),
        seed=0,
    )
