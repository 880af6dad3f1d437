"""A page from its evidence: the steps of the slot in turn, until the page is full.

A pure function but for the models it asks: sources, blend, boost, choice (caps, diversity), pins,
reasons. What may not be shown was left out of the evidence before.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from knowingly.domain.page import Basis, Hit, most_personal
from knowingly.errors import PluginError
from knowingly.items.table import ItemTable
from knowingly.policy import Blend
from knowingly.recommend.interface.arrays import Rows
from knowingly.recommend.pages import sources
from knowingly.recommend.pages.again import BUY_AGAIN, bought_again
from knowingly.recommend.pages.blending import blended
from knowingly.recommend.pages.choosing import choose, strongest
from knowingly.recommend.pages.diversity import mix_of
from knowingly.recommend.pages.evidence import Evidence, history_of
from knowingly.recommend.pages.pins import pinned, placed
from knowingly.recommend.pages.reasons import otherwise
from knowingly.recommend.pages.released import BESTSELLERS
from knowingly.recommend.pages.sources import Offer, Scored

logger = logging.getLogger("knowingly")

CATALOG, PINNED = "catalog", "pinned"


@dataclass(slots=True, repr=False)
class Composed:
    """The hits of a page with their catalogue rows, what they stand on, and what was degraded.

    ``steps`` has, for each of ``rows``, which step of the slot it comes from; -1 for a pin.
    """

    basis: Basis
    hits: list[Hit]
    rows: list[int]
    notes: list[str]
    steps: list[int]


def compose(evidence: Evidence, k: int, trained: Collection[str]) -> Composed:
    """A page of at most k hits.

    Args:
        evidence: What it may be made from.
        k: How many.
        trained: The algorithms that the shop trains: only of those is it worth a note that one is
            not in service.
    """
    page = _Page(evidence, trained)
    steps = (*evidence.slot.algorithms, CATALOG)
    pins = page.fill(k, steps)
    hits = page.hits
    if pins:
        shown = {place: _pinned_hit(evidence, row) for place, row in pins.items()}
        hits = placed(shown, hits)
    return Composed(most_personal(page.bases), hits, page.rows, page.notes, page.steps)


def score_at(evidence: Evidence, k: int, step: int, row: int, trained: Collection[str]) -> float:
    """The score of an item in one step of a slot's page of k; 0 where it is no candidate.

    What pins and the steps before put on the page is no candidate, but for the item itself.
    """
    steps = (*evidence.slot.algorithms, CATALOG)
    page = _Page(evidence, trained)
    left_out = bool(evidence.excluded[row])
    page.fill(k, steps[:step])
    evidence.excluded[row] = left_out
    try:
        offer = page.offer(steps[step], max(k - len(page.rows), 1))
    except PluginError:
        return 0.0
    found = np.flatnonzero(offer.rows == row) if offer else np.zeros(0, np.intp)
    return float(offer.scores[found[0]]) if offer and len(found) else 0.0


def _pinned_hit(evidence: Evidence, row: int) -> Hit:
    return _hit(evidence, row, 0.0, "chosen by the shop", PINNED)


@dataclass(slots=True, repr=False)
class _Page:
    """One page while it is being filled. ``rows`` are all that is on it, pins too."""

    evidence: Evidence
    trained: Collection[str]
    hits: list[Hit] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bases: set[Basis] = field(default_factory=set)
    steps: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.evidence.filtered:
            # Leaving out what the person bought or hid is using their history too.
            self.bases.add(Basis.PERSONAL)

    def fill(self, k: int, steps: Sequence[str | Blend]) -> dict[int, int]:
        """Put the pins on a page of k, by place, and ask steps in turn for the rest."""
        pins = pinned(self.evidence, k) if self.evidence.slot.pins else {}
        for row in pins.values():
            self._pin(row)
        for number, step in enumerate(steps):
            left = k - len(self.rows)
            if not left:
                break
            self._ask(number, step, left)
        return pins

    def _pin(self, row: int) -> None:
        """The item is on the page, and so no candidate any more."""
        self.evidence.excluded[row] = True
        self.rows.append(row)
        self.steps.append(-1)

    def _ask(self, number: int, step: str | Blend, k: int) -> None:
        """Fill up to k places from one step of the slot."""
        evidence = self.evidence
        try:
            offer = self.offer(step, k)
            if offer is None or not len(offer.rows):
                return
            chosen = self._chosen(offer, k)
            rows = offer.rows[chosen].tolist()
            reasons = offer.tell(chosen)
        except PluginError as error:
            self._failed(error, "the next source was asked")
            return
        self.bases.add(offer.basis)
        self.hits += [
            _hit(evidence, row, score, reason, offer.source)
            for row, score, reason in zip(rows, offer.scores[chosen].tolist(), reasons, strict=True)
        ]
        evidence.excluded[rows] = True
        self.rows += rows
        self.steps += [number] * len(rows)

    def offer(self, step: str | Blend, k: int) -> Offer | None:
        """The candidates of one step; of the catalogue no more than a page of k needs."""
        evidence = self.evidence
        if isinstance(step, Blend):
            return self._boosted(self._blend(step))
        if step == CATALOG:
            # The caps may leave out any number of them.
            return sources.catalogue(evidence, len(evidence.excluded) if _chooses(evidence) else k)
        if step == BESTSELLERS:
            return sources.bestsellers(evidence)
        found = self._scored(step)
        return self._boosted(found.offer(evidence)) if found else None

    def _scored(self, name: str) -> Scored | None:
        if name == BUY_AGAIN:
            return bought_again(self.evidence)
        if self.evidence.visit.model_of(name) is None:
            if name in self.trained:
                self.notes.append(f"{name} is not in service")
            return None
        return sources.scored(self.evidence, name)

    def _blend(self, step: Blend) -> Offer | None:
        """Several models as one; one that fails or is not in service is left out of it."""
        evidence = self.evidence
        members: list[Scored] = []
        for name in step.blend:
            try:
                found = self._scored(name)
            except PluginError as error:
                self._failed(error, "it was left out of the blend")
                continue
            if found is not None:
                members.append(found)
        if not members:
            return None
        if len(members) == 1:
            return members[0].offer(evidence)  # nothing to make comparable
        parts = [one.part(evidence, step.blend[one.source]) for one in members]
        mixed = blended(parts, step.by, step.candidates, len(evidence.excluded))
        lead = mixed.added.argmax(axis=0) if mixed.added.size else np.zeros(0, np.intp)
        basis = most_personal([one.basis for one in members])

        def tell(places: Rows) -> list[str]:
            leading = lead[places]
            told = [otherwise(evidence, members[0].source, basis)] * len(places)
            for place in np.unique(leading).tolist():
                mine = np.flatnonzero(leading == place)
                try:
                    words = members[place].tell_rows(mixed.rows[places[mine]])
                except PluginError as error:
                    self._failed(error, "its reasons were left out")
                    continue
                for at, word in zip(mine.tolist(), words, strict=True):
                    told[at] = word
            return told

        name = "+".join(one.source for one in members)
        return Offer(name, basis, mixed.rows, mixed.scores, tell)

    def _boosted(self, offer: Offer | None) -> Offer | None:
        boosts, matched = self.evidence.slot.boosts, self.evidence.visit.matched
        if offer is None or not boosts or matched is None:
            return offer
        factor = np.ones(len(offer.rows))
        for boost in boosts:
            mask = matched.mask(boost.where, len(self.evidence.excluded))
            factor[mask[offer.rows]] *= boost.factor
        return Offer(offer.source, offer.basis, offer.rows, offer.scores * factor, offer.tell)

    def _chosen(self, offer: Offer, k: int) -> Rows:
        slot, matched = self.evidence.slot, self.evidence.visit.matched
        if matched is None:
            return strongest(offer.rows, offer.scores, k)
        mix = self._mix(matched.table)
        if mix:
            # An order that follows the person's own mix is made from their history.
            self.bases.add(Basis.PERSONAL)
        return choose(
            offer.rows,
            offer.scores,
            k,
            slot=slot,
            table=matched.table,
            shown=self.rows,
            mix=mix,
        )

    def _mix(self, table: ItemTable) -> dict[str, float]:
        evidence, diversify = self.evidence, self.evidence.slot.diversify
        if diversify is None or diversify.by != "person":
            return {}
        past = evidence.past
        history = history_of(past, past["item"], evidence.visit.decision.at_us)
        return mix_of(table, past["item"].tolist(), history.weights().tolist())

    def _failed(self, error: PluginError, then: str) -> None:
        # A plugin degrades a page, it does not kill it. Its message can hold anything.
        logger.warning("a plugin failed on a page: %s", error.plugin)
        self.notes.append(f"{error.plugin} failed; {then}")


def _chooses(evidence: Evidence) -> bool:
    """Whether more than the best k candidates are looked at."""
    slot = evidence.slot
    return bool(slot.diversify or slot.max_per_brand or slot.max_per_category)


def _hit(evidence: Evidence, row: int, score: float, reason: str, source: str) -> Hit:
    catalogue = evidence.visit.catalogue
    price, image = catalogue.show(row, evidence.visit.market)
    return Hit(
        catalogue.ids[row], float(score), reason, source, catalogue.titles[row], price, image
    )
