"""Items as vectors: alike by what they share, replaced row by row."""

import numpy as np
import pytest

from histories import history
from knowingly.domain.event import EventKind
from knowingly.recommend.interface.query import Query
from knowingly.recommend.models import terms
from knowingly.recommend.models.kinds import MODEL_KINDS, ItemVectors

COLUMN = np.array([[0, 1], [1, 2], [0, 2], [2, -1], [-1, -1]], np.int32)
VALUE = np.array([[0.6, 0.8], [0.8, 0.6], [0.6, 0.8], [1, 0], [0, 0]], np.float32)


def model():
    return ItemVectors(COLUMN.copy(), VALUE.copy())


def dense(found):
    """The vectors as a dense array, each column times its rarity."""
    size = int(found.column.max(initial=0)) + 1
    whole = np.zeros((found.n_items, size))
    for row, (columns, values) in enumerate(zip(found.column, found.value, strict=True)):
        whole[row, columns[columns >= 0]] = values[columns >= 0]
    items = (whole > 0).sum(axis=0)
    return whole * (np.log((1 + found.n_items) / (1 + items)) + 1)


def drawn(draw, n_items, n_terms=4, size=30):
    """Any vectors."""
    column = np.full((n_items, n_terms), -1, np.int32)
    value = np.zeros((n_items, n_terms), np.float32)
    for row in range(n_items):
        some = int(draw.integers(0, n_terms + 1))
        column[row, :some] = np.sort(draw.choice(size, some, replace=False))
        value[row, :some] = draw.uniform(0.1, 1, some)
    return ItemVectors(column, value)


@pytest.mark.parametrize("seed", range(4))
def test_alike_is_the_product_of_rare_terms(seed):
    """Against dense vectors; an item is no company of its own."""
    found = drawn(np.random.default_rng(seed), 12)
    vectors = dense(found)
    expected = vectors @ vectors.T
    np.fill_diagonal(expected, 0)
    for item in range(12):
        np.testing.assert_allclose(found.similar(item), expected[item], rtol=1e-6)


def test_a_person_is_the_weighted_sum_of_their_items():
    """A purchase counts 1 and a view .2; what they had is scored by the rest of it."""
    found = model()
    query = Query(5, history([0, 3], EventKind.PURCHASE, EventKind.VIEW))
    expected = found.similar(0) + 0.2 * found.similar(3)
    np.testing.assert_allclose(found.score(query), expected, rtol=1e-6)
    assert found.score(Query(5)).tolist() == [0, 0, 0, 0, 0]
    assert found.score(Query(5, history([4]))).tolist() == [0, 0, 0, 0, 0]


def test_the_context_leads():
    """The page's item weighs as much as the whole history; named twice, it says both."""
    found = model()
    query = Query(5, history([0, 3, 1]), item=1)
    told = found.similar(0) + found.similar(3) + (1 + 3) * found.similar(1)
    np.testing.assert_allclose(found.score(query), told, rtol=1e-6)
    np.testing.assert_allclose(found.score(Query(5, item=1)), found.similar(1), rtol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_because_names_the_item_that_is_most_alike(seed):
    """By its weight in the history; never the item itself; -1 where nothing is shared."""
    found = drawn(np.random.default_rng(seed), 12)
    query = Query(12, history([3, 7, 5], EventKind.VIEW, EventKind.PURCHASE, EventKind.CART))
    expected = []
    for item in range(12):
        added = np.array([found.similar(row)[item] for row in (3, 7, 5)]) * (0.2, 1.0, 0.5)
        expected.append(int(added.argmax()) if added.max() > 0 else -1)
    assert found.because_many(query, np.arange(12)).tolist() == expected
    assert [found.because(query, item) for item in range(12)] == expected
    assert found.because_many(Query(12, item=3), np.arange(2)).tolist() == [-1, -1]


@pytest.mark.parametrize("few", [0, 256])
@pytest.mark.parametrize("seed", range(6))
def test_replacing_rows_is_as_making_all_anew(seed, few, monkeypatch):
    """Any rows changed or added, one after the other: the same arrays and the same answers."""
    monkeypatch.setattr(terms, "_FEW", few)
    draw = np.random.default_rng(seed)
    found = drawn(draw, 9, size=int(draw.integers(5, 40)))
    column, value = np.array(found.column), np.array(found.value)
    for _ in range(5):
        size = len(column) + int(draw.integers(0, 3))
        old = draw.choice(len(column), 2, replace=False)
        rows = np.concatenate([old, np.arange(len(column), size)])
        other = drawn(draw, len(rows), size=int(draw.integers(5, 60)))
        column = np.concatenate([column, np.full((size - len(column), 4), -1, np.int32)])
        value = np.concatenate([value, np.zeros((size - len(value), 4), np.float32)])
        column[rows], value[rows] = other.column, other.value
        before = found.column.tobytes(), found.value.tobytes(), found.similar(0).tobytes()
        changed = found.patched(rows, other)
        after = found.column.tobytes(), found.value.tobytes(), found.similar(0).tobytes()
        assert before == after
        anew = ItemVectors(column.copy(), value.copy())
        for name, array in anew.arrays().items():
            assert changed.arrays()[name].tobytes() == array.tobytes()
        query = Query(size, history(old.tolist()), item=size - 1)
        assert changed.score(query).tobytes() == anew.score(query).tobytes()
        found = changed


def test_other_numbers_of_terms_do_not_mix():
    """Rows of three terms do not go into a model of two."""
    with pytest.raises(ValueError, match="2 terms"):
        model().patched(np.array([0]), drawn(np.random.default_rng(0), 1, n_terms=3))


def test_the_first_items_are_a_model():
    """For a page that knows fewer items than the model does."""
    found = model().first(3)
    assert found.n_items == 3
    assert found.score(Query(3, history([0]))).shape == (3,)
    assert found.similar(0)[1] > 0


def test_saved_vectors_are_read_again():
    """By their kind; also those of an empty shop, and of items of which nothing is said."""
    found = model()
    again = MODEL_KINDS["vectors"].from_arrays(found.arrays())
    assert again.similar(1).tolist() == found.similar(1).tolist()
    assert ItemVectors(COLUMN[:0], VALUE[:0]).score(Query(0)).tolist() == []
    assert ItemVectors(COLUMN[4:], VALUE[4:]).similar(0).tolist() == [0]


def broken(name, place, value):
    arrays = {"column": COLUMN.copy(), "value": VALUE.copy()}
    arrays[name][place] = value
    return arrays


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (broken("value", (0, 0), np.nan), "more than 0"),
        (broken("value", (0, 0), np.inf), "more than 0"),
        (broken("value", (0, 0), 0), "more than 0"),
        (broken("value", (3, 1), 1), "0 for padding"),
        (broken("value", (0, 0), -1), "more than 0"),
        (broken("column", (0, 0), -2), "as padding"),
        (broken("column", (3, 0), 2**24), "as padding"),
        (broken("column", (0, 1), 0), "ascending"),
        ({"column": COLUMN}, "expected the arrays"),
        ({"column": COLUMN, "value": VALUE.astype(float)}, "float32"),
        ({"column": COLUMN[0], "value": VALUE[0]}, "2 axes"),
        ({"column": COLUMN[:, :1], "value": VALUE}, "one shape"),
        ({"column": COLUMN[:, :0], "value": VALUE[:, :0]}, "one shape"),
    ],
)
def test_arrays_that_are_off_are_refused(arrays, message):
    """Each of these would make a wrong page."""
    with pytest.raises(ValueError, match=message):
        ItemVectors.from_arrays(arrays)
