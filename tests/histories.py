"""What a model is asked with: a history of an event a day, the newest first."""

from collections.abc import Sequence

import numpy as np

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.recommend.interface.query import History


def history(items: Sequence[int], *kinds: EventKind) -> History:
    """Purchases, or events of these kinds; one kind is that of all."""
    n = len(items)
    codes = [KIND_CODE[kind] for kind in kinds or (EventKind.PURCHASE,)]
    return History(
        np.array(items, np.int32),
        np.broadcast_to(np.array(codes, np.int8), n).copy(),
        np.arange(n, dtype=np.float64),
        np.ones(n, np.int32),
        np.zeros(n, np.int64),
    )
