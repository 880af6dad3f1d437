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
from knowingly.recommend.pages.blending import Part, blended
from knowingly.recommend.pages.choosing import strongest

Scorer = Callable[[Query], Floats]


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
        elif step in self.members:
            rows, scores = may, self.members[step](query)[may]
        else:
            return may[:0]
        rows, scores = rows[scores > 0], scores[scores > 0]
        return rows[strongest(rows, scores, len(rows))]

    def _blended(self, step: Blend, query: Query, may: Rows) -> tuple[Rows, Floats]:
        parts = [
            Part(may, self.members[name](query)[may], weight)
            for name, weight in step.blend.items()
            if name in self.members
        ]
        if not parts:
            return may[:0], np.zeros(0)
        if len(parts) == 1:
            return may, parts[0].scores  # as on a page: nothing to make comparable
        found = blended(parts, step.by, step.candidates, query.n_items)
        return found.rows, found.scores


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
        asked = dict.fromkeys(one for one in slot.algorithm_names if one not in WITHOUT_SCORES)
        members = [ranker for ranker in rankers if ranker.name in asked]
        missing = asked.keys() - {ranker.name for ranker in members}
        if not members:
            notes.append(f"slot {name} was left out: none of its algorithms is among the models")
            continue
        if missing:
            notes.append(f"slot {name} was tested without {', '.join(sorted(missing))}: no model")
        for rate in dict.fromkeys(ranker.rate for ranker in members):
            own = [one for one in members if one.rate == rate]
            scorer = SlotScorer(slot, {one.name: one.score for one in own}, repeats)
            people, items = max(one.people for one in own), max(one.items for one in own)
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
