"""What a model is asked: a history and a context, and no name.

Pseudonymous, not anonymous: a full history is a fingerprint. Hence no ``repr`` here shows one.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.event import KIND_CODE, KINDS, EventKind
from knowingly.recommend.interface.arrays import (
    EVENT_DTYPES,
    Floats,
    Rows,
    check_bounds,
    check_columns,
)

KIND_WEIGHT: dict[EventKind, float] = {
    EventKind.PURCHASE: 1.0,
    EventKind.LIKE: 0.7,
    EventKind.CART: 0.5,
    EventKind.VIEW: 0.2,
}
"""How much an event says for its item; a kind that is not here says nothing for it."""

_WEIGHT_OF_CODE = np.array([KIND_WEIGHT.get(kind, 0.0) for kind in KINDS])
_HIDE, _RETURN = KIND_CODE[EventKind.HIDE], KIND_CODE[EventKind.RETURN]
_PURCHASE = KIND_CODE[EventKind.PURCHASE]


def turned_down(
    key: NDArray[np.integer[Any]], kind: NDArray[np.int8], quantity: NDArray[np.int32]
) -> NDArray[np.int64]:
    """The keys (items, or person and item as one number) that were hidden or fully returned.

    Fully returned: there is a return, and no fewer units came back than were bought.

    Args:
        key: What each event is about, shape ``(n_events,)``.
        kind: Codes such as ``EventKind.VIEW.code``, same shape.
        quantity: Units of each event, same shape.

    Returns:
        Distinct keys, sorted.
    """
    hidden = kind == _HIDE
    gone = returned(key, kind, quantity)
    if not hidden.any():
        return gone
    return np.unique(np.concatenate([key[hidden], gone])).astype(np.int64)


def returned(
    key: NDArray[np.integer[Any]], kind: NDArray[np.int8], quantity: NDArray[np.int32]
) -> NDArray[np.int64]:
    """The keys of which no fewer units came back than were bought; distinct and sorted.

    Arguments as for ``turned_down``.
    """
    back = kind == _RETURN
    if not back.any():
        return np.zeros(0, np.int64)
    traded = back | (kind == _PURCHASE)
    keys, place = np.unique(key[traded], return_inverse=True)
    back = back[traded]
    units = np.where(back, -quantity[traded].astype(np.int64), quantity[traded])
    left = np.zeros(len(keys), np.int64)
    np.add.at(left, place, units)
    had_return = np.bincount(place, back, minlength=len(keys)) > 0
    return keys[had_return & (left <= 0)].astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class History:
    """What one person did, as parallel arrays; one position is one event.

    ``item`` are model rows (int32), ``kind`` codes such as ``EventKind.VIEW.code`` (int8),
    ``age_days`` days before the query (float64, >= 0), ``quantity`` units (int32), ``order`` groups
    the lines of one order (int64, 0 = none). All have shape ``(n_events,)``, in any order.

    Stability: plugin.
    """

    item: NDArray[np.int32]
    kind: NDArray[np.int8]
    age_days: NDArray[np.float64]
    quantity: NDArray[np.int32]
    order: NDArray[np.int64]
    _kept: list[Floats] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        check_columns(self, EVENT_DTYPES)

    @classmethod
    def empty(cls) -> "History":
        """The history of someone who did nothing, or whose history may not be used."""
        return cls(*(np.zeros(0, dtype) for dtype in EVENT_DTYPES.values()))

    def weights(self) -> Floats:
        """How much each position says for its item, shape ``(n_events,)``, read-only.

        Each distinct item has its weight at one position, the newest event of its strongest kind
        (purchase 1, like .7, cart .5, view .2), and 0 at the others: ten views are no purchase.
        An item that was hidden or fully returned has 0 everywhere.
        """
        # Asked for the score and again for the reasons: computed once.
        if not self._kept:
            self._kept.append(self._weigh())
        return self._kept[0]

    def told(self) -> tuple[Rows, NDArray[np.int32], Floats]:
        """The positions that weigh anything, and the item and the weight of each."""
        weights = self.weights()
        positions = np.flatnonzero(weights)
        return positions, self.item[positions], weights[positions]

    def _weigh(self) -> Floats:
        strength = _WEIGHT_OF_CODE[self.kind]
        weights = np.zeros(len(self))
        by_item = np.lexsort((self.age_days, -strength, self.item))
        items = self.item[by_item]
        first = np.ones(len(items), bool)
        np.not_equal(items[1:], items[:-1], out=first[1:])
        chosen = by_item[first]
        weights[chosen] = strength[chosen]
        gone = turned_down(self.item, self.kind, self.quantity)
        if gone.size:
            weights[np.isin(self.item, gone)] = 0.0
        weights.flags.writeable = False
        return weights

    def __len__(self) -> int:
        return len(self.item)

    def __repr__(self) -> str:
        return f"History({len(self)} events)"


def _no_rows() -> NDArray[np.int32]:
    return np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Query:
    """What a model is asked to score items for.

    ``n_items`` is the number of model rows, ``item`` the row of the page's item, ``basket`` the
    rows (int32) of the basket in hand. ``candidates`` are the rows (int32, ascending) that may be
    shown, or None for all: nobody looks at the scores of others, so a model whose scores are dear
    can leave those at 0. What it scores a candidate does not depend on which others there are.
    There is no person's id in it.

    Stability: plugin.
    """

    n_items: int
    history: History = field(default_factory=History.empty)
    item: int | None = None
    basket: NDArray[np.int32] = field(default_factory=_no_rows)
    candidates: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        check_columns(self, {"basket": np.int32})
        check_bounds("basket", self.basket, self.n_items)
        if self.candidates is not None:
            check_columns(self, {"candidates": np.int32})
            # They ascend, and may be most of a large catalogue: their ends tell.
            ends = self.candidates[[0, -1]] if self.candidates.size else self.candidates
            check_bounds("candidates", ends, self.n_items)
        check_bounds("history", self.history.item, self.n_items)
        if self.item is not None and not 0 <= self.item < self.n_items:
            raise ValueError(f"item: expected a row number from 0 to {self.n_items - 1}")

    def anchors(self) -> tuple[Rows, Floats]:
        """The rows that a page goes by, and how much each says.

        Those of the history that weigh anything, then those of the context: the page's item and
        the basket. One of the context weighs as much as its share of the whole history, and 1 at
        least, so that the context leads.
        """
        _, rows, weight = self.history.told()
        context = self.basket
        if self.item is not None:
            context = np.append(context, np.int32(self.item))
        if context.size:
            context = np.unique(context)
            lead = max(1.0, float(weight.sum()) / len(context))
            rows = np.concatenate([rows, context])
            weight = np.concatenate([weight, np.full(len(context), lead)])
        return rows.astype(np.intp, copy=False), weight

    def __repr__(self) -> str:
        return f"Query(n_items={self.n_items}, {self.history!r}, basket of {len(self.basket)})"
