"""The measures that are not the cosine, by hand and by their own definitions."""

import numpy as np
import pytest

from knowingly import EventKind, ItemNeighbours, Query
from knowingly.recommend.interface.counts import MemoryCounts
from knowingly.recommend.models.kinds import MODEL_KINDS
from knowingly.recommend.models.measures import CorrectedNeighbours, LiftNeighbours
from knowingly.testing.data import make_choices


def chosen(*people):
    """Who chose what, a tuple of items for each person, of five items."""
    rows = np.concatenate([np.full(len(items), row) for row, items in enumerate(people)])
    items = np.concatenate([np.array(items) for items in people]).astype(int)
    block = make_choices(rows, items, n_people=len(people), n_items=5)
    return block.matrix([EventKind.PURCHASE])


CROWD = chosen((0, 1), (0, 1), (0, 1, 3), (0, 2), (2, 3), (3,), (1, 2, 3), (4,))


def fitted(model, floor=1, keep=4):
    return model.strongest(MemoryCounts(model.pairs(CROWD), floor=floor), keep)


def says(model, item):
    """What this item says for every other."""
    return model.score(Query(model.n_items, item=item))


def test_lift_divides_by_both_totals():
    """Three people share items 0 and 1, which four people chose each."""
    found = fitted(LiftNeighbours)
    pairs, total = (CROWD.T @ CROWD).toarray(), CROWD.sum(axis=0)
    expected = pairs / np.outer(total, total)
    np.fill_diagonal(expected, 0)
    for item in range(5):
        np.testing.assert_allclose(found.similar(item), expected[item])


def test_lift_prefers_what_few_people_choose():
    """Ten of ten buyers of the rare item, and ninety of four hundred of the common one."""
    counts = np.array([[100, 90, 10], [90, 400, 0], [10, 0, 10]])
    found = LiftNeighbours.strongest(MemoryCounts(counts, floor=5), keep=1)
    assert found.neighbour.tolist() == [[2], [0], [0]]


def test_the_correction_is_what_was_found_over_what_chance_would_give():
    """Smith and Linden's expectation, person by person; classes hold these sizes exactly."""
    found = fitted(CorrectedNeighbours)
    held = CROWD.toarray()
    share = held.sum(axis=0) / held.sum()
    for item in range(5):
        others = held[held[:, item] > 0].sum(axis=1) - 1
        by_chance = (1 - (1 - share[None, :]) ** others[:, None]).sum(axis=0)
        count = (CROWD.T @ CROWD).toarray()[item]
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = np.where(count > 0, (count - by_chance) / np.sqrt(by_chance), 0)
        expected[item] = 0
        np.testing.assert_allclose(says(found, item), np.maximum(expected, 0), atol=1e-12)


def test_what_is_like_one_item_is_told_by_the_cosine():
    """The same as without the correction, for the same neighbours."""
    found, plain = fitted(CorrectedNeighbours), fitted(ItemNeighbours)
    for item in range(5):
        np.testing.assert_allclose(found.similar(item), plain.similar(item), rtol=1e-12)
    assert found.similar(0).any()


def test_company_of_a_heavy_buyer_counts_less():
    """Five people share items 0 and 1, five 0 and 2; these buy forty other things too."""
    light = [[0, 1]] * 5
    heavy = [[0, 2, *range(3, 43)]] * 5
    rows = np.repeat(np.arange(10), [len(own) for own in light + heavy])
    items = np.concatenate([*light, *heavy])
    matrix = make_choices(rows, items, n_people=10, n_items=43).matrix([EventKind.PURCHASE])
    counts = MemoryCounts(CorrectedNeighbours.pairs(matrix), floor=5)
    found = CorrectedNeighbours.strongest(counts, keep=42)
    assert says(found, 1)[0] > 2 * says(found, 2)[0] > 0


def test_sizes_are_counted_by_class():
    """Every person is in one class of each item they chose; the classes double in two steps."""
    found = fitted(CorrectedNeighbours)
    assert found.sizes.sum(axis=1).tolist() == found.total.tolist()
    # Of item 3: one person of one item, one of two, and two of three.
    assert found.sizes[3, :5].tolist() == [1, 1, 2, 0, 0]


@pytest.mark.parametrize("model", [LiftNeighbours, CorrectedNeighbours])
def test_pairs_under_the_floor_are_not_kept(model):
    """Two people share items 1 and 3; the floor is three."""
    assert says(fitted(model), 1)[3] != 0
    assert fitted(model, floor=3).neighbour.tolist()[1] == [0, -1, -1, -1]


@pytest.mark.parametrize("model", [LiftNeighbours, CorrectedNeighbours])
def test_they_are_read_again_by_their_kind(model):
    """With the strengths that follow from the integers."""
    found = fitted(model)
    again = MODEL_KINDS[found.kind].from_arrays(found.arrays())
    assert type(again) is model
    for item in range(5):
        assert says(again, item).tolist() == says(found, item).tolist()
    empty = model.strongest(MemoryCounts(model.pairs(CROWD[:0, :0]), floor=1), 3)
    assert model.from_arrays(empty.arrays()).n_items == 0


@pytest.mark.parametrize("sizes", [np.zeros((5, 3), np.int64), np.full((4, 26), 0)])
def test_sizes_that_are_off_are_refused(sizes):
    """Of another number of classes or of items, or below zero."""
    arrays = fitted(CorrectedNeighbours).arrays()
    with pytest.raises(ValueError, match="sizes"):
        CorrectedNeighbours.from_arrays({**arrays, "sizes": sizes})
    with pytest.raises(ValueError, match="sizes"):
        CorrectedNeighbours.from_arrays({**arrays, "sizes": arrays["sizes"] - 1})
