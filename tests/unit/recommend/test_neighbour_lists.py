"""What lists of neighbours say is what a loop over them says, however long they are."""

import numpy as np
import pytest

from histories import history
from knowingly.recommend.models import lists

N_ITEMS = 30


@pytest.fixture(params=[0, 3, 8])
def model(request):
    """Lists of up to so many neighbours, in room for eight, with their strengths."""
    made_up = np.random.default_rng(request.param)
    neighbour = np.full((N_ITEMS, 8), -1, np.int32)
    for row in neighbour[::2]:
        size = made_up.integers(0, request.param, endpoint=True)
        row[:size] = np.sort(made_up.choice(N_ITEMS, size, replace=False))
    if request.param:
        neighbour[4, : request.param] = np.arange(request.param)
    strength = np.where(neighbour >= 0, made_up.integers(1, 9, neighbour.shape), 0)
    return neighbour, strength.astype(float)


def told(model, row, item):
    """What the list of one item says for another."""
    neighbour, strength = model
    return strength[row][neighbour[row] == item].sum()


@pytest.mark.parametrize("rows", [[], [1], [0, 1, 2], [4], range(N_ITEMS)])
def test_scores_are_sums_of_what_lists_say(model, rows):
    rows = np.array(rows, np.intp)
    found = lists.summed(*model, rows, np.full(len(rows), 0.5))
    assert found.tolist() == [
        sum(told(model, row, item) / 2 for row in rows) for item in range(N_ITEMS)
    ]
    assert found.dtype == float


@pytest.mark.parametrize("rows", [[], [1], [0, 1, 2], [4], range(N_ITEMS)])
def test_what_adds_most_is_the_first_of_the_largest(model, rows):
    items = np.arange(N_ITEMS)
    found = lists.adding_most(*model, history(rows), items)
    for item, position in zip(items, found, strict=True):
        said = [told(model, row, item) for row in rows]
        assert position == (np.argmax(said) if any(said) else -1)
