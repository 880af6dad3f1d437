"""``recommend``: a slot's sources are asked in turn until the page is full.

Each source gives catalogue rows, best first. Which of them may use the person's history is settled
before, in the evidence: without consent there is none.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knowingly.consent.token import make_token
from knowingly.domain.event import KINDS, describe_kind
from knowingly.domain.page import Basis, Hit, Page
from knowingly.domain.signal import Signal
from knowingly.domain.validate import check_id
from knowingly.errors import PluginError
from knowingly.policy import Slot
from knowingly.profiles.views import KeyReplacedError
from knowingly.recommend import guard
from knowingly.recommend.arrays import Floats, Rows
from knowingly.recommend.describing import Described, Descriptions
from knowingly.recommend.evidence import Evidence, collect
from knowingly.recommend.forgetting import Algorithms
from knowingly.recommend.interface import Model
from knowingly.recommend.registry import Registry, Serving
from knowingly.recommend.released import BESTSELLERS, Releases
from knowingly.recommend.request import check_request
from knowingly.tenancy import Tenancy

logger = logging.getLogger("knowingly")

CATALOG = "catalog"


@dataclass(frozen=True, slots=True)
class Found:
    """What one source gives: catalogue rows best first, with scores and reasons."""

    basis: Basis
    rows: Rows
    scores: Floats
    reasons: list[str]


class Recommender:
    """Makes pages for one tenant. Writes nothing, spends no budget, trains nothing."""

    def __init__(self, tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._descriptions = Descriptions(algorithms, tenancy.policy.models.algorithms)
        self._releases = Releases()

    def page(
        self,
        subject: str | None,
        *,
        slot: str,
        item: str | None,
        basket: Sequence[str],
        signals: Sequence[Signal],
        device: str | None,
        market: str | None,
        k: int | None,
    ) -> Page:
        """One page; see ``Shop.recommend``."""
        slots = self._tenancy.policy.slots
        check_request(
            slots, slot=slot, item=item, basket=basket, signals=signals, market=market, k=k
        )
        if k is None:
            k = slots[slot].k
        asked = {
            "subject": subject,
            "item": item,
            "basket": basket,
            "signals": signals,
            "device": None if device is None else check_id(device, "device"),
            "market": market,
        }
        try:
            evidence = self._collect(slots[slot], **asked)
        except KeyReplacedError:
            evidence = self._collect(slots[slot], **asked)
        notes: list[str] = []
        if item is not None and evidence.item is None:
            notes.append("the page's item is not in the shop")
        basis, hits = _fill(evidence, slots[slot].algorithms, slots[slot].contextual, k, notes)
        token = make_token(
            self._tenancy,
            evidence.decision,
            log_size=evidence.log_size,
            training=evidence.serving.training if evidence.serving else None,
            key_id=evidence.person.key_id if evidence.person else None,
            signals=tuple(signal.source for signal in signals),
        )
        return Page(slot, basis, tuple(hits), token, evidence.decision.reason, tuple(notes))

    def _collect(self, slot: Slot, **asked: Any) -> Evidence:  # noqa: ANN401 - what a page asks
        return self._tenancy.ask(
            lambda snapshot: collect(
                self._tenancy,
                self._registry,
                self._releases,
                snapshot,
                slot,
                descriptions=self._descriptions,
                **asked,
            )
        )


def _fill(
    evidence: Evidence, sources: Sequence[str], contextual: bool, k: int, notes: list[str]
) -> tuple[Basis, list[Hit]]:
    # Leaving out what the person bought or hid is using their history too.
    bases = {Basis.PERSONAL} if evidence.filtered else set()
    hits: list[Hit] = []
    for source in (*sources, CATALOG):
        if len(hits) == k:
            break
        try:
            found = _ask(evidence, source, contextual, k - len(hits), notes)
        except PluginError as error:
            # A plugin degrades a page, it does not kill it. Its message can hold anything.
            logger.warning("a plugin failed on a page: %s", error.plugin)
            notes.append(f"{error.plugin} failed; the next source was asked")
            continue
        if found is None or not len(found.rows):
            continue
        bases.add(found.basis)
        evidence.excluded[found.rows] = True
        hits += [
            _hit(evidence, row, score, reason, source)
            for row, score, reason in zip(
                found.rows.tolist(), found.scores.tolist(), found.reasons, strict=True
            )
        ]
    # The page is as personal as the most personal of its hits.
    return next((basis for basis in Basis if basis in bases), Basis.CATALOG), hits


def _hit(evidence: Evidence, row: int, score: float, reason: str, source: str) -> Hit:
    catalogue = evidence.catalogue
    price, image = catalogue.show(row, evidence.market)
    return Hit(
        catalogue.ids[row], float(score), reason, source, catalogue.titles[row], price, image
    )


def _ask(
    evidence: Evidence, source: str, contextual: bool, k: int, notes: list[str]
) -> Found | None:
    if source == CATALOG:
        return _catalog(evidence, k)
    if source == BESTSELLERS:
        return _bestsellers(evidence, k)
    found = evidence.model_of(source)
    if found is None:
        notes.append(f"{source} is not in service")
        return None
    serving, model = found
    if evidence.decision.allowed:
        return _from_model(evidence, serving, source, model, k)
    if contextual and len(evidence.context):
        return _from_context(evidence, serving, source, model, k)
    return None


def _from_model(
    evidence: Evidence, serving: Serving | Described, source: str, model: Model, k: int
) -> Found | None:
    """What a model scores for a person who agreed, with their history and the page's context."""
    query, places = evidence.query(serving)
    asked = len(query.history) or query.item is not None or len(query.basket)
    if model.uses_history and not asked:
        return None
    scores = guard.score(source, model, query)
    best = _best(scores, evidence, serving, k)
    if not len(best):
        return None
    personal = model.uses_history and len(query.history) > 0
    basis = Basis.PERSONAL if personal else Basis.AGGREGATE
    if not personal and model.uses_history:
        basis = Basis.CONTEXTUAL
    positions = guard.because_many(source, model, query, best)
    reasons = _reasons(evidence, np.append(places, -1)[positions], basis)
    return Found(basis, serving.items[best].astype(np.intp), scores[best], reasons)


