"""A slot's algorithms together: figures that paper gives."""

import numpy as np
import pytest

from knowingly import History, Query
from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.evaluate.rankers import Ranker
from knowingly.evaluate.slots import SlotScorer, slot_rankers
from knowingly.policy import Blend, Slot

SAYS = {"a": [9.0, 4.0, 2.0, 0.0, 0.0], "b": [0.0, 0.0, 1.0, 3.0, 0.0]}


def bought(*items):
    """A history of these, the first longest ago."""
    size = len(items)
    return History(
        item=np.array(items, np.int32),
        kind=np.full(size, KIND_CODE[EventKind.PURCHASE], np.int8),
        age_days=np.arange(size, 0, -1, dtype=np.float64),
        quantity=np.ones(size, np.int32),
        order=np.zeros(size, np.int64),
    )


def in_order(*steps, history=(0,), repeats=False, **rules):
    """The items that a slot of these steps puts forward, the first first."""
    members = {name: lambda _, said=said: np.array(said) for name, said in SAYS.items()}
    scorer = SlotScorer(Slot(algorithms=steps, **rules), members, repeats)
    scores = scorer(Query(n_items=5, history=bought(*history)))
    return np.argsort(-scores, kind="stable")[: np.count_nonzero(scores)].tolist()


def test_a_blend_by_score_is_over_what_may_be_shown():
    """Without item 0, `a` has a deviation of 1.658 and `b` one of 1.225.

    So item 3 has 3 / 1.225 = 2.45, item 1 has 4 / 1.658 = 2.41 and item 2 has 1.206 + .816 = 2.02.
    With item 0 counted in, the deviations were 3.347 and 1.166, and 2 would be before 1.
    """
    assert in_order(Blend(blend={"a": 1.0, "b": 1.0})) == [3, 1, 2]


def test_what_a_person_had_is_ranked_where_repeats_count():
    """9 / 3.347 = 2.69, 3 / 1.166 = 2.57, .598 + .857 = 1.46, 4 / 3.347 = 1.20."""
    assert in_order(Blend(blend={"a": 1.0, "b": 1.0}), repeats=True) == [0, 3, 2, 1]


def test_a_weight_counts_as_on_a_page():
    """Twice `b`: item 2 has 1.206 + 1.633 = 2.84, above the 2.41 of item 1."""
    assert in_order(Blend(blend={"a": 1.0, "b": 2.0})) == [3, 2, 1]


def test_a_blend_by_rank():
    """Item 2 is second of both, 2 / 62; items 1 and 3 are first of one, and the lower row leads."""
    assert in_order(Blend(blend={"a": 1.0, "b": 1.0}, by="rank")) == [2, 1, 3]


def test_steps_fill_what_the_one_before_left_open():
    """In turn; an algorithm that is not there is passed over, as are bestsellers."""
    assert in_order("a", "b") == [1, 2, 3]
    assert in_order("nowhere", "bestsellers", "b", "a") == [3, 2, 1]
    assert in_order(Blend(blend={"a": 1.0, "b": 1.0}, candidates=1), "a") == [3, 1, 2]
    assert in_order(Blend(blend={"nowhere": 1.0}), "b") == [3, 2]


def test_buy_again_puts_forward_what_was_bought_the_most_often_first():
    """Item 4 twice, then 0 and 3 once, 3 last; as a step, and in a blend over those three alone.

    Of the ages 4, 3, 2 and 1 day, so its scores are 2.33, 1.25 and 1.2, of a deviation of .523:
    4.46, 2.39 and 2.30. From `a` item 0 has 9 / 3.347 = 2.69 more; 1 and 2 have 1.20 and .60.
    """
    history = (4, 0, 3, 4)
    assert in_order("buy_again", "b", history=history, repeats=True) == [4, 3, 0, 2]
    assert in_order("buy_again", "b", history=history) == [2]
    blend = Blend(blend={"a": 1.0, "buy_again": 1.0})
    assert in_order(blend, history=history, repeats=True) == [0, 4, 3, 1, 2]
    alone = Blend(blend={"nowhere": 1.0, "buy_again": 1.0})
    assert in_order(alone, "b", history=history, repeats=True) == [4, 3, 0, 2]


def test_it_looks_back_as_far_as_the_slot_and_ranks_nothing_they_had():
    """Of three events the two newest are asked about; the item of the third is still left out."""
    asked = []

    def remembers(query):
        asked.append(query.history)
        return np.ones(query.n_items)

    slot = Slot(algorithms=("a",), max_history_events=2)
    scores = SlotScorer(slot, {"a": remembers}, False)(Query(n_items=5, history=bought(4, 0, 2)))
    assert asked[0].item.tolist() == [0, 2]
    assert np.flatnonzero(scores).tolist() == [1, 3]


@pytest.fixture
def rankers():
    """Two algorithms, at two rates of consent."""
    return [
        Ranker(
            name, lambda query: np.ones(query.n_items), people=int(10 * rate), items=5, rate=rate
        )
        for rate in (1.0, 0.4)
        for name in SAYS
    ]


def test_a_slot_stands_beside_at_every_rate(rankers):
    """With the people that its algorithms learned from."""
    found, notes = slot_rankers({"home": Slot(algorithms=("a", "b"))}, rankers, repeats=False)
    assert [(one.name, one.rate, one.people) for one in found] == [
        ("slot home", 1.0, 10),
        ("slot home", 0.4, 4),
    ]
    assert not notes
    assert not found[0].baseline


def test_what_a_slot_lacks_is_said(rankers):
    """Once; and a slot that has none of its algorithms is not tested at all."""
    slots = {
        "home": Slot(algorithms=("a", "c", "bestsellers")),
        "cart": Slot(algorithms=("c", "bestsellers")),
    }
    found, notes = slot_rankers(slots, rankers, repeats=False)
    assert {one.name for one in found} == {"slot home"}
    assert ["home was tested without c" in notes[0], "cart was left out" in notes[1]] == [True] * 2


def test_what_buys_again_is_tested_where_repeats_count(rankers):
    """Also by itself, of whoever there is; where only new items count, a note says why not."""
    slots = {"home": Slot(algorithms=("buy_again", "a")), "cart": Slot(algorithms=("buy_again",))}
    found, notes = slot_rankers(slots, rankers, repeats=True)
    assert [(one.name, one.rate, one.people) for one in found] == [
        ("slot home", 1.0, 10),
        ("slot home", 0.4, 4),
        ("slot cart", 1.0, 10),
    ]
    assert not notes
    found, notes = slot_rankers(slots, rankers, repeats=False)
    assert {one.name for one in found} == {"slot home"}
    assert ["without buy_again" in note for note in notes] == [True, True, False]
    assert "slot cart was left out" in notes[2]
