# ruff: noqa: S101 - assert is how a pytest kit says what must hold
"""What every algorithm must do; subclass ``AlgorithmContract`` in a test file of your own.

::

    class TestRecent(AlgorithmContract):
        algorithm = Recent
        options = {"half_life_days": 3}
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from knowingly.domain.event import KIND_CODE, MAX_QUANTITY, EventKind
from knowingly.recommend.guard import MAX_SCORE
from knowingly.recommend.interface.algorithms import (
    INTERFACE,
    MAX_TOLERANCE,
    Algorithm,
    CountingAlgorithm,
    Model,
)
from knowingly.recommend.interface.arrays import Rows
from knowingly.recommend.interface.block import Block, FitData
from knowingly.recommend.interface.counts import MemoryCounts, touched_rows
from knowingly.recommend.interface.query import Query
from knowingly.recommend.models.kinds import MODEL_KINDS
from knowingly.testing.data import (
    as_fit_data,
    make_block,
    make_choices,
    make_fit_data,
    make_history,
    make_items,
    make_queries,
    often,
)

__all__ = ["AlgorithmContract", "make_block", "make_fit_data"]

N_PEOPLE = 61
N_ITEMS = 17
SEEDS = (0, 1, 2)
SLUG = re.compile(r"[a-z][a-z0-9_]{0,39}")


class AlgorithmContract:
    """The contract of ``algorithm``, made with ``options``; each ``test_`` says what is true.

    Stability: plugin.
    """

    algorithm: ClassVar[type[Algorithm[Any]]]
    options: ClassVar[Mapping[str, Any]] = {}

    def make(self) -> Algorithm[Any]:
        """The algorithm under test."""
        return self.algorithm(self.options)

    def counting(self) -> CountingAlgorithm[Any]:
        """The algorithm under test, where it is a counting one."""
        algorithm = self.make()
        if not isinstance(algorithm, CountingAlgorithm):
            pytest.skip(f"{algorithm.name} is not a CountingAlgorithm")
        return algorithm

    def fit_data(self, block: Block, floor: int) -> FitData:
        """These people, and what the items are where the algorithm under test asks for it."""
        data = as_fit_data(block, floor=floor)
        if self.algorithm.needs_items:
            data = replace(data, items=make_items(block.n_items, 0))
        return data

    def test_its_class_says_what_it_is(self) -> None:
        """The name is a slug, the interface ours, and exact forgetting means counting.

        What is exact is so bit for bit, or to a millionth where it says so.
        """
        assert SLUG.fullmatch(self.algorithm.name), "name must be a slug"
        assert self.algorithm.interface == INTERFACE
        assert self.algorithm.forgets in ("exact", "refit", "stateless")
        assert (self.algorithm.forgets == "exact") == issubclass(self.algorithm, CountingAlgorithm)
        if issubclass(self.algorithm, CountingAlgorithm):
            assert 0 <= self.algorithm.tolerance <= MAX_TOLERANCE
            assert self.algorithm.fit is CountingAlgorithm.fit, (
                "a shop asks for count and build, and never for fit: override those"
            )

    def test_it_says_in_a_sentence_what_it_goes_by(self) -> None:
        """``explains`` is shown to people who ask why they see what they see."""
        words = self.algorithm.explains
        assert 10 <= len(words) <= 200, "explains must be a sentence of 10 to 200 characters"
        assert words[0].isupper(), "explains must be a sentence: begin it with a capital"
        assert words.endswith("."), "explains must be a sentence: end it with a full stop"
        assert "\n" not in words, "explains must be one line"

    def test_options_round_trip_through_json(self) -> None:
        """Options written as JSON and read again are the same options."""
        options = self.make().options
        again = self.algorithm.options_type.model_validate_json(options.model_dump_json())
        assert again == options
        assert self.algorithm(again).options == options

    def test_unknown_options_are_refused(self) -> None:
        """An option that does not exist is an error, not ignored; options cannot be changed."""
        with pytest.raises(ValidationError):
            self.algorithm({**self.options, "no_such_option": 1})
        assert self.algorithm.options_type.model_config.get("frozen")

    @pytest.mark.parametrize(("n_people", "n_items"), [(0, N_ITEMS), (0, 0), (3, 0)])
    def test_an_empty_shop_can_be_fitted(self, n_people: int, n_items: int) -> None:
        """Nobody, or nothing to choose from, gives a model that has nothing to say."""
        for n_blocks in (1, 2):
            data = make_fit_data(n_people, n_items, 0, n_blocks=n_blocks)
            check_answers(self.make().fit(data), n_items)
        check_answers(self.make().fit(FitData(n_items=n_items, floor=5, seed=1)), n_items)

    def test_one_event_can_be_fitted(self) -> None:
        """One person who did one thing is enough to be fitted."""
        block = make_choices(np.array([0]), np.array([2]), n_people=1, n_items=N_ITEMS)
        check_answers(self.make().fit(as_fit_data(block)), N_ITEMS)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_answers_are_well_formed(self, seed: int) -> None:
        """Every query gets one float64 per item and no NaN; reasons are positions or -1."""
        model = self.make().fit(make_fit_data(N_PEOPLE, N_ITEMS, seed))
        assert model.n_items == N_ITEMS
        check_answers(model, N_ITEMS)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_fit_can_be_repeated(self, seed: int) -> None:
        """The same data and seed give the same arrays."""
        first, second = (self.make().fit(make_fit_data(N_PEOPLE, N_ITEMS, seed)) for _ in range(2))
        check_same(first, second)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_model_is_its_arrays(self, seed: int) -> None:
        """The arrays, copied, give a model of the same answers; one too few is refused."""
        model = self.make().fit(make_fit_data(N_PEOPLE, N_ITEMS, seed))
        assert MODEL_KINDS.get(model.kind) is type(model), "only the models that ship can be stored"
        saved = {name: np.array(array) for name, array in model.arrays().items()}
        again = type(model).from_arrays(saved)
        check_same(model, again)
        for query in make_queries(N_ITEMS, seed):
            np.testing.assert_array_equal(again.score(query), model.score(query))
        saved.popitem()
        with pytest.raises(ValueError, match=r".+"):
            type(model).from_arrays(saved)

    def test_the_most_and_the_least_that_an_event_can_say(self) -> None:
        """A million units, just now or ten years ago; and a history in which nothing weighs."""
        block = make_block(N_PEOPLE, N_ITEMS, 0)
        much = np.full_like(block.quantity, MAX_QUANTITY)
        ages = np.where(block.item % 2, 0.0, 3650.0)
        model = self.make().fit(as_fit_data(replace(block, quantity=much, age_days=ages)))
        check_answers(model, N_ITEMS)
        history = make_history(block, 1)
        hidden = replace(history, kind=np.full_like(history.kind, KIND_CODE[EventKind.HIDE]))
        for own in (hidden, replace(history, quantity=much[: len(history)])):
            _check_scores(model.score(Query(N_ITEMS, own)), N_ITEMS)
            assert len(model.because_many(Query(N_ITEMS, own), np.arange(N_ITEMS))) == N_ITEMS

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_candidate_has_its_score_whoever_the_others_are(self, seed: int) -> None:
        """Items that may not be shown can be left out, and change nothing for the rest."""
        model = self.make().fit(make_fit_data(N_PEOPLE, N_ITEMS, seed))
        *_, every, some = make_queries(N_ITEMS, seed)
        rows = some.candidates
        np.testing.assert_array_equal(model.score(some)[rows], model.score(every)[rows])

    def test_a_model_keeps_items_and_no_people(self) -> None:
        """The first axis of each array is the items, and no axis is as long as the people."""
        for n_people in (N_PEOPLE, N_PEOPLE + 22):
            model = self.make().fit(make_fit_data(n_people, N_ITEMS, 0))
            for name, array in model.arrays().items():
                assert array.shape[0] == N_ITEMS, f"{name}: the first axis is not the items"
                assert n_people not in array.shape, f"{name}: as long as the people"

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_order_of_people_does_not_matter(self, seed: int) -> None:
        """The same people in another order and other blocks give the same scores.

        Of a counting algorithm bit for bit, of others to rounding. One that is refitted may learn
        in the order in which it is told: that it can be repeated is enough.
        """
        if self.algorithm.forgets == "refit":
            pytest.skip(f"{self.algorithm.name} may learn in the order of people")
        block = make_block(N_PEOPLE, N_ITEMS, seed)
        mixed = np.random.default_rng(seed).permutation(N_PEOPLE)
        model = self.make().fit(as_fit_data(block))
        other = self.make().fit(as_fit_data(*(block.select(p) for p in np.split(mixed, [9, 40]))))
        for query in make_queries(N_ITEMS, seed):
            np.testing.assert_allclose(other.score(query), model.score(query), rtol=1e-6, atol=1e-9)
        if isinstance(self.make(), CountingAlgorithm):
            check_same(model, other)

    def test_what_forgets_nobody_learns_from_nobody(self) -> None:
        """Of a stateless algorithm: the model is the same whoever did whatever, and from nobody."""
        if self.algorithm.forgets != "stateless":
            pytest.skip(f"{self.algorithm.name} learns from people")
        nobody = self.make().fit(FitData(n_items=N_ITEMS, floor=5, seed=1))
        for seed in SEEDS:
            check_same(nobody, self.make().fit(make_fit_data(N_PEOPLE, N_ITEMS, seed)))

    def test_what_too_few_share_does_not_show(self) -> None:
        """Of a counting algorithm, a figure of fewer people than the floor scores nothing.

        However often they did it, and with however many units: the floor counts people.
        """
        algorithm = self.counting()
        few = 4
        block = often(
            np.repeat(np.arange(few), 3), np.tile([0, 1, 2], few), n_people=few, n_items=N_ITEMS
        )
        crowd = often(*_pairs(make_block(N_PEOPLE, N_ITEMS, 0)), n_people=N_PEOPLE, n_items=N_ITEMS)
        for some, floor in ((block, few + 1), (crowd, N_PEOPLE + 1)):
            model = algorithm.fit(self.fit_data(some, floor))
            for query in make_queries(N_ITEMS, 0):
                assert (model.score(query) <= 0).all()
            for item in range(N_ITEMS):
                assert (model.similar(item) <= 0).all()

    def test_a_pair_that_too_few_share_is_not_listed(self) -> None:
        """Of a counting algorithm, also where enough people chose each of the two."""
        algorithm = self.counting()
        people = np.array([0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7])
        items = np.array([0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1])
        model = algorithm.fit(self.fit_data(often(people, items, n_people=8, n_items=N_ITEMS), 5))
        listed = model.arrays().get("neighbour")
        if listed is None:
            pytest.skip(f"{algorithm.name} lists no pairs")
        assert 1 not in listed[0], "four people chose both items, and the floor is five"
        assert 0 not in listed[1], "four people chose both items, and the floor is five"

    @pytest.mark.parametrize("seed", SEEDS)
    def test_counts_add_up_over_people(self, seed: int) -> None:
        """``count(A + B) == count(A) + count(B)``, in integers >= 0, one row per item."""
        algorithm = self.counting()
        first, second = make_block(N_PEOPLE, N_ITEMS, seed), make_block(9, N_ITEMS, seed + 100)
        both = algorithm.count(Block.concatenate([first, second]))
        assert both.shape[0] == N_ITEMS
        assert np.issubdtype(both.dtype, np.integer)
        assert both.min() >= 0
        apart = algorithm.count(first) + algorithm.count(second)
        assert abs(both - apart).sum() == 0
        assert algorithm.count(Block.empty(N_ITEMS)).shape == both.shape

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("floor", [1, 3, 5])
    def test_forgetting_equals_a_refit(self, seed: int, floor: int) -> None:
        """Person after person subtracted, the model is that of the others, to ``tolerance``."""
        algorithm = self.counting()
        block = make_block(N_PEOPLE, N_ITEMS, seed)
        counts = algorithm.total(self.fit_data(block, floor))
        model = algorithm.build(counts)
        for person in np.random.default_rng(seed).permutation(N_PEOPLE):
            delta = algorithm.count(block.select(np.array([person])))
            counts = counts.subtract(delta)
            before = {name: array.tobytes() for name, array in model.arrays().items()}
            left = algorithm.rebuild(model, as_served(counts), touched_rows(delta), delta)
            after = {name: array.tobytes() for name, array in model.arrays().items()}
            assert after == before, "rebuild changed the model it was given"
            check_same(left, algorithm.build(counts), algorithm.tolerance)
            model = left
        nobody = algorithm.fit(self.fit_data(Block.empty(N_ITEMS), floor))
        check_same(model, nobody, algorithm.tolerance)

    def test_getting_ready_to_forget_changes_nothing(self) -> None:
        """What is served stays as it is, and forgetting comes to the same."""
        algorithm = self.counting()
        block = make_block(N_PEOPLE, N_ITEMS, 0)
        counts = algorithm.total(self.fit_data(block, 3))
        model = algorithm.build(counts)
        before = {name: array.tobytes() for name, array in model.arrays().items()}
        for _ in range(2):
            algorithm.prepare(model, as_served(counts))
        assert {name: array.tobytes() for name, array in model.arrays().items()} == before
        delta = algorithm.count(block.select(np.arange(3)))
        counts = counts.subtract(delta)
        left = algorithm.rebuild(model, as_served(counts), touched_rows(delta), delta)
        check_same(left, algorithm.build(counts), algorithm.tolerance)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_forgetting_a_part_equals_a_refit(self, seed: int) -> None:
        """Some items of a person subtracted, the model is that of what is left."""
        algorithm = self.counting()
        block = make_block(N_PEOPLE, N_ITEMS, seed)
        rest = _without(block, person=5, item=int(block.item[block.person == 5][0]))
        counts = algorithm.total(self.fit_data(rest, 2))
        before = algorithm.total(self.fit_data(block, 2))
        delta = algorithm.count(block) - algorithm.count(rest)
        model = algorithm.build(before)
        left = algorithm.rebuild(model, as_served(counts), touched_rows(delta), delta)
        check_same(left, algorithm.build(counts), algorithm.tolerance)


def _pairs(block: Block) -> tuple[Rows, Rows]:
    """Who did anything with what, sorted."""
    pairs = np.unique(block.person.astype(np.int64) * block.n_items + block.item)
    return pairs // block.n_items, pairs % block.n_items


def as_served(counts: MemoryCounts) -> MemoryCounts:
    """The counts as a shop hands them over to forget somebody: what the items are is not there.

    A model keeps what ``rebuild`` needs of that.

    Stability: plugin.
    """
    return MemoryCounts(counts.matrix, floor=counts.floor)


def _without(block: Block, *, person: int, item: int) -> Block:
    kept = (block.person != person) | (block.item != item)
    columns = ("person", "item", "kind", "age_days", "quantity", "order")
    return Block(block.n_people, block.n_items, *(getattr(block, name)[kept] for name in columns))


def check_same(first: Model, second: Model, tolerance: float = 0.0) -> None:
    """Two models have the same arrays, bit for bit.

    With a ``tolerance``, real numbers may be that far apart; everything else is still the same.

    Stability: plugin.
    """
    one, other = first.arrays(), second.arrays()
    assert type(first) is type(second)
    assert set(one) == set(other)
    for name, array in one.items():
        assert array.dtype == other[name].dtype, name
        assert array.shape == other[name].shape, name
        if tolerance and array.dtype.kind == "f":
            here, there = array.astype(float), other[name].astype(float)
            apart = np.subtract(here, there, out=np.zeros_like(here), where=here != there)
            gap = np.abs(apart).max(initial=0.0)
            assert gap <= tolerance, f"{name} differs by {gap}"
        else:
            assert array.tobytes() == other[name].tobytes(), f"{name} differs"


def check_answers(model: Model, n_items: int) -> None:
    """A model's answers to queries of all forms are well-formed.

    Stability: plugin.
    """
    for query in make_queries(n_items, 7):
        _check_scores(model.score(query), n_items)
        asked = np.arange(n_items)
        because = model.because_many(query, asked)
        assert because.shape == (n_items,)
        assert ((because >= -1) & (because < len(query.history))).all()
        assert [model.because(query, int(item)) for item in asked] == because.tolist()
    for item in range(n_items):
        _check_scores(model.similar(item), n_items)
    if n_items:
        _check_company(model, np.unique([0, n_items // 3, n_items - 1]))


def _check_company(model: Model, items: Rows) -> None:
    """Of several items it says the same as of each alone, but for rounding."""
    alone = np.array([model.similar(int(item)) for item in items])
    near = 1e-5 * max(1.0, float(np.abs(alone[np.isfinite(alone)]).max(initial=0.0)))
    company = model.company(items)
    _check_scores(company, model.n_items)
    np.testing.assert_allclose(company, alone.sum(axis=0), rtol=0, atol=near)
    every = np.arange(model.n_items)
    closest = model.closest(items, every)
    assert closest.shape == every.shape
    assert (alone[closest, every] >= alone.max(axis=0) - near).all(), "closest: another is closer"


def _check_scores(scores: Any, n_items: int) -> None:  # noqa: ANN401  # it may be anything
    assert isinstance(scores, np.ndarray)
    assert scores.shape == (n_items,)
    assert scores.dtype == np.float64
    assert not np.isnan(scores).any(), "a score is NaN"
    assert not np.isposinf(scores).any(), "a score is +inf"
    assert np.abs(scores[np.isfinite(scores)]).max(initial=0.0) <= MAX_SCORE, "a score is too large"
