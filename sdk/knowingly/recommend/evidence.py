"""What a page may be made from: the request, read once from one snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.consent import Decision
from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.domain.moments import DAY_US
from knowingly.domain.signal import Signal
from knowingly.errors import PluginError
from knowingly.items.catalogue import CatalogueView
from knowingly.policy import Slot
from knowingly.profiles import body
from knowingly.profiles.views import PastRecords, read_records
from knowingly.recommend.arrays import Rows
from knowingly.recommend.describing import Described, Descriptions
from knowingly.recommend.interface import Model
from knowingly.recommend.query import History, Query, turned_down
from knowingly.recommend.registry import Registry, Serving
from knowingly.recommend.released import Released, Releases
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

PURPOSE = "personalize"
_HIDE, _PURCHASE = KIND_CODE[EventKind.HIDE], KIND_CODE[EventKind.PURCHASE]


@dataclass(frozen=True, slots=True, repr=False)
class Evidence:
    """Everything one page rests on.

    ``excluded`` are catalogue rows that must not be shown; ``filtered`` says whether the person's
    history put any of them there.
    """

    catalogue: CatalogueView
    serving: Serving | None
    described: Mapping[str, Described | PluginError]
    released: Released | None
    decision: Decision
    person: SubjectRow | None
    past: NDArray[np.void]
    item: int | None
    basket: Rows
    market: str | None
    excluded: NDArray[np.bool_]
    filtered: bool
    log_size: int

    @property
    def context(self) -> Rows:
        """The page's item, if any, and the basket."""
        return self.basket if self.item is None else np.append(self.basket, self.item)

    def model_of(self, source: str) -> tuple[Serving | Described, Model] | None:
        """The model of a source with the item rows it speaks in; None where it is not in service.

        Raises:
            PluginError: It describes items, and failed on these.
        """
        described = self.described.get(source)
        if isinstance(described, PluginError):
            raise described
        if described is not None:
            return described, described.model
        model = self.serving.models.get(source) if self.serving else None
        return None if self.serving is None or model is None else (self.serving, model)

    def query(self, serving: Serving | Described) -> tuple[Query, Rows]:
        """The question to a model, and where each of its history positions is in ``past``."""
        rows = serving.to_model_rows(self.past["item"])
        known = np.flatnonzero(rows >= 0)
        past = self.past[known]
        history = History(
            item=rows[known].astype(np.int32),
            kind=past["kind"].astype(np.int8),
            age_days=np.maximum(self.decision.at_us - past["at_us"], 0) / DAY_US,
            quantity=past["quantity"].astype(np.int32),
            order=past["order"].astype(np.int64),
        )
        basket = serving.to_model_rows(self.basket) if len(self.basket) else self.basket
        item = -1
        if self.item is not None:
            item = int(serving.to_model_rows(np.array([self.item]))[0])
        return (
            Query(
                n_items=len(serving.items),
                history=history,
                item=item if item >= 0 else None,
                basket=basket[basket >= 0].astype(np.int32),
            ),
            known,
        )


def collect(
    tenancy: Tenancy,
    registry: Registry,
    releases: Releases,
    snapshot: Snapshot,
    slot: Slot,
    *,
    descriptions: Descriptions,
    subject: str | None,
    item: str | None,
    basket: Sequence[str],
    signals: Sequence[Signal],
    device: str | None,
    market: str | None,
) -> Evidence:
    """Read what the page may rest on; without consent there is no history in it."""
    at_us = tenancy.now_us()
    catalogue = tenancy.catalogue.at(snapshot)
    if subject is None:
        decision = Decision(PURPOSE, False, "no_subject", at_us)
        past = PastRecords(decision, None, body.to_records([]))
    else:
        past = read_records(
            tenancy,
            snapshot,
            subject,
            PURPOSE,
            at_us=at_us,
            limit=slot.max_history_events,
            signals=signals,
            device=device,
        )
    row_of = catalogue.row_of
    basket_rows = np.array([row_of[one] for one in basket if one in row_of], np.intp)
    item_row = row_of.get(item) if item is not None else None
    by_history = _excluded_by_history(slot, catalogue, past.records)
    filtered = bool(by_history.any())
    excluded = _excluded(slot, catalogue, by_history, item_row, basket_rows)
    excluded |= catalogue.not_for_sale(at_us, market)
    return Evidence(
        catalogue=catalogue,
        serving=registry.at(snapshot),
        described=descriptions.at(snapshot, slot.algorithms, len(catalogue)),
        released=releases.at(snapshot),
        decision=past.decision,
        person=past.person,
        past=past.records,
        item=item_row,
        basket=basket_rows,
        market=market,
        excluded=excluded,
        filtered=filtered,
        log_size=snapshot.head.ledger_size,
    )


def _excluded_by_history(
    slot: Slot, catalogue: CatalogueView, past: NDArray[np.void]
) -> NDArray[np.bool_]:
    """Catalogue rows that what the person did keeps off this page."""
    left_out = np.zeros(len(catalogue), bool)
    if len(past):
        items, kinds = past["item"], past["kind"]
        if "bought" in slot.exclude:
            left_out[items[kinds == _PURCHASE]] = True
            # What came back, or was hidden, is no purchase; hiding is a rule of its own.
            left_out[turned_down(items, kinds, past["quantity"].astype(np.int32))] = False
        if "seen" in slot.exclude:
            left_out[items] = True
        if "hidden" in slot.exclude:
            left_out[items[kinds == _HIDE]] = True
    return left_out


def _excluded(
    slot: Slot,
    catalogue: CatalogueView,
    by_history: NDArray[np.bool_],
    item: int | None,
    basket: Rows,
) -> NDArray[np.bool_]:
    """Catalogue rows that must not be on this page."""
    left_out = by_history.copy()
    if "out_of_stock" in slot.exclude:
        left_out |= ~catalogue.in_stock
    if "basket" in slot.exclude:
        left_out[basket] = True
    if item is not None:
        left_out[item] = True
    return left_out
