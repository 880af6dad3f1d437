"""Every registered algorithm keeps the contract, and so does a stranger's."""

from importlib.metadata import entry_points

import numpy as np
import pytest
from pydantic import BaseModel, Field

from knowingly import Algorithm, FitData, ItemNeighbours, ItemScores
from knowingly.testing import AlgorithmContract, ShopContract
from knowingly.testing.algorithms import check_same


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
