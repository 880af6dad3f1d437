"""Why an item is on a page, in words."""

import numpy as np

from knowingly.domain.event import KINDS, describe_kind
from knowingly.domain.page import Basis
from knowingly.recommend.interface.algorithms import Algorithm
from knowingly.recommend.interface.arrays import AnyRows, Rows
from knowingly.recommend.pages.evidence import Evidence


def because(evidence: Evidence, source: str, places: Rows, basis: Basis) -> list[str]:
    """Which past event counted most for each hit of a source; -1 is none of them."""
    reasons = [otherwise(evidence, source, basis)] * len(places)
    known = np.flatnonzero(places >= 0)
    told = evidence.past[places[known]]
    for at, kind, item in zip(
        known.tolist(), told["kind"].tolist(), told["item"].tolist(), strict=True
    ):
        words = evidence.visit.catalogue.words(item)
        reasons[at] = f"because you {describe_kind(KINDS[kind])} {words}"
    return reasons


def goes_with(evidence: Evidence, rows: AnyRows) -> list[str]:
    """The item of the context that each hit goes with."""
    return [f"goes with {evidence.visit.catalogue.words(row)}" for row in rows.tolist()]


def otherwise(evidence: Evidence, source: str, basis: Basis) -> str:
    """What is said of a hit of a source where no single event counted."""
    visit = evidence.visit
    if basis is Basis.AGGREGATE:
        return visit.algorithms.get(source, Algorithm).reason
    if visit.item is not None:
        return f"goes with {visit.catalogue.words(visit.item)}"
    return "goes with your basket" if len(visit.basket) else "for you"


def by_the_shop(evidence: Evidence, rows: Rows) -> list[str]:
    """Why the catalogue shows an item."""
    pinned = evidence.visit.catalogue.pinned[rows].tolist()
    return ["chosen by the shop" if one else "new in the shop" for one in pinned]
