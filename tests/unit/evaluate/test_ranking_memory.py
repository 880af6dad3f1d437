"""Ranking holds the scores of some people at once, however many are tested."""

import tracemalloc

import numpy as np

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.evaluate import scoring
from knowingly.evaluate.cases import Halves, Split
from knowingly.evaluate.features import ItemFacts
from knowingly.evaluate.metrics import PER_PERSON
from knowingly.evaluate.rankers import Ranker, own_frequency
from knowingly.items.table import ItemTable
from knowingly.profiles.body import RECORD
from knowingly.profiles.scan import PeopleRecords
from knowingly.recommend.training.gather import Gathered

N_ITEMS, EACH, FEW, MANY = 2_000, 4, 300, 1_500
FLOATS_A_PERSON = 8 * len(PER_PERSON)


def half(people: int, first: int) -> Gathered:
    """Everybody buys some items in a row, of which no two people begin with the same."""
    records = np.zeros(people * EACH, RECORD)
    records["kind"] = KIND_CODE[EventKind.PURCHASE]
    records["quantity"] = 1
    records["item"] = (first + np.arange(people * EACH)) % N_ITEMS
    starts = np.arange(people + 1) * EACH
    return Gathered([PeopleRecords(np.arange(people), starts, records)], 0, 0, 0)


def peak(people: int) -> int:
    """The most that a ranking pass holds at once beyond what was read, in bytes."""
    split = Split(
        Halves(half(people, 0), half(people, EACH)),
        np.arange(N_ITEMS, dtype=np.int32),
        N_ITEMS,
        repeats=True,
    )
    table = ItemTable.blank(N_ITEMS)
    facts = ItemFacts.make(np.ones(N_ITEMS, np.int64), table, people=people, least=1)
    rankers = [Ranker("own_frequency", own_frequency)]
    tracemalloc.start()
    try:
        measured = scoring.measure(split, rankers, facts, 10, lambda *_: None)
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(measured.sizes) == people
    return held


def test_memory_grows_by_a_few_floats_a_person():
    """Scores of everybody at once would be 8 bytes for each of the items, and each person."""
    peak(FEW)
    grown = peak(MANY) - peak(FEW)
    assert grown < 10 * FLOATS_A_PERSON * (MANY - FEW) < 8 * N_ITEMS * (MANY - FEW) / 5
