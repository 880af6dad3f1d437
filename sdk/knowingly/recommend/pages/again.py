"""What a person buys again and again: a source of pages that needs no model.

It is the person's own history and nobody else's, so nothing is learned, stored or forgotten for it,
and it is there from the first purchase on.
"""

import numpy as np

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.domain.page import Basis
from knowingly.recommend.interface.arrays import Floats, Ints, Rows
from knowingly.recommend.interface.query import History, turned_down
from knowingly.recommend.pages.evidence import Evidence, history_of
from knowingly.recommend.pages.sources import Scored

BUY_AGAIN = "buy_again"
_PURCHASE = KIND_CODE[EventKind.PURCHASE]


def times_bought(history: History) -> tuple[Rows, Ints, Floats]:
    """The items bought, how often each, and how many days ago last; in the order of their rows.

    A line of an order is once, whatever its quantity. An item that was hidden, or brought back
    whole, is not among them.
    """
    gone = turned_down(history.item, history.kind, history.quantity)
    bought = (history.kind == _PURCHASE) & ~np.isin(history.item, gone)
    rows, place, times = np.unique(history.item[bought], return_inverse=True, return_counts=True)
    last = np.full(len(rows), np.inf)
    np.minimum.at(last, place, history.age_days[bought])
    return rows.astype(np.intp), times, last


def by_frequency(history: History, n_items: int) -> Floats | None:
    """Scores of all items, shape ``(n_items,)``: the more often bought, the higher.

    Of equals, what was bought last. What they did not buy has 0, and is among them because a blend
    goes by how far the scores of all items are apart. None where nothing was bought.
    """
    rows, times, last = times_bought(history)
    if not len(rows):
        return None
    scores = np.zeros(n_items)
    scores[rows] = times + 1 / (2 + last)
    return scores


def bought_again(evidence: Evidence) -> Scored | None:
    """What the person bought before; None where nothing of that is known, or may be used."""
    past = evidence.past
    history = history_of(past, past["item"], evidence.visit.decision.at_us)
    scores = by_frequency(history, len(evidence.excluded))
    if scores is None:
        return None

    def tell(own: Rows) -> list[str]:
        # What comes after the times is below 1.
        return [
            "you bought it before" if often == 1 else f"you bought it {often} times"
            for often in scores[own].astype(int).tolist()
        ]

    return Scored(BUY_AGAIN, Basis.PERSONAL, np.arange(len(scores)), scores, tell)
