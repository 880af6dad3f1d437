"""EASE: weights as in the paper, forgetting as a refit to a millionth, and no pair alone."""

import threading

import numpy as np
import pytest

from knowingly import PluginError
from knowingly.recommend import guard
from knowingly.recommend.interface.counts import MemoryCounts, touched_rows
from knowingly.testing.algorithms import check_same
from knowingly.testing.data import as_fit_data, make_choices
from knowingly_plugins import ease, inverse
from knowingly_plugins.ease import Ease
from knowingly_plugins.inverse import Inverse

N_PEOPLE, N_ITEMS = 260, 140
OPTIONS = {"l2": 20, "neighbours": 12}


def lives(seed, n_people=N_PEOPLE, n_items=N_ITEMS):
    """Who chose what: a long tail of items, light and heavy buyers."""
    rng = np.random.default_rng(seed)
    liked = 1 / np.sqrt(np.arange(1, n_items + 1))
    return rng.random((n_people, n_items)) < rng.uniform(0.02, 0.8, n_people)[:, None] * liked


def to_block(chosen):
    people, items = chosen.nonzero()
    return make_choices(people, items, n_people=len(chosen), n_items=chosen.shape[1])


def textbook(counts, l2):
    """Every weight there is, as the paper has it."""
    inverted = np.linalg.inv(counts.rows(np.arange(counts.n_items)) + l2 * np.eye(counts.n_items))
    weights = -inverted / np.diag(inverted)
    np.fill_diagonal(weights, 0.0)
    return weights


class Shop:
    """Counts and the model of them, from which people and choices are taken."""

    def __init__(self, algorithm, chosen, floor=3):
        self.algorithm, self.chosen = algorithm, chosen
        self.counts = algorithm.total(as_fit_data(to_block(chosen), floor=floor))
        self.model = algorithm.build(self.counts)

    def forget(self, people, keep=None):
        """Some people whole, or all that they did not ``keep``."""
        before = to_block(self.chosen[people])
        self.chosen[people] = False if keep is None else keep
        delta = self.algorithm.count(before) - self.algorithm.count(to_block(self.chosen[people]))
        self.counts = self.counts.subtract(delta)
        self.model = self.algorithm.rebuild(self.model, self.counts, touched_rows(delta), delta)

    def check(self):
        check_same(self.model, self.algorithm.build(self.counts), self.algorithm.tolerance)


@pytest.fixture
def inverted(monkeypatch):
    """How often counts were inverted."""
    found = []

    class Counted(Inverse):
        def __init__(self, *arguments):
            found.append(1)
            super().__init__(*arguments)

    monkeypatch.setattr(ease, "Inverse", Counted)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_listed_weights_are_those_of_the_textbook(seed):
    """Of each item's strongest neighbours by cosine, which are at least the floor's people."""
    shop = Shop(Ease(OPTIONS), lives(seed))
    model, expected = shop.model, textbook(shop.counts, 20)
    listed = model.neighbour >= 0
    rows = np.nonzero(listed)[0]
    columns = model.neighbour[listed]
    np.testing.assert_allclose(model.weight[listed], expected[rows, columns], atol=1e-6)
    assert (shop.counts.rows(np.arange(N_ITEMS))[rows, columns] >= 3).all()
    assert 0 < listed.sum() < N_ITEMS * 12, "some lists are full and some are not"


def test_the_rest_is_the_best_that_two_figures_can_say():
    """By least squares over every pair that is not listed, item by item."""
    shop = Shop(Ease(OPTIONS), lives(0))
    model, expected = shop.model, textbook(shop.counts, 20)
    assert np.count_nonzero(model.base) > N_ITEMS / 2
    for item in np.flatnonzero(model.base):
        left = ~(model.neighbour == item).any(axis=1)
        left[item] = False
        reach = model.reach[left]
        best = reach @ expected[left, item] / (reach @ reach)
        assert model.base[item] == pytest.approx(best, abs=1e-12)


def test_the_rest_comes_near_to_all_weights():
    """With the two figures, scores are nearer to the textbook's than without them."""
    shop = Shop(Ease(OPTIONS), lives(1))
    expected = textbook(shop.counts, 20)
    served = np.array([shop.model.similar(item) for item in range(N_ITEMS)])
    alone = np.zeros_like(served)
    for item in range(N_ITEMS):
        listed = shop.model.neighbour[item][shop.model.neighbour[item] >= 0]
        alone[item, listed] = served[item, listed]
    wanted = shop.chosen @ expected
    gaps = [np.square(shop.chosen @ one - wanted).sum() for one in (served, alone)]
    assert gaps[0] < gaps[1]


@pytest.mark.parametrize("seed", range(3))
def test_many_forgets_equal_a_refit(seed, inverted):
    """Whole people and parts of people, light and heavy, one after the other, inverting once."""
    shop, rng = Shop(Ease(OPTIONS), lives(seed)), np.random.default_rng(seed)
    del inverted[:]
    for turn, person in enumerate(rng.permutation(N_PEOPLE)[:200]):
        keep = shop.chosen[person] & (rng.random(N_ITEMS) < 0.6) if turn % 2 else None
        shop.forget([person], keep)
    assert len(inverted) == 1
    shop.check()


def test_who_got_ready_inverts_no_more(inverted, monkeypatch):
    """Also for a model from which others have subtracted, and which is rounded otherwise."""
    shop = Shop(Ease(OPTIONS), lives(7))
    for person in range(9):
        shop.forget([person])
    monkeypatch.setattr(ease, "KEPT", ease.Kept())
    again = shop.algorithm.build(shop.counts).arrays()["base"]
    assert (again != shop.model.arrays()["base"]).any()
    del inverted[:]
    for _ in range(2):
        shop.algorithm.prepare(shop.model, shop.counts)
    shop.forget([9])
    assert len(inverted) == 1
    shop.check()


