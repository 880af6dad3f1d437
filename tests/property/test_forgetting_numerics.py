"""Forgetting equals a refit bit for bit, and a row of counts survives being written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knowingly.recommend.interface.counts import (
    decode_row,
    encode_rows,
    encode_sparse_row,
    touched_rows,
)
from knowingly.testing.algorithms import check_same
from knowingly.testing.data import as_fit_data, make_choices
from knowingly_plugins.item_item import ItemItem
from knowingly_plugins.popularity import Popularity


@st.composite
def shops(draw):
    """Few people and items, so that totals are small, ties many and lists full."""
    n_people, n_items = draw(st.integers(1, 14)), draw(st.integers(1, 9))
    chosen = draw(hnp.arrays(bool, (n_people, n_items)))
    people, items = chosen.nonzero()
    block = make_choices(people, items, n_people=n_people, n_items=n_items)
    leaving = draw(st.lists(st.integers(0, n_people - 1), min_size=1, max_size=5, unique=True))
    return block, leaving, draw(st.integers(1, 5)), draw(st.integers(1, 5))


def leave_one_by_one(algorithm, block, leaving, floor):
    """The model and counts after each of ``leaving`` was forgotten in turn."""
    counts = algorithm.total(as_fit_data(block, floor=floor))
    model = algorithm.build(counts)
    for person in leaving:
        delta = algorithm.count(block.select(np.array([person])))
        counts = counts.subtract(delta)
        model = algorithm.rebuild(model, counts, touched_rows(delta), delta)
    return model


@settings(max_examples=150, deadline=None)
@given(shops())
def test_the_strongest_are_the_first_of_a_plain_sort(shop):
    """Over the floor, by count over the root of the total, of equals the lowest row."""
    block, _, floor, keep = shop
    algorithm = ItemItem({"neighbours": keep})
    counts = algorithm.total(as_fit_data(block, floor=floor))
    pairs = counts.rows(np.arange(block.n_items))
    model = algorithm.build(counts)
    for i, row in enumerate(pairs):
        shown = [j for j in range(block.n_items) if j != i and row[j] >= floor]
        shown.sort(key=lambda j: (-(row[j] * (1 / np.sqrt(pairs[j, j]))), j))
        members = sorted(shown[:keep])
        assert model.neighbour[i].tolist() == members + [-1] * (keep - len(members))
        assert model.count[i, : len(members)].tolist() == row[members].tolist()


@settings(max_examples=300, deadline=None)
@given(shops())
def test_forgetting_people_one_by_one_equals_a_refit(shop):
    """Both algorithms, any floor, any number of neighbours: the same arrays as without them."""
    block, leaving, floor, keep = shop
    stay = np.setdiff1d(np.arange(block.n_people), leaving)
    rest = as_fit_data(block.select(stay), floor=floor)
    for algorithm in (ItemItem({"neighbours": keep}), Popularity()):
        check_same(leave_one_by_one(algorithm, block, leaving, floor), algorithm.fit(rest))


@settings(max_examples=150, deadline=None)
@given(shops())
def test_forgetting_people_at_once_equals_a_refit(shop):
    """One subtraction of several people; the result can be saved and read."""
    block, leaving, floor, keep = shop
    algorithm = ItemItem({"neighbours": keep})
    counts = algorithm.total(as_fit_data(block, floor=floor))
    delta = algorithm.count(block.select(np.array(leaving)))
    left = counts.subtract(delta)
    model = algorithm.rebuild(algorithm.build(counts), left, touched_rows(delta), delta)
    check_same(model, algorithm.build(left))
    check_same(model, type(model).from_arrays(model.arrays()))


@pytest.mark.parametrize("seed", range(5))
def test_forgetting_in_a_larger_shop_equals_a_refit(seed, monkeypatch):
    """Full lists of many near scores, read in several chunks: entrants come and go."""
    monkeypatch.setattr("knowingly.recommend.interface.counts._CHUNK_VALUES", 600)
    monkeypatch.setattr("knowingly.recommend.models.ranking._ROWS_AT_A_TIME", 16)
    rng = np.random.default_rng(seed)
    n_people, n_items = 90, 70
    chosen = rng.random((n_people, n_items)) < rng.uniform(0.05, 0.6, n_people)[:, None]
    people, items = chosen.nonzero()
    block = make_choices(people, items, n_people=n_people, n_items=n_items)
    algorithm = ItemItem({"neighbours": 8})
    leaving = rng.permutation(n_people)[:30].tolist()
    rest = block.select(np.setdiff1d(np.arange(n_people), leaving))
    left = leave_one_by_one(algorithm, block, leaving, 3)
    check_same(left, algorithm.fit(as_fit_data(rest, floor=3)))


@st.composite
def rows(draw):
    width = draw(st.integers(0, 60))
    most = draw(st.sampled_from([1, 255, 256, 65_535, 65_536, 2**32, 2**63 - 1]))
    share = draw(st.sampled_from([0, 1, 5, 60]))
    values = draw(hnp.arrays(np.int64, width, elements=st.integers(0, most)))
    values[share:] = 0
    return values


@given(rows())
def test_a_row_of_counts_survives_being_written(row):
    """Written densely or sparsely it is the same bytes, and reads as the same counts."""
    plain, body = encode_rows([np.arange(len(row)), row])
    assert decode_row(plain, len(row)).tolist() == list(range(len(row)))
    places = row.nonzero()[0]
    assert encode_sparse_row(places, row[places], len(row)) == body
    assert decode_row(body, len(row)).tolist() == row.tolist()
    assert len(body) <= 1 + 8 * len(row)


@given(st.binary(max_size=60), st.integers(0, 20))
def test_any_bytes_are_a_row_or_a_value_error(body, width):
    """Bytes from outside never give another error, or a row of another width."""
    try:
        row = decode_row(body, width)
    except ValueError:
        return
    assert row.shape == (width,)
    assert row.dtype in {np.dtype(code) for code in ("u1", "u2", "u4", "i8")}
    assert (row >= 0).all()
