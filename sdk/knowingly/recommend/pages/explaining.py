"""Which of a person's events a hit rests on: scored again without each of them, one at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from knowingly.consent.explaining import note_read
from knowingly.domain.event import KINDS, EventKind
from knowingly.domain.page import Basis, Hit
from knowingly.errors import InputError
from knowingly.policy import Slot
from knowingly.recommend.pages.composing import score_at
from knowingly.recommend.pages.evidence import evidence_for
from knowingly.recommend.pages.recommender import again, rows_of
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

    ``slot`` is the one of those asked for that shows it. ``events`` are those that the slots look
    at, what counted most first; there are none where no history may be used, and ``why`` is the
    reason code of that.

    Stability: stable.
    """

    slot: str
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

    def explain(
        self, request: Request, hit: object, slots: Sequence[str], k: int | None
    ) -> HitExplanation:
        """See ``Shop.explain``."""
        wanted = hit.item if isinstance(hit, Hit) else hit
        if not isinstance(wanted, str):
            raise InputError("hit", "a hit, or an item's id")
        known = {slot: self._tenancy.policy.slots[slot] for slot in slots}
        visit = again(lambda: self._read(request, list(known.values())))
        found = self._explained(visit, wanted, known, k)
        if found is None:
            raise InputError("hit", "an item that is on this page as it is now")
        return found

    def _read(self, request: Request, slots: Sequence[Slot]) -> Visit:
        with self._tenancy.write() as tx:
            visit = self._reader.read(tx, request, slots, one_more=True)
            note_read(self._tenancy, tx, "explain", visit.person, purpose=PURPOSE)
        return visit

    def _explained(
        self, visit: Visit, item: str, slots: Mapping[str, Slot], k: int | None
    ) -> HitExplanation | None:
        trained = self._tenancy.policy.models.algorithms
        row = visit.catalogue.row_of.get(item, -1)
        found = next(
            (one for one in rows_of(visit, slots, k, trained) if row in one.composed.rows), None
        )
        if found is None:
            return None
        slot, page = slots[found.slot], found.composed
        place = next(at for at, one in enumerate(page.hits) if _is(visit, one, row))
        step, score = page.steps[page.rows.index(row)], page.hits[place].score

        def influence(record: np.void, place: int) -> EventInfluence:
            left, counted = visit.without(place), 0.0
            # The rows above are others too, and leave other items for this one.
            rows = rows_of(left, slots, k, trained)
            same = next(one for one in rows if one.slot == found.slot)
            if step >= 0:
                evidence = evidence_for(left, slot, same.shown)
                counted = score - score_at(evidence, k or slot.k, step, row, trained)
            return _influence(visit, record, counted, row not in same.composed.rows)

        looked_at = visit.past.newest(max(one.max_history_events for one in slots.values()))
        events = [influence(*one) for one in zip(*looked_at, strict=True)]
        events.sort(key=lambda one: -abs(one.counted))
        return HitExplanation(
            found.slot, page.hits[place], place, found.basis, visit.decision.reason, tuple(events)
        )


def _is(visit: Visit, hit: Hit, row: int) -> bool:
    return visit.catalogue.row_of.get(hit.item) == row


def _influence(visit: Visit, record: np.void, counted: float, decisive: bool) -> EventInfluence:
    catalogue, row = visit.catalogue, int(record["item"])
    return EventInfluence(
        KINDS[int(record["kind"])],
        catalogue.ids[row],
        catalogue.titles[row],
        int(record["at_us"]),
        int(record["quantity"]),
        counted,
        decisive,
    )
