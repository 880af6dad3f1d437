"""What of the records that a model learned from somebody still stands, by what is kept of them now.

A pure function of the two. It only takes away: what came in since is for the next training.
"""

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.profiles.settling import settle
from knowingly.recommend.interface.query import returned, turned_down

_PURCHASE = KIND_CODE[EventKind.PURCHASE]
_HIDE = KIND_CODE[EventKind.HIDE]
_TURNS_DOWN = [_HIDE, KIND_CODE[EventKind.RETURN]]

Key = tuple[int, int, int, int]


def remaining(
    learned: NDArray[np.void], kept: NDArray[np.void], row_of: NDArray[np.int32]
) -> NDArray[np.void]:
    """The learned records that still stand, in their order.

    A line of an order stands while the order has the item, whatever else of it was edited, in at
    most as many units as it has now. Every other record stands while its event is there. What
    somebody chose of an item leaves with them hiding it, or sending back all that they bought of
    it, where a purchase of it was learned.

    Args:
        learned: From a manifest, with model rows for items.
        kept: All that is kept of the person for the purpose now, of whatever date, with catalogue
            rows for items.
        row_of: The model row of each catalogue row, -1 for none.
    """
    now = modelled(settle(kept), row_of)
    left = _still_there(learned, now)
    before = _down(learned)
    bought = left["item"][left["kind"] == _PURCHASE]
    down = np.concatenate(
        [
            now["item"][now["kind"] == _HIDE],
            np.intersect1d(returned(now["item"], now["kind"], now["quantity"]), bought),
        ]
    )
    # What was turned down when it was learned is not learned because a hide grew too old.
    down = np.concatenate([np.setdiff1d(down, before), np.setdiff1d(before, _down(left))])
    if not down.size:
        return left
    stays: NDArray[np.void] = left[
        ~np.isin(left["item"], down) | np.isin(left["kind"], _TURNS_DOWN)
    ]
    return stays


def _down(records: NDArray[np.void]) -> NDArray[np.int64]:
    return turned_down(records["item"], records["kind"], records["quantity"])


def modelled(records: NDArray[np.void], row_of: NDArray[np.int32]) -> NDArray[np.void]:
    """The records of modelled items, with model rows for items."""
    inside = records[(records["item"] >= 0) & (records["item"] < len(row_of))].copy()
    inside["item"] = row_of[inside["item"]]
    modelled: NDArray[np.void] = inside[inside["item"] >= 0]
    return modelled


def _still_there(learned: NDArray[np.void], now: NDArray[np.void]) -> NDArray[np.void]:
    """The learned records, each in as many of its units as there are now."""
    units: dict[Key, int] = {}
    for key, quantity in zip(_keys(now), now["quantity"].tolist(), strict=True):
        units[key] = units.get(key, 0) + quantity
    left = learned.copy()
    for place, key in enumerate(_keys(learned)):
        taken = min(units.get(key, 0), int(learned["quantity"][place]))
        left["quantity"][place] = taken
        units[key] = units.get(key, 0) - taken
    there: NDArray[np.void] = left[left["quantity"] > 0]
    return there


def _keys(records: NDArray[np.void]) -> list[Key]:
    """What makes each record the same one: of a line its order and item, else its moment too."""
    is_line = (records["order"] != 0) & (records["kind"] == _PURCHASE)
    at_us = np.where(is_line, 0, records["at_us"])
    columns = (records["kind"], records["item"], records["order"], at_us)
    return list(zip(*(column.tolist() for column in columns), strict=True))
