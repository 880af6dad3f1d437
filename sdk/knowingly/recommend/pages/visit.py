"""What one request is about: read once, from one snapshot, whatever slots it asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from knowingly.domain.consent import Decision
from knowingly.domain.signal import Signal
from knowingly.errors import PluginError
from knowingly.items.catalogue import CatalogueView
from knowingly.policy import Slot
from knowingly.profiles.views import PastRecords, no_past, read_records
from knowingly.recommend.describing import Described, Descriptions
from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.interface.arrays import Rows
from knowingly.recommend.pages.released import Released, Releases
from knowingly.recommend.pages.where import Matched, Matching
from knowingly.recommend.registry.serving import Registry, Serving
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

PURPOSE = "personalize"


@dataclass(frozen=True, slots=True)
class Request:
    """What a page is asked with, beside the slot."""

    subject: str | None
    item: str | None = None
    basket: Sequence[str] = ()
    signals: Sequence[Signal] = ()
    device: str | None = None
    market: str | None = None
    profiling: bool = True

    def __repr__(self) -> str:
        return "Request()"


@dataclass(frozen=True, slots=True, repr=False)
class Visit:
    """Everything the pages of one request rest on; without consent there is no history in it.

    ``matched`` is there where a rule of a slot asks what items are.
    """

    catalogue: CatalogueView
    serving: Serving | None
    described: Mapping[str, Described | PluginError]
    algorithms: Algorithms
    released: Released | None
    matched: Matched | None
    decision: Decision
    person: SubjectRow | None
    past: PastRecords
    item: int | None
    basket: Rows
    market: str | None
    at_us: int
    log_size: int

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
        model = self.serving.model(source, self.at_us) if self.serving else None
        return None if self.serving is None or model is None else (self.serving, model)

    def without(self, place: int) -> "Visit":
        """The same if one of the records of ``past`` were not stored."""
        return replace(self, past=self.past.without(place))


class Reader:
    """Reads what pages rest on, for one tenant."""

    def __init__(self, tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._algorithms = algorithms
        self._descriptions = Descriptions(algorithms, tenancy.policy.models.algorithms)
        self._releases = Releases()
        self._matching = Matching()

    def read(
        self,
        snapshot: Snapshot,
        request: Request,
        slots: Sequence[Slot],
        *,
        one_more: bool = False,
    ) -> Visit:
        """What the pages of these slots may rest on; with ``one_more`` event than they look at."""
        at_us = self._tenancy.now_us()
        catalogue = self._tenancy.catalogue.at(snapshot)
        matched = None
        if any(slot.looks_at_items for slot in slots):
            matched = self._matching.at(self._tenancy.tables.at(snapshot))
        asked = {name: None for slot in slots for name in slot.algorithm_names}
        past = self._past(snapshot, request, slots, at_us, one_more=one_more)
        row_of = catalogue.row_of
        basket = np.array([row_of[one] for one in request.basket if one in row_of], np.intp)
        return Visit(
            catalogue=catalogue,
            serving=self._registry.at(snapshot),
            described=self._descriptions.at(snapshot, asked, len(catalogue)),
            algorithms=self._algorithms,
            released=self._releases.at(snapshot),
            matched=matched,
            decision=past.decision,
            person=past.person,
            past=past,
            item=row_of.get(request.item) if request.item is not None else None,
            basket=basket,
            market=request.market,
            at_us=at_us,
            log_size=snapshot.head.ledger_size,
        )

    def _past(
        self,
        snapshot: Snapshot,
        request: Request,
        slots: Sequence[Slot],
        at_us: int,
        *,
        one_more: bool,
    ) -> PastRecords:
        if request.subject is None or not request.profiling:
            # Nobody is looked for: neither who they are nor what they allow is read.
            why = "no_subject" if request.subject is None else "profiling_off"
            return no_past(Decision(PURPOSE, False, why, at_us))
        return read_records(
            self._tenancy,
            snapshot,
            request.subject,
            PURPOSE,
            at_us=at_us,
            limit=max(slot.max_history_events for slot in slots) + one_more,
            signals=request.signals,
            device=request.device,
        )
