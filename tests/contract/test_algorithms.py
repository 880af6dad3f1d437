"""Every registered algorithm keeps the contract, and so does a stranger's."""

from importlib.metadata import entry_points

import numpy as np
import pytest
from pydantic import BaseModel, Field

from knowingly import (
    Algorithm,
    CountedScores,
    CountingAlgorithm,
    DescribingAlgorithm,
    EventKind,
    FitData,
    ItemNeighbours,
    ItemScores,
    ItemVectors,
    ItemWeights,
)
from knowingly.testing import AlgorithmContract, DescribingContract, ShopContract
from knowingly.testing.algorithms import check_same
from knowingly.testing.in_a_shop import opened


class RecentOptions(BaseModel, frozen=True, extra="forbid"):
    half_life_days: float = Field(7.0, gt=0)


class Recent(Algorithm[RecentOptions]):
    """The example of the authors' guide."""

    name = "recent"
    explains = "What was chosen lately."
    forgets = "refit"

    def fit(self, data: FitData) -> ItemScores:
        weight = np.exp2(-data.age_days / self.options.half_life_days)
        return ItemScores(np.bincount(data.item, weight, minlength=data.n_items))


def load(entry):
    """The module; None where it needs an extra that is not here, which has a run of its own."""
    try:
        return entry.load()
    except ModuleNotFoundError:
        if entry.extras:
            return None
        raise


def registered() -> list[type[Algorithm]]:
    modules = [load(entry) for entry in entry_points(group="knowingly")]
    hooks = [getattr(module, "knowingly_algorithms", None) for module in modules]
    return [algorithm for hook in hooks if hook is not None for algorithm in hook()]


def contract_of(contract: type, algorithm: type[Algorithm], **options: object) -> type:
    return type("Test", (contract,), {"algorithm": algorithm, "options": options})


for found in registered():
    globals()[f"Test{found.__name__}"] = contract_of(AlgorithmContract, found)
    globals()[f"Test{found.__name__}InAShop"] = contract_of(ShopContract, found)

TestRecent = contract_of(AlgorithmContract, Recent, half_life_days=3.0)
TestRecentInAShop = contract_of(ShopContract, Recent, half_life_days=3.0)


@pytest.mark.parametrize("name", ["popularity", "item_item", "ease"])
def test_the_sweep_finds_the_algorithms_that_ship(name):
    """Without registered algorithms the sweep would pass by testing nothing."""
    assert name in {algorithm.name for algorithm in registered()}


def test_registered_names_are_distinct():
    """A name stands for one algorithm."""
    names = [algorithm.name for algorithm in registered()]
    assert len(names) == len(set(names))


def test_a_tolerance_is_for_real_numbers_and_as_large_as_it_says():
    """What is an integer stays the same, and without a tolerance everything does."""
    scores, near = ItemScores([1.0, 2.0]), ItemScores([1.0, 2.0 + 1e-7])
    check_same(scores, near, 1e-6)
    for tolerance in (0.0, 1e-8):
        with pytest.raises(AssertionError, match="score differs"):
            check_same(scores, near, tolerance)
    lists = [
        ItemNeighbours(np.array([[1], [0]], np.int32), np.ones((2, 1), np.int32), np.array(total))
        for total in ([1, 2], [1, 3])
    ]
    with pytest.raises(AssertionError, match="total differs"):
        check_same(*lists, 1e-6)


class Peeking(Algorithm):
    """Says that it learns from nobody, and counts what people did."""

    name = "peeking"
    forgets = "stateless"

    def fit(self, data: FitData) -> ItemScores:
        return ItemScores(np.bincount(data.item, minlength=data.n_items))


class Cheapest(Algorithm):
    """Learns from what items cost, and nothing else."""

    name = "cheapest"
    explains = "What costs least."
    reason = "a small price"
    forgets = "stateless"
    needs_items = True

    def fit(self, data: FitData) -> ItemScores:
        return ItemScores(np.nan_to_num(1 / (1 + data.items.price)))


TestCheapest = contract_of(AlgorithmContract, Cheapest)
TestCheapestInAShop = contract_of(ShopContract, Cheapest)


class MostLiked(CountedScores):
    """Goes by likes alone."""

    name = "most_liked"
    explains = "What most people like."
    reason = "much liked"

    def count(self, block):
        return block.matrix([EventKind.LIKE]).sum(axis=0)[:, None]

    def scores(self, counts, floor):
        return np.where(counts[:, 0] >= floor, counts[:, 0], 0.0)


class MostCarted(MostLiked):
    """Goes by baskets alone."""

    name = "most_carted"

    def count(self, block):
        return block.matrix([EventKind.CART]).sum(axis=0)[:, None]


TestMostLiked = contract_of(AlgorithmContract, MostLiked)
TestMostLikedInAShop = contract_of(ShopContract, MostLiked)
TestMostCartedInAShop = contract_of(ShopContract, MostCarted)


class Wintry(Cheapest):
    """Goes by an attribute that the contract cannot know of."""

    name = "wintry"

    def fit(self, data: FitData) -> ItemScores:
        return ItemScores([float(of.get("season") == "winter") for of in data.items.attributes])


class TestWintryInAShop(ShopContract):
    """An author says what the shop lacks."""

    algorithm = Wintry

    @classmethod
    def fill(cls, shop):
        super().fill(shop)
        wintry = {"season": "winter"}
        shop.items.upsert([{"id": f"item{n}", "attributes": wintry} for n in range(4)])


