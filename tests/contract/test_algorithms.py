"""Every registered algorithm keeps the contract, and so does a stranger's."""

from importlib.metadata import entry_points

import numpy as np
import pytest
from pydantic import BaseModel, Field

from knowingly import Algorithm, FitData, ItemScores
from knowingly.testing.algorithms import AlgorithmContract


class RecentOptions(BaseModel, frozen=True, extra="forbid"):
    half_life_days: float = Field(7.0, gt=0)


class Recent(Algorithm[RecentOptions]):
    """The example of the authors' guide."""

    name = "recent"
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


def contract_of(algorithm: type[Algorithm], **options: object) -> type[AlgorithmContract]:
    return type(
        f"Test{algorithm.__name__}",
        (AlgorithmContract,),
        {"algorithm": algorithm, "options": options},
    )


for found in registered():
    globals()[f"Test{found.__name__}"] = contract_of(found)

TestRecent = contract_of(Recent, half_life_days=3.0)


@pytest.mark.parametrize("name", ["popularity", "item_item", "ease"])
def test_the_sweep_finds_the_algorithms_that_ship(name):
    """Without registered algorithms the sweep would pass by testing nothing."""
    assert name in {algorithm.name for algorithm in registered()}


def test_registered_names_are_distinct():
    """A name stands for one algorithm."""
    names = [algorithm.name for algorithm in registered()]
    assert len(names) == len(set(names))