def test_several_people_at_once_equal_a_refit(inverted, monkeypatch):
    """Tens are subtracted; of more it is cheaper to invert again, and just as exact."""
    shop = Shop(Ease(OPTIONS), lives(4))
    shop.forget([0])
    del inverted[:]
    shop.forget([1, 2, 3])
    shop.forget(list(range(10, 30)))
    assert not inverted
    shop.check()
    monkeypatch.setattr(inverse, "MOST_RANK", 19)
    shop.forget(list(range(30, 50)))
    assert len(inverted) == 1
    shop.check()


def test_what_is_no_sum_of_people_is_inverted_again():
    """Many kinds of rows, of which some grow where others fall: nothing is changed."""
    rng = np.random.default_rng(8)
    chosen = (rng.random((200, 30)) < 0.3).astype(np.int64)
    known = Inverse(MemoryCounts(chosen.T @ chosen, floor=1), 1.0)
    before = known.diagonal()
    less = chosen[:20].T @ chosen[:20] - chosen[20:40].T @ chosen[20:40]
    assert known.subtract(np.arange(30), less) is None
    assert known.diagonal().tolist() == before.tolist()


def test_everyone_can_be_forgotten():
    """Down to nobody, where nothing has anything to say."""
    shop = Shop(Ease(OPTIONS), lives(5, n_people=30))
    for person in range(30):
        shop.forget([person])
    shop.check()
    assert not shop.model.weight.any()
    assert not shop.model.base.any()


def test_after_many_subtractions_it_inverts_again(inverted, monkeypatch):
    """From the integers, so that rounding cannot pile up for ever."""
    monkeypatch.setattr(inverse, "MOST_SUBTRACTED", 3)
    shop = Shop(Ease(OPTIONS), lives(6))
    del inverted[:]
    for person in np.flatnonzero(shop.chosen.any(axis=1))[:9]:
        shop.forget([person])
    assert len(inverted) == 3
    shop.check()


def test_near_to_singular_it_inverts_again():
    """Where a subtraction would lose its digits, nothing is changed."""
    counts = MemoryCounts(np.full((2, 2), 10_000_000), floor=1)
    known = Inverse(counts, 1.0)
    before = known.at(np.arange(2), np.array([[0, 1], [0, 1]]))
    assert known.subtract(np.arange(2), np.full((2, 2), 10_000_000)) is None
    after = known.at(np.arange(2), np.array([[0, 1], [0, 1]]))
    assert after.tolist() == before.tolist()


def test_another_model_is_never_mistaken():
    """After a rollback, another tenant or another process, it inverts again, and is right."""
    one, other = Shop(Ease(OPTIONS), lives(7)), Shop(Ease(OPTIONS), lives(8))
    rolled_back = (one.counts, one.model, one.chosen.copy())
    one.forget([0])
    one.counts, one.model, one.chosen = rolled_back
    one.forget([1])
    one.check()
    other.forget([0])
    other.check()
    one.forget([2])
    one.check()
    one.algorithm = Ease({**OPTIONS, "l2": 30})
    one.model = one.algorithm.build(one.counts)
    one.forget([3])
    one.check()


def test_forgets_of_several_threads_are_told_apart():
    """Each shop has a thread of its own, and one matrix is kept between them."""
    shops = [Shop(Ease(OPTIONS), lives(seed, n_items=60)) for seed in range(4)]

    def work(shop):
        for person in range(12):
            shop.forget([person])

    threads = [threading.Thread(target=work, args=(shop,)) for shop in shops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for shop in shops:
        shop.check()


def test_a_pair_of_too_few_people_has_no_weight_of_its_own():
    """Nor does it show in the figures of the rest, where few pairs would be in one."""
    people, items = np.nonzero(np.arange(8)[:, None] >= [0, 0, 4, 5])
    block = make_choices(people, items, n_people=8, n_items=4)
    model = Ease({"l2": 1}).fit(as_fit_data(block, floor=4))
    assert model.neighbour.tolist()[3] == [-1] * 100, "item 3 has three people"
    assert 3 not in model.neighbour
    assert model.reach[3] == 0
    assert not model.base.any()
    assert model.weight[0, model.neighbour[0] == 1] > 0


def test_items_of_too_few_people_are_in_no_figure_of_the_rest():
    """Where too few others are left, there is none, however many unknown items there are."""
    chosen = lives(3, n_items=20)
    unknown = np.zeros((N_PEOPLE, 150), bool)
    unknown[0] = True
    model = Shop(Ease(OPTIONS), np.hstack([chosen, unknown])).model
    assert not model.reach[20:].any()
    assert not model.base.any()


def test_too_many_items_are_refused_by_name():
    """Before any memory is taken, with what to write instead."""
    data = as_fit_data(to_block(lives(9)))
    with pytest.raises(PluginError, match=r"ease.*140 items.*max_items is 100.*min_item_subjects"):
        guard.fit(Ease({"max_items": 100}), data)
    assert guard.fit(Ease({"max_items": 140}), data)[0].n_items == N_ITEMS


def test_counts_that_are_of_no_people_are_refused():
    """Nobody can have chosen two items together and neither alone."""
    counts = MemoryCounts(np.array([[0, 900], [900, 0]]), floor=1)
    with pytest.raises(ValueError, match="pairs"):
        Inverse(counts, 1.0)