class Tagged(CountingAlgorithm):
    """Asks what items are whenever it builds, and so cannot rebuild."""

    name = "tagged"
    explains = "What most people choose of what is tagged."
    needs_items = True

    def count(self, block):
        return block.matrix([EventKind.PURCHASE]).sum(axis=0)[:, None]

    def build(self, counts):
        tagged = [bool(counts.items.tags[row]) for row in range(counts.n_items)]
        people = counts.rows(np.arange(counts.n_items))[:, 0]
        return ItemScores(np.where(people >= counts.floor, people, 0) * tagged)


def test_what_items_are_is_not_there_when_somebody_is_forgotten():
    """As in a shop, where such a model would leave service."""
    contract = contract_of(AlgorithmContract, Tagged)()
    with pytest.raises(IndexError):
        contract.test_forgetting_equals_a_refit(0, 1)
    with pytest.raises(IndexError):
        contract.test_forgetting_a_part_equals_a_refit(0)


def test_a_model_that_leaves_service_at_an_erasure_has_not_forgotten(tmp_path):
    """The contract says what became of it, and not that a page had a note."""
    contract = contract_of(ShopContract, Tagged)()
    with opened(tmp_path, Tagged, {}) as shop:
        contract.fill(shop)
        with pytest.raises(AssertionError, match="it left service"):
            contract.test_somebody_who_is_erased_is_forgotten(shop)


def test_what_says_it_learns_from_nobody_is_tried_on_somebody():
    """Nobody would ever be taken out of it."""
    with pytest.raises(AssertionError, match="score differs"):
        contract_of(AlgorithmContract, Peeking)().test_what_forgets_nobody_learns_from_nobody()


def test_a_tolerance_does_not_trip_over_never():
    """What is shown never, on both sides, is the same."""
    check_same(ItemScores([-np.inf, 1.0]), ItemScores([-np.inf, 1.0 + 1e-7]), 1e-6)
    with pytest.raises(AssertionError, match="score differs"):
        check_same(ItemScores([-np.inf, 1.0]), ItemScores([0.0, 1.0]), 1e-6)


class Eager(CountedScores):
    """Counts what was done, and not who did it."""

    name = "eager"

    def count(self, block):
        chosen = block.chosen([EventKind.VIEW, EventKind.PURCHASE])
        return np.bincount(block.item[chosen], minlength=block.n_items)[:, None]

    def scores(self, counts, floor):
        return np.where(counts[:, 0] >= floor, counts[:, 0], 0.0)


class Bulky(Eager):
    """Counts units."""

    name = "bulky"

    def count(self, block):
        units = block.quantity * block.chosen([EventKind.PURCHASE])
        return np.bincount(block.item, units, minlength=block.n_items).astype(np.int64)[:, None]


class Coupled(CountingAlgorithm):
    """Holds the floor against items, and not against pairs of them."""

    name = "coupled"

    def count(self, block):
        return ItemNeighbours.pairs(block.matrix([EventKind.PURCHASE]))

    def build(self, counts):
        pairs = counts.rows(np.arange(counts.n_items))
        enough = pairs.diagonal() >= counts.floor
        listed = (pairs > 0) & enough & enough[:, None] & ~np.eye(counts.n_items, dtype=bool)
        neighbour = np.full(pairs.shape, -1, np.int32)
        weight = np.zeros(pairs.shape, np.float32)
        for row, some in enumerate(listed):
            there = np.flatnonzero(some)
            neighbour[row, : len(there)], weight[row, : len(there)] = there, pairs[row, there]
        return ItemWeights(neighbour, weight, np.zeros(len(pairs)), np.zeros(len(pairs)))


@pytest.mark.parametrize("algorithm", [Eager, Bulky])
def test_the_floor_counts_people_and_not_what_they_did(algorithm):
    """One heavy buyer would show alone."""
    with pytest.raises(AssertionError):
        contract_of(AlgorithmContract, algorithm)().test_what_too_few_share_does_not_show()


def test_the_floor_is_held_against_pairs():
    """Which two things go together is told by those who chose both."""
    with pytest.raises(AssertionError, match="four people chose both"):
        contract_of(AlgorithmContract, Coupled)().test_a_pair_that_too_few_share_is_not_listed()


class Numeric(DescribingAlgorithm):
    """Takes every attribute for a number, as those of its author's own shop are."""

    name = "numeric"

    def describe(self, items):
        sums = [sum(float(value) for value in of.values()) for of in items.attributes]
        return ItemVectors(np.zeros((len(sums), 1), np.int32), np.ones((len(sums), 1), np.float32))


def test_attributes_are_of_every_kind():
    """Numbers, text, yes and no, as a shop may say."""
    contract = contract_of(DescribingContract, Numeric)()
    with pytest.raises(ValueError, match="could not convert string to float"):
        contract.test_described_items_are_asked_for(0)


class Finishing(Tagged):
    """Changes what it built in a way that no shop ever asks for."""

    name = "finishing"

    def fit(self, data):
        return ItemScores(super().fit(data).scores ** 2)


def test_a_counting_algorithm_has_no_fit_of_its_own():
    """Its contract would be kept by a model that nobody is shown."""
    with pytest.raises(AssertionError, match="a shop asks for count and build"):
        contract_of(AlgorithmContract, Finishing)().test_its_class_says_what_it_is()
