"""The figures of a ranking: by hand, and against ranx where it is installed."""

import math

import numpy as np
import pytest
from scipy import sparse

from knowingly.errors import InputError
from knowingly.evaluate.metrics import coverage_at_k, ndcg_at_k, top_rows

RANKED = np.array([[3, 0, 2], [1, 4, -1], [0, 1, 2], [-1, -1, -1]])
RELEVANT = [{0, 2, 9}, {4}, set(), {5}]


def as_csr(relevant, n_items):
    matrix = sparse.lil_array((len(relevant), n_items), dtype=np.int8)
    for person, items in enumerate(relevant):
        for item in items:
            matrix[person, item] = 1
    return matrix.tocsr()


def random_case(seed, n_people=60, n_items=40, k=10):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n_people, n_items))
    relevant = [set(np.flatnonzero(row).tolist()) for row in rng.random(scores.shape) < 0.1]
    return top_rows(scores, None, k), relevant


def test_ndcg_by_hand():
    """Two hits at 2 and 3 of three test items, one at 2 of one, none of one; one is left out."""
    first = (1 / math.log2(3) + 1 / math.log2(4)) / (1 + 1 / math.log2(3) + 1 / math.log2(4))
    second = 1 / math.log2(3)
    assert ndcg_at_k(RANKED, RELEVANT, 3) == pytest.approx((first + second + 0) / 3)


def test_ideal_has_no_more_terms_than_k():
    """With three test items and one place, a hit there is a perfect list."""
    assert ndcg_at_k(np.array([[2]]), [{0, 2, 9}], 1) == 1.0


def test_ideal_counts_places_that_were_left_empty():
    """A ranking shorter than k is not forgiven the places it did not fill."""
    full = 1 + 1 / math.log2(3)
    assert ndcg_at_k(np.array([[2]]), [{2, 5}], 2) == pytest.approx(1 / full)


def test_coverage_counts_distinct_items():
    """0 to 4 were recommended, of 10; padding is no item."""
    assert coverage_at_k(RANKED, 10) == 0.5


def test_forms_of_relevant_agree():
    """A sparse matrix, sets and arrays say the same; an explicit zero is no test item."""
    ranked, relevant = random_case(1)
    matrix = as_csr(relevant, 40)
    expected = ndcg_at_k(ranked, relevant, 10)
    assert ndcg_at_k(ranked, matrix, 10) == expected
    assert ndcg_at_k(ranked, [np.array([*items, *items], dtype=int) for items in relevant], 10) == (
        expected
    )
    noisy = matrix.copy()
    noisy.data[:] = 0
    with pytest.raises(InputError, match="at least one person"):
        ndcg_at_k(ranked, noisy, 10)


@pytest.mark.parametrize(
    ("ranked", "relevant", "k", "field"),
    [
        (RANKED, RELEVANT[:3], 3, "relevant"),
        (RANKED, RELEVANT, 0, "k"),
        (np.array([[1, 1]]), [{1}], 2, "ranked"),
        (np.array([1, 2]), [{1}], 2, "ranked"),
        (np.array([[1.0]]), [{1}], 2, "ranked"),
        (np.array([[1]]), [{-1}], 2, "relevant"),
        (np.array([[1]]), [set()], 2, "relevant"),
    ],
)
def test_bad_input_is_named(ranked, relevant, k, field):
    """What does not fit is refused by name, not averaged."""
    with pytest.raises(InputError) as error:
        ndcg_at_k(ranked, relevant, k)
    assert error.value.field == field


def test_coverage_refuses_rows_outside_the_catalogue():
    """A share above what exists cannot be reported."""
    with pytest.raises(InputError, match="n_items"):
        coverage_at_k(RANKED, 4)


def test_padding_never_hits_the_last_item_of_the_person_before():
    """-1 stands for nothing, not for a neighbouring entry."""
    assert ndcg_at_k(np.array([[0, 1], [-1, -1]]), [{9}, {0}], 2) == 0


def test_top_rows_breaks_ties_by_the_lower_row():
    """Equal scores come in catalogue order, also where the list is cut."""
    scores = np.array([[1.0, 3.0, 2.0, 3.0, 2.0, 2.0]])
    assert top_rows(scores, None, 4).tolist() == [[1, 3, 2, 4]]
    assert top_rows(scores.astype(np.uint8), None, 4).tolist() == [[1, 3, 2, 4]]


def test_top_rows_never_ranks_what_is_excluded_or_not_above_zero():
    """Zero, negative, -inf and NaN are no recommendation; what is left over is -1."""
    scores = np.array([[5.0, 0.0, -1.0, -np.inf, np.nan, 1.0], [2.0, 9.0, 1.0, 0.0, 0.0, 0.0]])
    before = scores.copy()
    mask = np.zeros(scores.shape, dtype=bool)
    mask[1, 1] = True
    expected = [[0, 5, -1], [0, 2, -1]]
    explicit_zero = sparse.csr_array(([1, 0], ([1, 0], [1, 0])), shape=scores.shape)
    assert top_rows(scores, mask, 3).tolist() == expected
    assert top_rows(scores, sparse.csr_array(mask), 3).tolist() == expected
    assert top_rows(scores, explicit_zero, 3).tolist() == expected
    assert top_rows(scores, None, 3).tolist() == [[0, 5, -1], [1, 0, 2]]
    np.testing.assert_array_equal(scores, before)


def test_top_rows_equals_a_full_stable_sort():
    """The shortcut for long catalogues changes nothing."""
    scores = np.random.default_rng(2).integers(0, 6, size=(50, 200))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :20]
    expected = np.where(np.take_along_axis(scores, order, axis=1) > 0, order, -1)
    np.testing.assert_array_equal(top_rows(scores, None, 20), expected)


def test_top_rows_refuses_shapes_that_do_not_fit():
    """An exclusion of other people's or items' shape is an error."""
    with pytest.raises(InputError, match="exclude"):
        top_rows(np.ones((2, 3)), np.zeros((2, 2), dtype=bool), 1)
    with pytest.raises(InputError, match="k"):
        top_rows(np.ones((2, 3)), None, 0)


@pytest.mark.filterwarnings("ignore")  # ranx compiles with numba, whose warnings are not ours
@pytest.mark.parametrize("k", [1, 5, 10])
def test_ranx_agrees(k):
    """The same nDCG as ranx, over the people who have a test item."""
    ranx = pytest.importorskip("ranx", reason="ranx is not installed", exc_type=ImportError)
    ranked, relevant = random_case(3)
    judged = {str(p): {str(i): 1 for i in items} for p, items in enumerate(relevant) if items}
    assert 0 < len(judged) <= len(relevant)
    run = {
        str(p): {str(i): 1.0 / (place + 1) for place, i in enumerate(row) if i >= 0}
        for p, row in enumerate(ranked)
        if relevant[p]
    }
    theirs = ranx.evaluate(ranx.Qrels(judged), ranx.Run(run), f"ndcg@{k}")
    assert ndcg_at_k(ranked, relevant, k) == pytest.approx(theirs, abs=1e-9)
