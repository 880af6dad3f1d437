"""Broad directions of taste: those of everybody, and of nobody alone."""

import numpy as np
import pytest

from knowingly import Block, EventKind, FitData, History, Query
from knowingly.domain.event import KIND_CODE
from knowingly_plugins import spectral
from knowingly_plugins.spectral import Spectral

PURCHASE = KIND_CODE[EventKind.PURCHASE]


def bought(items):
    size = len(items)
    return {
        "item": np.array(items, np.int32),
        "kind": np.full(size, PURCHASE, np.int8),
        "age_days": np.ones(size),
        "quantity": np.ones(size, np.int32),
        "order": np.zeros(size, np.int64),
    }


def fitted(people, n_items, floor=5, **options):
    """The model of what each of some people bought."""
    person = np.repeat(np.arange(len(people), dtype=np.int32), [len(one) for one in people])
    items = [item for one in people for item in one]
    block = Block(len(people), n_items, person, **bought(items))
    data = FitData(n_items=n_items, floor=floor, seed=1, source=lambda: [block])
    return Spectral(options).fit(data)


def asked(model, *items):
    return model.score(Query(model.n_items, History(**bought(items))))


def two_tastes(people=60, seed=2, n_items=20):
    """Six items of the lower half each, or of the upper."""
    made_up, half = np.random.default_rng(seed), n_items // 2
    return [(made_up.permutation(half)[:6] + half * (one % 2)).tolist() for one in range(people)]


def test_two_tastes_are_two_directions():
    """Whoever bought one thing of a half is shown that half, and nothing of the other."""
    model = fitted(two_tastes(), 20, factors=2)
    scores = asked(model, 3)
    assert (scores[:10] > 0.05).all()
    np.testing.assert_allclose(scores[10:], 0, atol=1e-6)


def test_a_score_is_that_of_the_filter_written_out():
    """The history over the roots of the totals, through the first vectors, times the roots."""
    people = two_tastes(seed=3)
    chosen = np.zeros((len(people), 20))
    for row, items in enumerate(people):
        chosen[row, items] = 1
    by_item = np.sqrt(chosen.sum(axis=0))
    right = np.linalg.svd(chosen / np.sqrt(chosen.sum(axis=1))[:, None] / by_item)[2][:3]
    history = np.zeros(20)
    history[[1, 4, 15]] = 1
    expected = (history / by_item) @ right.T @ right * by_item
    model = fitted(people, 20, factors=3)
    np.testing.assert_allclose(asked(model, 1, 4, 15), expected, atol=1e-6)


def test_many_items_are_fitted_like_few(monkeypatch):
    """The iteration finds what the whole decomposition does."""
    people = two_tastes(seed=4)
    whole = fitted(people, 20, factors=3)
    monkeypatch.setattr(spectral, "SMALL", 0)
    np.testing.assert_allclose(asked(fitted(people, 20, factors=3), 2), asked(whole, 2), atol=1e-5)


@pytest.mark.parametrize("small", [spectral.SMALL, 0])
def test_a_direction_of_too_few_people_is_left_out(monkeypatch, small):
    """Four buy the same three things, which others buy among many: a taste, but of too few."""
    monkeypatch.setattr(spectral, "SMALL", small)
    crowd = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]] * 20
    own = [[4, 5, 6]] * 4 + [[0, 1, 2, 3, item] for item in (4, 5, 6)] * 2

    def says(floor):
        return asked(fitted(crowd + own, 7, floor=floor, factors=2), 4)[5:]

    assert says(floor=2).min() > 0.2
    assert says(floor=6).max() < 0.05


def test_an_item_of_too_few_people_says_nothing_and_is_not_shown():
    people = [*two_tastes(), *[[0, 20]] * 4]
    model = fitted(people, 21)
    assert not model.factor[20].any()
    assert not asked(model, 20).any()
    assert fitted([*people, [0, 20]], 21).factor[20].any()


def test_no_more_directions_than_there_are():
    """One shape of history is one direction: the others are rounding, and are not served."""
    model = fitted([[0, 1, 2]] * 40, 3, floor=1, factors=8)
    assert np.count_nonzero(np.abs(model.factor).sum(axis=0) > 0) == 1
    np.testing.assert_allclose(asked(model, 0), 1 / 3, atol=1e-6)
