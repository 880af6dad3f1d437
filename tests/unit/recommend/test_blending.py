"""Blends: by score as z-scores rank, by rank as reciprocal ranks add up."""

import numpy as np
import pytest

from knowingly.recommend.pages.blending import Part, blended


def part(scores, weight=1.0, rows=None):
    scores = np.array(scores, float)
    return Part(np.arange(len(scores)) if rows is None else np.array(rows), scores, weight)


def order(found):
    return found.rows[np.argsort(-found.scores, kind="stable")].tolist()


def test_by_score_it_ranks_as_z_scores_do():
    """Dividing by the deviation alone gives the order of weighted z-scores."""
    made_up = np.random.default_rng(5)
    first, second = made_up.random(50), 1_000 * made_up.random(50)
    z = [(one - one.mean()) / one.std() for one in (first, second)]
    found = blended([part(first, 2.0), part(second, 0.5)], "score", 50, 50)
    assert order(found) == np.argsort(-(2.0 * z[0] + 0.5 * z[1]), kind="stable").tolist()


def test_by_score_the_scale_of_an_algorithm_does_not_count():
    scores = [[3.0, 1.0, 0.0, 2.0], [0.0, 1.0, 5.0, 1.0]]
    plain = blended([part(one) for one in scores], "score", 4, 4)
    scaled = blended([part(scores[0]), part(np.array(scores[1]) * 1e6)], "score", 4, 4)
    assert np.allclose(plain.scores, scaled.scores)


def test_by_rank_reciprocals_add_up():
    """1 / (60 + rank), from each that puts the item forward."""
    found = blended([part([3, 2, 1]), part([0, 1, 2], 2.0)], "rank", 2, 3)
    assert found.rows.tolist() == [0, 1, 2]
    assert found.scores == pytest.approx([1 / 61, 1 / 62 + 2 / 62, 2 / 61])


def test_each_puts_forward_so_many():
    """An item that nobody puts among their best is no candidate, however many score it."""
    found = blended([part([5, 4, 3, 0]), part([0, 0, 3, 4])], "score", 1, 4)
    assert found.rows.tolist() == [0, 3]


@pytest.mark.parametrize("by", ["score", "rank"])
def test_never_stays_never(by):
    """What one of them says is never to be shown is not, whatever the others say."""
    found = blended([part([-np.inf, 1.0]), part([9.0, 1.0])], by, 10, 2)
    assert found.rows.tolist() == [1]


def test_who_says_the_same_of_everything_has_no_say():
    found = blended([part([2.0, 2.0, 2.0]), part([0.0, 3.0, 1.0])], "score", 10, 3)
    assert order(found) == [1, 2]
    assert (found.added[0] == 0).all()


@pytest.mark.parametrize("n", [3, 7, 46])
def test_rounding_is_no_say(n):
    """The deviation of equal numbers is seldom 0 to the last bit; nor is a sum in another order."""
    same = np.full(n, 1.2000000000000002)
    nearly = same * (1 + 1e-15 * np.random.default_rng(1).random(n))
    other = np.arange(1.0, n + 1)
    alone = blended([part(other)], "score", n, n)
    for silent in (same, nearly):
        found = blended([part(silent, 1e6), part(other)], "score", n, n)
        np.testing.assert_array_equal(found.scores, alone.scores)


def test_lists_of_different_items_are_put_together_by_catalogue_row():
    found = blended([part([1, 2], rows=[4, 7]), part([3, 1], rows=[7, 9])], "rank", 5, 10)
    assert found.rows.tolist() == [4, 7, 9]
    assert order(found)[0] == 7


def test_nothing_to_say_gives_nothing():
    found = blended([part([0.0, -1.0]), part([0.0, 0.0])], "score", 5, 2)
    assert not len(found.rows)


@pytest.mark.parametrize("by", ["score", "rank"])
def test_what_nothing_is_said_of_may_be_left_out(by):
    """Items that score 0 count in how far scores lie apart, whether they are handed over or not."""
    made_up = np.random.default_rng(7)
    scores = [made_up.normal(0.3, 1.0, 40) * (made_up.random(40) < 0.3) for _ in range(2)]
    scores[1][5] = -np.inf
    whole = blended([part(one) for one in scores], by, 9, 40)
    short = blended([Part.of(np.arange(40), one, 1.0) for one in scores], by, 9, 40)
    assert len(whole.rows) > 3
    np.testing.assert_array_equal(short.rows, whole.rows)
    np.testing.assert_allclose(short.added, whole.added, rtol=1e-12)


@pytest.mark.parametrize("by", ["score", "rank"])
def test_what_nobody_tells_apart_is_put_forward_all_the_same(by):
    """As the one item that a rule leaves; what is said of others would not come into it."""
    alone = blended([part([3.0], rows=[4]), part([0.2], 0.5, rows=[4])], by, 10, 6)
    assert alone.rows.tolist() == [4]
    alike = blended([part([2.0, 2.0, -np.inf]), part([1.0, 1.0, 1.0])], by, 10, 3)
    assert alike.rows.tolist() == [0, 1]
    against = blended([part([-2.0]), part([-1.0])], by, 10, 1)
    assert not len(against.rows)
