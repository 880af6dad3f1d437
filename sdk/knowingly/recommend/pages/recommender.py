"""``recommend``: what a request may rest on is read once, and its pages are made from that."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from knowingly.consent.token import make_token
from knowingly.domain.page import Basis, Page, most_personal
from knowingly.policy import Slot
from knowingly.profiles.views import KeyReplacedError
from knowingly.recommend.pages.composing import Composed, compose
from knowingly.recommend.pages.evidence import evidence_for
from knowingly.recommend.pages.visit import Reader, Request, Visit
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy

T = TypeVar("T")


class Recommender:
    """Makes pages for one tenant. Writes nothing, spends no budget, trains nothing."""

    def __init__(self, tenancy: Tenancy, reader: Reader) -> None:
        self._tenancy = tenancy
        self._reader = reader

    def pages(self, request: Request, slots: Sequence[str], k: int | None) -> dict[str, Page]:
        """A page for each slot, from top to bottom; see ``Shop.recommend_many``."""
        policy = self._tenancy.policy
        known = {slot: policy.slots[slot] for slot in slots}
        visit = self._visit(request, list(known.values()))
        return {
            row.slot: self._page(row.slot, visit, request, row.composed, row.basis)
            for row in rows_of(visit, known, k, policy.models.algorithms)
        }

    def _visit(self, request: Request, slots: Sequence[Slot]) -> Visit:
        def read(snapshot: Snapshot) -> Visit:
            return self._reader.read(snapshot, request, slots)

        return again(lambda: self._tenancy.ask(read))

    def _page(
        self, slot: str, visit: Visit, request: Request, composed: Composed, basis: Basis
    ) -> Page:
        notes = composed.notes
        if request.item is not None and visit.item is None:
            notes = ["the page's item is not in the shop", *notes]
        token = make_token(
            self._tenancy,
            visit.decision,
            slot=slot,
            log_size=visit.log_size,
            training=visit.serving.training if visit.serving else None,
            key_id=visit.person.key_id if visit.person else None,
            signals=tuple(signal.source for signal in request.signals),
        )
        return Page(slot, basis, tuple(composed.hits), token, visit.decision.reason, tuple(notes))


class Row(NamedTuple):
    """One of several pages from top to bottom, with what it stands on.

    ``shown`` are the catalogue rows that are shown above it.
    """

    slot: str
    shown: Sequence[int]
    composed: Composed
    basis: Basis


def rows_of(
    visit: Visit, slots: Mapping[str, Slot], k: int | None, trained: Collection[str]
) -> Iterator[Row]:
    """A page of each slot by its name, from top to bottom, made as it is asked for."""
    shown: tuple[int, ...] = ()
    above = Basis.CATALOG
    for name, slot in slots.items():
        composed = compose(evidence_for(visit, slot, shown), k or slot.k, trained)
        # A row leaves out what the rows above it show, and so is as personal as they are.
        above = most_personal((above, composed.basis))
        yield Row(name, shown, composed, above)
        shown += tuple(composed.rows)


def again(read: Callable[[], T]) -> T:
    """What was read; read once more where the person was given a new key meanwhile."""
    try:
        return read()
    except KeyReplacedError:
        return read()
