"""How long a no took: from its record until everything that held the data had applied it."""

import math
from dataclasses import dataclass

from knowingly.domain.consent import Action
from knowingly.store import choices
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


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the record of a no until it had been applied; of none where ``noes`` is 0.

    Stability: stable.
    """

    noes: int
    p50_seconds: float = 0.0
    p95_seconds: float = 0.0
    max_seconds: float = 0.0


def profiles_and_models(snapshot: Snapshot, span: Span) -> Latency:
    """Of stored events and traits and of every trained model, which one transaction applies."""
    total = choices.count_of(snapshot, NOES, span)
    if not total:
        return Latency(0)
    figures = (
        choices.nth_latency(snapshot, NOES, span, math.ceil(share * total) - 1) / 1e6
        for share in (0.5, 0.95, 1.0)
    )
    return Latency(total, *figures)
