"""How long a no took: from its record until everything that held the data had applied it."""

import math
from collections import Counter
from dataclasses import dataclass

from knowingly.domain.consent import Action
from knowingly.domain.moments import to_us
from knowingly.errors import InternalError
from knowingly.ledger import log
from knowingly.store import choices, ledger, notifications
from knowingly.store.choices import Span
from knowingly.store.doors import Snapshot

NOES = frozenset(
    {
        Action.REFUSE.value,
        Action.WITHDRAW.value,
        Action.OBJECT.value,
        Action.RESTRICT.value,
        Action.REVOKE.value,
        Action.INVALIDATE.value,
    }
)

SHARES = (0.5, 0.95, 1.0)
_TOLD = b'"kind":"recipient.told"'


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the record of a no until it had been applied; of none where ``noes`` is 0.

    ``waiting`` counts those that have still to be applied.

    Stability: stable.
    """

    noes: int
    p50_seconds: float = 0.0
    p95_seconds: float = 0.0
    max_seconds: float = 0.0
    waiting: int = 0


def profiles_and_models(snapshot: Snapshot, span: Span) -> Latency:
    """Of stored events and traits and of every trained model, which one transaction applies."""
    total = choices.count_of(snapshot, NOES, span)
    if not total:
        return Latency(0)
    p50, p95, most = (
        choices.nth_latency(snapshot, NOES, span, _place(share, total)) / 1e6 for share in SHARES
    )
    return Latency(total, p50, p95, most)


def destinations(snapshot: Snapshot, span: Span) -> Latency:
    """Of recipients of people's data, in whole seconds: each thing that they had to be told.

    The log says of each how long it had waited. Those that wait now are counted whatever the span.
    """
    waited: Counter[int] = Counter()
    for index, leaf in ledger.leaves_from(snapshot, 0):
        if _TOLD not in leaf:
            continue
        entry = log.as_entry(index, leaf)
        took = entry.facts.get("waited_seconds")
        if took is not None and span.since_us <= to_us(entry.at) < span.until_us:
            waited[took] += 1
    waiting, total = notifications.count(snapshot), waited.total()
    if not total:
        return Latency(0, waiting=waiting)
    p50, p95, most = (float(_nth(waited, _place(share, total))) for share in SHARES)
    return Latency(total, p50, p95, most, waiting)


def _place(share: float, total: int) -> int:
    """The place, from 0, of the value that this share of all does not exceed."""
    return math.ceil(share * total) - 1


def _nth(counted: Counter[int], place: int) -> int:
    for value in sorted(counted):
        place -= counted[value]
        if place < 0:
            return value
    raise InternalError("a percentile lies beyond what was counted")
