"""What a person's purchases come to, once cancellations and returns are counted.

A pure function of the set of events, so that it does not matter in which order they came in.
"""

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.profiles.body import NO_ITEM

Settled = tuple[NDArray[np.void], NDArray[np.intp]]
"""Records that count, and which each is of those that were settled."""

_PURCHASE = KIND_CODE[EventKind.PURCHASE]
_RETURN = KIND_CODE[EventKind.RETURN]
_CANCEL = KIND_CODE[EventKind.CANCEL]


def settle(records: NDArray[np.void]) -> NDArray[np.void]:
    """Records (``body.RECORD``) with nothing in them that was cancelled, nor any cancellation.

    A purchase of which some units were cancelled has the rest. A return that names its order has at
    most the units that order still holds; it says nothing while the order is not there.
    """
    return with_places(records)[0]


def with_places(records: NDArray[np.void]) -> Settled:
    """What ``settle`` gives, and which of the records each one is."""
    if not needs_settling(records):
        return records, np.arange(len(records))
    kind, order = records["kind"], records["order"]
    whole = records["item"] == NO_ITEM
    cancelled = np.unique(order[whole & (kind == _CANCEL)])
    traded = (kind == _PURCHASE) | (kind == _RETURN)
    places = np.flatnonzero(~whole & ~(traded & np.isin(order, cancelled)))
    # The oldest first, so that which row keeps its units does not depend on how they were read.
    places = places[np.lexsort((records["quantity"][places], records["at_us"][places]))]
    left = records[places]
    for undoing in (_CANCEL, _RETURN):
        _undo(left, undoing)
    kept = np.flatnonzero((left["quantity"] > 0) & (left["kind"] != _CANCEL))
    return left[kept], places[kept]


def needs_settling(records: NDArray[np.void]) -> bool:
    """Whether there is anything among the records that undoes another."""
    kind, order = records["kind"], records["order"]
    undoes = (kind == _CANCEL) | ((kind == _RETURN) & (order != 0))
    return bool((undoes | (records["item"] == NO_ITEM)).any())


def _undo(records: NDArray[np.void], undoing: int) -> None:
    """Count cancelled or returned units against the purchases of their order, in place."""
    kind, order, quantity = records["kind"], records["order"], records["quantity"]
    undone = np.flatnonzero((kind == undoing) & (order != 0))
    left: dict[tuple[int, int], int] = {}
    for at in undone.tolist():
        key = int(order[at]), int(records["item"][at])
        bought = (kind == _PURCHASE) & (order == key[0]) & (records["item"] == key[1])
        units = left.setdefault(key, int(quantity[bought].sum()))
        taken = min(units, int(quantity[at]))
        left[key] -= taken
        if undoing == _RETURN:
            quantity[at] = taken
        else:
            _take(quantity, np.flatnonzero(bought), taken)


def _take(quantity: NDArray[np.uint32], rows: NDArray[np.intp], units: int) -> None:
    for row in rows.tolist():
        taken = min(int(quantity[row]), units)
        quantity[row] -= taken
        units -= taken
