"""Which of a person's events a hit rests on: scored again without each of them, one at a time."""

from dataclasses import dataclass

import numpy as np

from knowingly.consent.explaining import note_read
from knowingly.domain.event import KINDS, EventKind
from knowingly.domain.page import Basis, Hit
from knowingly.errors import InputError
from knowingly.policy import Slot
from knowingly.recommend.pages.composing import compose, score_at
from knowingly.recommend.pages.evidence import Evidence, evidence_for
from knowingly.recommend.pages.recommender import again
from knowingly.recommend.pages.visit import PURPOSE, Reader, Request, Visit
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True, repr=False)
class EventInfluence:
    """What one event of a person did for a hit.

    ``counted`` is the hit's score less what it would be without the event; below 0 where the
    event counted against it. ``decisive`` says whether without the event, and with all others, the
    hit would not be on the page.

    Privacy: names something the person did.
    Stability: stable.
    """

    kind: EventKind
    item: str
    title: str
    at_us: int
    quantity: int
    counted: float
    decisive: bool

    def __repr__(self) -> str:
        return "EventInfluence()"


@dataclass(frozen=True, slots=True, repr=False)
class HitExplanation:
    """A hit of a page as it is now, and what each event of the person did for it.

    ``events`` are those the slot looks at, what counted most first; there are none where no history
    may be used, and ``why`` is the reason code of that.

    Stability: stable.
    """

    hit: Hit
    place: int
    basis: Basis
    why: str
    events: tuple[EventInfluence, ...]

    def __repr__(self) -> str:
        return f"HitExplanation(place={self.place}, events={len(self.events)})"


class Explainer:
    """Explains the hits of one tenant's pages. Each look is an entry of the log."""

    def __init__(self, tenancy: Tenancy, reader: Reader) -> None:
        self._tenancy = tenancy
        self._reader = reader

    def explain(self, request: Request, hit: object, slot: Slot, k: int | None) -> HitExplanation:
        """See ``Shop.explain``."""
        wanted = hit.item if isinstance(hit, Hit) else hit
        if not isinstance(wanted, str):
            raise InputError("hit", "a hit, or an item's id")
        visit = again(lambda: self._read(request, slot))
        found = self._explained(visit, wanted, slot, k or slot.k)
        if found is None:
            raise InputError("hit", "an item that is on this page as it is now")
        return found

    def _read(self, request: Request, slot: Slot) -> Visit:
        with self._tenancy.write() as tx:
            visit = self._reader.read(tx, request, [slot])
            note_read(self._tenancy, tx, "explain", visit.person, purpose=PURPOSE)
        return visit

    def _explained(self, visit: Visit, item: str, slot: Slot, k: int) -> HitExplanation | None:
        trained = self._tenancy.policy.models.algorithms
        row = visit.catalogue.row_of.get(item, -1)
        evidence = evidence_for(visit, slot)
        page = compose(evidence, k, trained)
        place = next((at for at, one in enumerate(page.hits) if _is(visit, one, row)), None)
        if place is None:
            return None
        step, score = page.steps[page.rows.index(row)], page.hits[place].score

        def without(at: int) -> EventInfluence:
            left = evidence_for(visit, slot, np.delete(evidence.past, at))
            counted = 0.0 if step < 0 else score - score_at(left, step, row, trained)
            decisive = row not in compose(left, k, trained).rows
            return _influence(evidence, at, counted, decisive)

        events = [without(at) for at in range(len(evidence.past))]
        events.sort(key=lambda one: -abs(one.counted))
        return HitExplanation(
            page.hits[place], place, page.basis, visit.decision.reason, tuple(events)
        )


def _is(visit: Visit, hit: Hit, row: int) -> bool:
    return visit.catalogue.row_of.get(hit.item) == row


def _influence(evidence: Evidence, at: int, counted: float, decisive: bool) -> EventInfluence:
    record, catalogue = evidence.past[at], evidence.visit.catalogue
    row = int(record["item"])
    return EventInfluence(
        KINDS[int(record["kind"])],
        catalogue.ids[row],
        catalogue.titles[row],
        int(record["at_us"]),
        int(record["quantity"]),
        counted,
        decisive,
    )
