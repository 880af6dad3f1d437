"""People who chose both items: the same counts, dense or sparse, and additive over people."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from knowingly import CorrectedNeighbours, ItemNeighbours
from knowingly.recommend.interface.counts import MemoryCounts
from knowingly.recommend.models import together

ITEMS = 140


def chosen(people, share, seed=0):
    """Who chose what, as ``Block.matrix`` gives it."""
    made_up = np.random.default_rng(seed)
    return csr_array((made_up.random((people, ITEMS)) < share).astype(np.int64))


def dense(found):
    return found if isinstance(found, np.ndarray) else found.toarray()


@pytest.mark.parametrize(("people", "share"), [(0, 0.1), (7, 0.01), (90, 0.2), (33_000, 0.02)])
def test_every_pair_is_counted(people, share):
    """By either way, as a plain product of whole numbers."""
    own = chosen(people, share)
    numbers = own.toarray().astype(np.float64)
    expected = numbers.T @ numbers
    found = together.people_of_pairs(own)
    assert np.array_equal(dense(found), expected)
    assert isinstance(found, np.ndarray) == (share > 0.1 or people > 1000)


@pytest.mark.parametrize("kind", [ItemNeighbours, CorrectedNeighbours])
def test_a_dense_block_and_a_sparse_one_add_up(kind):
    """Many people's counts and one person's: the sum is everybody's, and taken away again, theirs.

    One has an array of narrow numbers and the other a sparse array of wide ones.
    """
    many, one = chosen(250, 0.3), chosen(1, 0.05, seed=1)
    apart = [MemoryCounts(kind.pairs(own), floor=2) for own in (many, one)]
    whole = kind.pairs(csr_array(np.vstack([many.toarray(), one.toarray()])))
    for first, second in (apart, apart[::-1]):
        both = first.add(second.matrix)
        rows = np.arange(ITEMS)
        assert np.array_equal(both.rows(rows), dense(whole))
        assert np.array_equal(both.subtract(second.matrix).rows(rows), first.rows(rows))
        assert both.rows(rows).dtype == np.int64
    fitted = [kind.strongest(MemoryCounts(one, floor=2), keep=9) for one in (whole, both.matrix)]
    for name, array in fitted[0].arrays().items():
        assert np.array_equal(array, fitted[1].arrays()[name])
