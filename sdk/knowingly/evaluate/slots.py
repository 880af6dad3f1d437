"""What the algorithms of a slot come to together: its steps in turn, blended as on a page.

Only the algorithms and their weights. What else a page does is left out: pins, boosts, caps,
diversity, stock and every other rule, and released bestsellers and the catalogue at the end, which
foretell nothing of a person.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from knowingly.evaluate.rankers import Ranker
from knowingly.policy import Blend, Slot
from knowingly.policy.slots import WITHOUT_SCORES
from knowingly.recommend.interface.arrays import AnyRows, Floats, Rows
from knowingly.recommend.interface.query import History, Query
from knowingly.recommend.pages.again import BUY_AGAIN, by_frequency
from knowingly.recommend.pages.blending import Part, blended
from knowingly.recommend.pages.choosing import strongest

Scorer = Callable[[Query], Floats]
_NOTHING_NEW = (
    "it puts forward what a person bought before, and only what is new to them was ranked"
)


@dataclass(frozen=True, repr=False, eq=False)
class SlotScorer:
    """Scores all ranked items as a slot's algorithms would put them: the first has the most.

    Attributes:
        slot: A slot of the policy.
        members: What scores for each algorithm that is there; others are passed over, as on a page.
        repeats: Whether what a person had is ranked for them.
    """

    slot: Slot
    members: Mapping[str, Scorer]
    repeats: bool

    def __call__(self, query: Query) -> Floats:
        """One number for each item, 0 where no step puts it forward."""
        left = np.ones(query.n_items, bool)
        if not self.repeats:
            left[query.history.item] = False
        asked = replace(query, history=_newest(query.history, self.slot.max_history_events))
        scores, place = np.zeros(query.n_items), query.n_items
        for step in self.slot.algorithms:
            rows = self._in_order(step, asked, np.flatnonzero(left))
            scores[rows] = np.arange(place, place - len(rows), -1)
            left[rows] = False
            place -= len(rows)
        return scores

    def _in_order(self, step: str | Blend, query: Query, may: Rows) -> AnyRows:
        """What one step puts forward of the items that may be shown, the best first."""
        if isinstance(step, Blend):
            rows, scores = self._blended(step, query, may)
        else:
            rows, scores = self._said(step, query, may) or (may[:0], np.zeros(0))
        rows, scores = rows[scores > 0], scores[scores > 0]
        return rows[strongest(rows, scores, len(rows))]

    def _blended(self, step: Blend, query: Query, may: Rows) -> tuple[AnyRows, Floats]:
        parts = [
            Part.of(*said, weight)
            for name, weight in step.blend.items()
            if (said := self._said(name, query, may)) is not None
        ]
        if not parts:
            return may[:0], np.zeros(0)
        if len(parts) == 1:
            return parts[0].rows, parts[0].scores  # as on a page: nothing to make comparable
        found = blended(parts, step.by, step.candidates, query.n_items)
        return found.rows, found.scores

    def _said(self, name: str, query: Query, may: Rows) -> tuple[Rows, Floats] | None:
        """Items that may be shown, with what one source scores them; None where it is not there.

        ``buy_again`` is made on the page and not trained.
        """
        if name == BUY_AGAIN:
            again = by_frequency(query.history, query.n_items)
            return None if again is None else (may, again[may])
        return (may, self.members[name](query)[may]) if name in self.members else None


def slot_rankers(
    slots: Mapping[str, Slot], rankers: Sequence[Ranker], *, repeats: bool
) -> tuple[list[Ranker], list[str]]:
    """The slots, at each rate of consent that there are rankers for; and what was left out.

    Args:
        slots: By name.
        rankers: Those of the algorithms that pages go by.
        repeats: Whether what a person had is ranked for them.
    """
    found, notes = [], []
    for name, slot in slots.items():
        asked = set(slot.algorithm_names) - WITHOUT_SCORES - {BUY_AGAIN}
        members = [ranker for ranker in rankers if ranker.name in asked]
        missing = asked - {ranker.name for ranker in members}
        buys_again = BUY_AGAIN in slot.algorithm_names
        if buys_again and not repeats:
            notes.append(f"slot {name} was tested without {BUY_AGAIN}: {_NOTHING_NEW}")
        if not members and not (buys_again and repeats):
            notes.append(f"slot {name} was left out: none of its algorithms is among the models")
            continue
        if missing:
            notes.append(f"slot {name} was tested without {', '.join(sorted(missing))}: no model")
        for rate in dict.fromkeys(ranker.rate for ranker in members) or (1.0,):
            own = [one for one in members if one.rate == rate]
            scorer = SlotScorer(slot, {one.name: one.score for one in own}, repeats)
            # What a slot of buy_again alone ranks stands in the models of everybody's choices.
            beside = own or [one for one in rankers if one.rate == rate]
            people = max((one.people for one in beside), default=0)
            items = max((one.items for one in beside), default=0)
            found.append(Ranker(f"slot {name}", scorer, people, items, rate))
    return found, notes


def _newest(history: History, limit: int) -> History:
    """No more events than a page of the slot looks at."""
    if len(history) <= limit:
        return history
    kept: NDArray[np.intp] = np.sort(np.argsort(history.age_days, kind="stable")[:limit])
    return History(
        item=history.item[kept],
        kind=history.kind[kept],
        age_days=history.age_days[kept],
        quantity=history.quantity[kept],
        order=history.order[kept],
    )
