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


def by_frequency(times: Ints, last: Floats) -> Floats:
    """Scores above 0: the more often, the higher; of equals, what was bought last."""
    return times + 1 / (2 + last)


def bought_again(evidence: Evidence) -> Scored | None:
    """What the person bought before; None where nothing of that is known, or may be used."""
    past = evidence.past
    history = history_of(past, past["item"], evidence.visit.decision.at_us)
    rows, times, last = times_bought(history)
    if not len(rows):
        return None

    def tell(own: Rows) -> list[str]:
        return [
            "you bought it before" if often == 1 else f"you bought it {often} times"
            for often in times[own].tolist()
        ]

    return Scored(BUY_AGAIN, Basis.PERSONAL, rows, by_frequency(times, last), tell)