def _from_context(
    evidence: Evidence, serving: Serving | Described, source: str, model: Model, k: int
) -> Found | None:
    """What goes with the page's item and the basket: nothing of a person is used."""
    context = serving.to_model_rows(evidence.context)
    context = context[context >= 0]
    if not len(context):
        return None
    with guard.guarded(source, "similar"):
        company = np.array([model.similar(int(row)) for row in context])
        if company.shape != (len(context), len(serving.items)) or not np.isfinite(company).all():
            raise PluginError("similar: expected one finite number per item", plugin=source)
    scores = company.sum(axis=0)
    best = _best(scores, evidence, serving, k)
    strongest = context[company[:, best].argmax(axis=0)] if len(best) else best
    reasons = [
        f"goes with {evidence.catalogue.words(int(serving.items[row]))}" for row in strongest
    ]
    return Found(Basis.CONTEXTUAL, serving.items[best].astype(np.intp), scores[best], reasons)


def _bestsellers(evidence: Evidence, k: int) -> Found | None:
    released = evidence.released
    if released is None:
        return None
    rows = released.rows[~evidence.excluded[released.rows]][:k]
    scores = np.arange(len(rows), 0, -1, dtype=float)
    return Found(Basis.AGGREGATE, rows, scores, ["bestseller"] * len(rows))


def _catalog(evidence: Evidence, k: int) -> Found:
    catalogue = evidence.catalogue
    order, rows = catalogue.order, np.zeros(0, np.intp)
    step = max(k * 4, 256)
    for start in range(0, len(order), step):
        part = order[start : start + step]
        rows = np.append(rows, part[~evidence.excluded[part]])[:k]
        if len(rows) == k:
            break
    reasons = ["chosen by the shop" if catalogue.pinned[row] else "new in the shop" for row in rows]
    return Found(Basis.CATALOG, rows, np.arange(len(rows), 0, -1, dtype=float), reasons)


def _best(scores: Floats, evidence: Evidence, serving: Serving | Described, k: int) -> Rows:
    """Model rows of the k best scores above 0 that may be shown; of equals, the lower row."""
    candidates = np.flatnonzero(scores > 0)
    candidates = candidates[~evidence.excluded[serving.items[candidates]]]
    values = scores[candidates]
    if len(candidates) > k:
        # Partition first, over the touched items only: most scores are zero, and ties are slow.
        least = np.partition(values, len(values) - k)[len(values) - k]
        near = values >= least
        candidates, values = candidates[near], values[near]
    return candidates[np.lexsort((candidates, -values))][:k]


def _reasons(evidence: Evidence, places: Rows, basis: Basis) -> list[str]:
    """In words, which past event counted most for each hit; -1 is none of them."""
    reasons = [_otherwise(evidence, basis)] * len(places)
    known = np.flatnonzero(places >= 0)
    told = evidence.past[places[known]]
    for at, kind, item in zip(
        known.tolist(), told["kind"].tolist(), told["item"].tolist(), strict=True
    ):
        words = evidence.catalogue.words(item)
        reasons[at] = f"because you {describe_kind(KINDS[kind])} {words}"
    return reasons


def _otherwise(evidence: Evidence, basis: Basis) -> str:
    if basis is Basis.AGGREGATE:
        return "popular in the shop"
    if evidence.item is not None:
        return f"goes with {evidence.catalogue.words(evidence.item)}"
    return "goes with your basket" if len(evidence.basket) else "for you"
