"""The strongest neighbours are the same, whatever is known of them before."""

import numpy as np
import pytest

from knowingly import ItemNeighbours
from knowingly.recommend.interface.counts import MemoryCounts
from knowingly.recommend.models import ranking

ITEMS, KEEP = 60, 8


@pytest.fixture(params=range(6))
def draw(request):
    return np.random.default_rng(request.param)


def counted(draw):
    """Symmetric counts with many ties, and many below the floor."""
    values = draw.integers(0, 9, (ITEMS, ITEMS))
    values = np.maximum(values, values.T)
    return values, ranking.inverse_roots(values.max(axis=1) + draw.integers(0, 3, ITEMS))


def ranked(values, roots, before=None):
    return ranking.rank_rows(np.arange(ITEMS), values, roots, KEEP, 4, before)


def others(draw, size):
    """Any items of each row but its own, by index, then padding."""
    lists = np.full((ITEMS, KEEP), ranking.PADDING, np.int32)
    for row in range(ITEMS):
        rest = np.delete(np.arange(ITEMS), row)
        lists[row, :size] = np.sort(draw.choice(rest, size, replace=False))
    return lists


@pytest.mark.parametrize("size", [0, KEEP - 1, KEEP])
def test_any_neighbours_known_before_change_nothing(draw, size):
    """Full lists or not, strong or weak, over the floor or under it."""
    values, roots = counted(draw)
    expected = ranked(values, roots)
    for found, wanted in zip(ranked(values, roots, others(draw, size)), expected, strict=True):
        assert (found == wanted).all()


def test_those_of_before_a_forget_change_nothing(draw):
    """Most are still the strongest; some fall under the floor."""
    values, roots = counted(draw)
    before, _ = ranked(values, roots)
    person = draw.random(ITEMS) < 0.5
    less = np.maximum(values - np.outer(person, person), 0)
    expected = ranked(less, roots)
    for found, wanted in zip(ranked(less, roots, before), expected, strict=True):
        assert (found == wanted).all()


@pytest.mark.parametrize("known", [False, True])
def test_scores_that_single_precision_mixes_up_are_told_apart(draw, known):
    """Large and small counts whose scores differ by some parts in ten million."""
    values = np.tile(draw.integers(1000, 2000, ITEMS), (ITEMS, 1))
    total = (values[0] ** 2 * 1e6 * (1 + draw.uniform(0, 4e-7, ITEMS))).astype(np.int64)
    roots = ranking.inverse_roots(total)
    score = values[0] * roots[:-1]
    alike = values[0].astype(np.float32) * roots[:-1].astype(np.float32)
    assert (np.argsort(score) != np.argsort(alike)).any()
    neighbour, _ = ranked(values, roots, others(draw, KEEP) if known else None)
    for row in range(ITEMS):
        rest = np.delete(np.arange(ITEMS), row)
        strongest = rest[np.argsort(-score[rest], kind="stable")[:KEEP]]
        assert neighbour[row].tolist() == sorted(strongest.tolist())


def test_entrants_that_single_precision_mixes_up_are_told_apart(draw):
    """Some items have a few people less: whoever passes another by that little is let in."""
    before = np.full((ITEMS, ITEMS), draw.integers(1000, 2000))
    np.fill_diagonal(before, draw.integers(2**30, 2**31) + draw.permutation(ITEMS))
    fitted = ItemNeighbours.strongest(MemoryCounts(before, floor=4), keep=KEEP)
    touched = np.sort(np.argsort(before.diagonal())[-5:])
    after = before.copy()
    after[touched, touched] -= ITEMS - KEEP // 2
    counts = MemoryCounts(after, floor=4)
    found = fitted.refreshed(counts, touched)
    for name, array in ItemNeighbours.strongest(counts, keep=KEEP).arrays().items():
        assert np.array_equal(found.arrays()[name], array)
    assert not np.array_equal(found.neighbour, fitted.neighbour)
