"""What each source of a slot offers: catalogue rows with scores, and words for those chosen.

Which of them may use the person's history is settled before, in the evidence: without consent there
is none.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from knowingly.domain.page import Basis
from knowingly.recommend import guard
from knowingly.recommend.describing import Described
from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.interface.arrays import AnyRows, Floats, Rows
from knowingly.recommend.pages import reasons
from knowingly.recommend.pages.blending import Part
from knowingly.recommend.pages.evidence import Evidence
from knowingly.recommend.registry.serving import Serving

_CATALOGUE_AT_LEAST = 256


@dataclass(slots=True, repr=False)  # not frozen: made on each page, and that costs
class Offer:
    """Candidates that may be shown, in any order.

    ``rows`` are catalogue rows, each once, and ``scores`` theirs, above 0. ``tell`` gives the
    reasons for those at some places of them.
    """

    source: str
    basis: Basis
    rows: AnyRows
    scores: Floats
    tell: Callable[[Rows], list[str]]


@dataclass(slots=True, repr=False)
class Scored:
    """All scores of one model, by model row; ``items`` are the catalogue rows of those.

    ``tell`` gives the reasons for some model rows.
    """

    source: str
    basis: Basis
    items: AnyRows
    scores: Floats
    tell: Callable[[Rows], list[str]]

    def offer(self, evidence: Evidence) -> Offer:
        """Its candidates: what scores above 0 and may be shown."""
        # By place in the model first: most scores are zero, and those are left behind at once.
        own = np.flatnonzero(self.scores > 0)
        rows = self.items[own]
        shown = np.flatnonzero(~evidence.excluded[rows])
        own, rows = own[shown], rows[shown]
        scores = self.scores[own]
        return Offer(self.source, self.basis, rows, scores, lambda places: self.tell(own[places]))

    def part(self, evidence: Evidence, weight: float) -> Part:
        """What it says in a blend: as for an offer, but also what counts against an item."""
        own = np.flatnonzero(self.scores)
        rows = self.items[own]
        shown = np.flatnonzero(~evidence.excluded[rows])
        asked = len(self.items) - np.count_nonzero(evidence.excluded[self.items])
        return Part(rows[shown], self.scores[own[shown]], weight, int(asked) - len(shown))

    def tell_rows(self, rows: Rows) -> list[str]:
        """The reasons for some catalogue rows, each of which the model knows."""
        by_row = np.argsort(self.items, kind="stable")
        return self.tell(by_row[np.searchsorted(self.items, rows, sorter=by_row)])


def scored(evidence: Evidence, source: str) -> Scored | None:
    """What a model in service says; None where it has nothing to go by.

    Raises:
        PluginError: The model failed.
    """
    found = evidence.visit.model_of(source)
    if found is None:
        return None
    serving, model = found
    if evidence.visit.decision.allowed:
        return _for_a_person(evidence, serving, source, model)
    if evidence.slot.contextual and len(evidence.context):
        return _for_the_context(evidence, serving, source, model)
    return None


def _for_a_person(
    evidence: Evidence, serving: Serving | Described, source: str, model: Model
) -> Scored | None:
    """What a model scores for a person who agreed, with their history and the page's context."""
    query, places = evidence.query(serving)
    asked = len(query.history) or query.item is not None or len(query.basket)
    if model.uses_history and not asked:
        return None
    personal = model.uses_history and len(query.history) > 0
    basis = Basis.PERSONAL if personal else Basis.AGGREGATE
    if not personal and model.uses_history:
        basis = Basis.CONTEXTUAL

    def tell(own: Rows) -> list[str]:
        positions = guard.because_many(source, model, query, own)
        return reasons.because(evidence, source, np.append(places, -1)[positions], basis)

    return Scored(source, basis, serving.items, guard.score(source, model, query), tell)


def _for_the_context(
    evidence: Evidence, serving: Serving | Described, source: str, model: Model
) -> Scored | None:
    """What goes with the page's item and the basket: nothing of a person is used."""
    context = serving.to_model_rows(evidence.context)
    # Each once, however many of it are in the basket, as for a person who agreed.
    context = np.unique(context[context >= 0]).astype(np.intp)
    if not len(context):
        return None

    def tell(own: Rows) -> list[str]:
        nearest = context[guard.closest(source, model, context, own)]
        return reasons.goes_with(evidence, serving.items[nearest])

    company = guard.company(source, model, context)
    return Scored(source, Basis.CONTEXTUAL, serving.items, company, tell)


def bestsellers(evidence: Evidence) -> Offer | None:
    """The newest release, where there is one."""
    released = evidence.visit.released
    if released is None:
        return None
    rows = released.rows[~evidence.excluded[released.rows]]
    return Offer(
        "bestsellers",
        Basis.AGGREGATE,
        rows,
        _by_place(rows, len(rows)),
        lambda places: ["bestseller"] * len(places),
    )


def catalogue(evidence: Evidence, k: int) -> Offer:
    """The first k items, and some more, in the shop's own order."""
    order, rows = evidence.visit.catalogue.order, np.zeros(0, np.intp)
    step = max(k * 4, _CATALOGUE_AT_LEAST)
    for start in range(0, len(order), step):
        part = order[start : start + step]
        rows = np.append(rows, part[~evidence.excluded[part]])
        if len(rows) >= k:
            break
    return Offer(
        "catalog",
        Basis.CATALOG,
        rows,
        _by_place(rows, len(order)),  # the same however far it was looked
        lambda places: reasons.by_the_shop(evidence, rows[places]),
    )


def _by_place(rows: Rows, best: int) -> Floats:
    return np.arange(best, best - len(rows), -1, dtype=float)
