"""``recommend``: what a request may rest on is read once, and its pages are made from that."""

from collections.abc import Callable, Sequence
from typing import TypeVar

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
        known = self._tenancy.policy.slots
        visit = self._visit(request, [known[slot] for slot in slots])
        shown: list[int] = []
        above = Basis.CATALOG
        found = {}
        for slot in slots:
            evidence = evidence_for(visit, known[slot])
            if shown:
                evidence.excluded[shown] = True
            composed = compose(evidence, k or known[slot].k, self._tenancy.policy.models.algorithms)
            # A row leaves out what the rows above it show, and so is as personal as they are.
            above = most_personal((above, composed.basis))
            shown += composed.rows
            found[slot] = self._page(slot, visit, request, composed, above)
        return found

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


def again(read: Callable[[], T]) -> T:
    """What was read; read once more where the person was given a new key meanwhile."""
    try:
        return read()
    except KeyReplacedError:
        return read()
