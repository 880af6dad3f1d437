"""What one slot may show of what a request read, and the question it puts to models."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.domain.moments import DAY_US
from knowingly.policy import Slot
from knowingly.recommend.describing import Described
from knowingly.recommend.interface.arrays import Rows
from knowingly.recommend.interface.query import History, Query, turned_down
from knowingly.recommend.pages.visit import Visit
from knowingly.recommend.registry.serving import Serving

_HIDE, _PURCHASE = KIND_CODE[EventKind.HIDE], KIND_CODE[EventKind.PURCHASE]


@dataclass(slots=True, repr=False)  # not frozen: made on each page, and that costs
class Evidence:
    """Everything one page rests on.

    ``past`` is as much of the history as the slot looks at. ``excluded`` are catalogue rows that
    must not be shown; ``filtered`` says whether the person's history put any of them there.
    """

    visit: Visit
    slot: Slot
    past: NDArray[np.void]
    excluded: NDArray[np.bool_]
    filtered: bool
    _asked: list[tuple[Serving | Described, Query, Rows]] = field(init=False, default_factory=list)

    @property
    def context(self) -> Rows:
        """The page's item, if any, and the basket."""
        visit = self.visit
        return visit.basket if visit.item is None else np.append(visit.basket, visit.item)

    def query(self, serving: Serving | Described) -> tuple[Query, Rows]:
        """The question to a model, and where each of its history positions is in ``past``."""
        # The same for all models that speak in the same item rows: put together once.
        for known, query, places in self._asked:
            if known is serving:
                return query, places
        self._asked.append((serving, *self._query(serving)))
        return self._asked[-1][1:]

    def _query(self, serving: Serving | Described) -> tuple[Query, Rows]:
        visit = self.visit
        rows = serving.to_model_rows(self.past["item"])
        known = np.flatnonzero(rows >= 0)
        basket = serving.to_model_rows(visit.basket) if len(visit.basket) else visit.basket
        item = -1
        if visit.item is not None:
            item = int(serving.to_model_rows(np.array([visit.item]))[0])
        return (
            Query(
                n_items=len(serving.items),
                history=history_of(self.past[known], rows[known], visit.decision.at_us),
                item=item if item >= 0 else None,
                basket=basket[basket >= 0].astype(np.int32),
                candidates=np.flatnonzero(~self.excluded[serving.items]).astype(np.int32),
            ),
            known,
        )


def history_of(past: NDArray[np.void], rows: NDArray[np.integer], at_us: int) -> History:
    """Past records as a history of these item rows."""
    return History(
        item=rows.astype(np.int32),
        kind=past["kind"].astype(np.int8),
        age_days=np.maximum(at_us - past["at_us"], 0) / DAY_US,
        quantity=past["quantity"].astype(np.int32),
        order=past["order"].astype(np.int64),
    )


def evidence_for(visit: Visit, slot: Slot, shown: Sequence[int] = ()) -> Evidence:
    """What a slot of the policy may show, below rows that show these catalogue rows."""
    past, _ = visit.past.newest(slot.max_history_events)
    by_history = _excluded_by_history(visit, slot, past)
    filtered = bool(by_history.any())
    excluded = _excluded(visit, slot, by_history)
    excluded |= visit.catalogue.not_for_sale(visit.at_us, visit.market)
    if slot.where is not None and visit.matched is not None:
        excluded |= ~visit.matched.mask(slot.where, len(visit.catalogue))
    if shown:
        excluded[list(shown)] = True
    return Evidence(visit, slot, past, excluded, filtered)


def _excluded_by_history(visit: Visit, slot: Slot, past: NDArray[np.void]) -> NDArray[np.bool_]:
    """Catalogue rows that what the person did keeps off this page."""
    left_out = np.zeros(len(visit.catalogue), bool)
    if len(past):
        items, kinds = past["item"], past["kind"]
        if "bought" in slot.exclude:
            bought = kinds == _PURCHASE
            if slot.bought_within_days is not None:
                since_us = visit.decision.at_us - slot.bought_within_days * DAY_US
                bought &= past["at_us"] >= since_us
            left_out[items[bought]] = True
            # What came back, or was hidden, is no purchase; hiding is a rule of its own.
            left_out[turned_down(items, kinds, past["quantity"].astype(np.int32))] = False
        if "seen" in slot.exclude:
            left_out[items] = True
        if "hidden" in slot.exclude:
            left_out[items[kinds == _HIDE]] = True
    return left_out


def _excluded(visit: Visit, slot: Slot, by_history: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Catalogue rows that must not be on this page."""
    left_out = by_history.copy()
    if "out_of_stock" in slot.exclude:
        left_out |= ~visit.catalogue.in_stock
    if "basket" in slot.exclude:
        left_out[visit.basket] = True
    if visit.item is not None:
        left_out[visit.item] = True
    return left_out
