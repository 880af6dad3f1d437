"""Blocks of people, and the matrix of who chose what."""

import numpy as np
import pytest

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.recommend.interface.block import Block, FitData, larger
from knowingly.testing.data import as_fit_data, make_block, make_choices, make_history

CHOICES = (EventKind.VIEW, EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)


def test_the_matrix_agrees_with_the_weights_of_each_history():
    """A pair is chosen exactly when the history of that person weighs the item."""
    block = make_block(40, 9, 3)
    matrix = block.matrix(CHOICES).toarray()
    for person in range(40):
        history = make_history(block, person)
        liked = np.unique(history.item[history.weights() > 0])
        assert np.flatnonzero(matrix[person]).tolist() == liked.tolist()
    assert set(matrix.ravel().tolist()) == {0, 1}
    assert matrix.dtype == np.int64


def test_only_the_kinds_asked_for_count():
    """A view is no purchase; what was hidden later is not chosen at all."""
    views = make_choices(np.array([0, 0]), np.array([1, 2]), n_people=2, n_items=3)
    assert views.matrix([EventKind.PURCHASE]).toarray().tolist() == [[0, 1, 1], [0, 0, 0]]
    assert views.matrix([EventKind.VIEW]).nnz == 0
    hidden = np.array([KIND_CODE[EventKind.PURCHASE], KIND_CODE[EventKind.HIDE]], np.int8)
    rest = (views.age_days, views.quantity, views.order)
    block = Block(2, 3, views.person, np.array([1, 1], np.int32), hidden, *rest)
    assert block.matrix([EventKind.PURCHASE]).nnz == 0


def test_select_renumbers_in_the_order_given():
    """Person 4 first, then person 1; a person without events is kept as one."""
    block = make_block(20, 7, 1)
    some = block.select(np.array([4, 10, 1]))
    assert some.n_people == 3
    for new, old in enumerate([4, 10, 1]):
        assert make_history(some, new).item.tolist() == make_history(block, old).item.tolist()
    assert len(make_history(some, 1)) == 0


def test_concatenate_undoes_select():
    """Splitting people and putting them together again gives the same block."""
    block = make_block(20, 7, 1)
    whole = Block.concatenate([block.select(np.arange(8)), block.select(np.arange(8, 20))])
    assert whole.n_people == 20
    for name in ("person", "item", "kind", "age_days", "quantity", "order"):
        assert getattr(whole, name).tolist() == getattr(block, name).tolist()


def test_fit_data_reads_its_blocks_anew_each_time():
    """The columns are those of all blocks, and people keep apart across blocks."""
    first, second = make_block(5, 7, 1), make_block(6, 7, 2)
    data = as_fit_data(first, second)
    assert len(list(data.blocks())) == len(list(data.blocks())) == 2
    assert data.item.tolist() == first.item.tolist() + second.item.tolist()
    assert data.kind.dtype == np.int8
    assert len(data.age_days) == len(data.person)
    assert len(np.unique(data.person)) == len(np.unique(first.person)) + len(
        np.unique(second.person)
    )
    assert FitData(n_items=3, floor=5, seed=0).item.shape == (0,)


def test_what_cannot_be_a_block_is_refused():
    """Unsorted people, rows out of bounds, and blocks of another shop."""
    with pytest.raises(ValueError, match="ascending"):
        make_choices(np.array([1, 0]), np.array([0, 0]), n_people=2, n_items=1)
    with pytest.raises(ValueError, match="person"):
        make_choices(np.array([2]), np.array([0]), n_people=2, n_items=1)
    with pytest.raises(ValueError, match="item"):
        make_choices(np.array([0]), np.array([1]), n_people=2, n_items=1)
    with pytest.raises(ValueError, match="expected 3 items, found 7"):
        list(FitData(3, 5, 0, lambda: [make_block(5, 7, 1)]).blocks())


def test_a_block_is_only_read():
    """Every algorithm gets the same; whoever made it may go on with their own arrays."""
    items = np.array([1, 0], np.int32)
    made = make_choices(np.array([0, 1]), items, n_people=2, n_items=2)
    with pytest.raises(ValueError, match="read-only"):
        made.item[:] = 0
    items[:] = 1
    assert items.flags.writeable


def test_repr_shows_only_sizes():
    """Neither shows what anyone did."""
    block = make_block(5, 7, 1)
    assert repr(block) == f"Block(5 people, 7 items, {len(block.item)} events)"
    assert repr(as_fit_data(block)) == "FitData(n_items=7, floor=5)"


def test_larger_blocks_are_the_same_people():
    """In the same order, as few blocks as so many events make, and a large one by itself."""
    blocks = [
        make_choices(np.zeros(size, int), np.arange(size), n_people=3, n_items=9)
        for size in (2, 3, 9, 1, 1)
    ]
    found = list(larger(blocks, events=5))
    assert [len(one.item) for one in found] == [5, 9, 2]
    assert np.array_equal(
        Block.concatenate(found).item, np.concatenate([one.item for one in blocks])
    )
    assert list(larger([])) == []


@pytest.mark.parametrize("kind", EventKind)
def test_what_was_done_can_be_told_by_the_door_alone(kind):
    """An author has no other name for the numbers in a block."""
    block = make_choices(np.array([0]), np.array([2]), n_people=1, n_items=3, kind=kind)
    assert block.kind.tolist() == [kind.code]
