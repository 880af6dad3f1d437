"""An algorithm that breaks its word harms no other, and is not believed."""

import numpy as np
import pytest

import knowingly
from knowingly import (
    Algorithm,
    ContractError,
    CountingAlgorithm,
    ItemNeighbours,
    ItemScores,
    PluginError,
)


class Scribbling(CountingAlgorithm):
    """Counts people per item; asked to, it writes into the block that it was handed."""

    name = "a_scribbler"
    writes = False

    def count(self, block):
        if self.writes:
            block.item[:] = 0
        return np.bincount(block.item, minlength=block.n_items)[:, None]

    def build(self, counts):
        return ItemScores.from_counts(counts.rows(np.arange(counts.n_items))[:, 0], counts.floor)


class Peeking(Algorithm):
    """Says that it learns from nobody, and counts what people did."""

    name = "peeking"
    forgets = "stateless"

    def fit(self, data):
        return ItemScores(1.0 + np.bincount(data.item, minlength=data.n_items))


class Never(CountingAlgorithm):
    """Shows some items never, and the others as often as people chose them."""

    name = "never"
    slips = 0

    def count(self, block):
        return np.bincount(block.item, minlength=block.n_items)[:, None]

    def build(self, counts):
        scores = counts.rows(np.arange(counts.n_items))[:, 0] + float(self.slips)
        scores[0] = -np.inf
        return ItemScores(scores)


class Unsorted(Algorithm):
    """Makes lists of neighbours by hand, and not as they have to be."""

    name = "unsorted"
    forgets = "refit"

    def fit(self, data):
        neighbour = np.full((data.n_items, 2), -1, np.int32)
        neighbour[0] = [2, 1]
        total = np.full(data.n_items, 9)
        return ItemNeighbours(neighbour, (neighbour >= 0).astype(np.int32), total)


class Plugin:
    """The plugin of them."""

    @staticmethod
    @knowingly.hookimpl
    def knowingly_algorithms():
        return [Scribbling, Peeking, Never, Unsorted]


def trained(house, *names):
    """The tea shop, trained with some of these."""
    house.with_policy(models={"algorithms": {name: {} for name in names}})
    shop = house.open()
    shop.plugins.add("careless", Plugin())
    shop.train()
    return shop


def test_one_that_writes_into_its_block_changes_nothing_for_the_others(
    tea_house, monkeypatch, gaps
):
    """It leaves service, by its own fault; what the next one forgets is what it learned."""
    shop = trained(tea_house, "a_scribbler", "popularity")
    monkeypatch.setattr(Scribbling, "writes", True)
    told = shop.rights.erase("t000").statement["models"]
    assert (told["a_scribbler"], told["popularity"]) == ("out of service", "exact")
    assert gaps(shop) == {"popularity": 0.0}
    with pytest.raises(PluginError, match="'a_scribbler'"):
        shop.train()


def test_one_that_learns_from_nobody_is_handed_nobody(tea_house):
    """No erasure would ever reach what it had learned."""
    shop = trained(tea_house, "peeking")
    with shop._tenancy.read() as snapshot:
        model = shop._registry.at(snapshot).models["peeking"]
    assert len(model.scores)
    assert set(model.scores.tolist()) == {1.0}


def test_a_model_that_could_not_be_read_again_is_not_published(tea_house):
    """It would be in service and on no page, and training again would not mend it."""
    with pytest.raises(ContractError, match=r"'unsorted': arrays: neighbour: .*ascending"):
        trained(tea_house, "unsorted")


@pytest.mark.filterwarnings("error")
def test_items_that_are_never_shown_hide_no_difference_from_a_refit(tea_house, monkeypatch, gaps):
    """Never less never is no number, and swallowed those of the other items."""
    shop = trained(tea_house, "never")
    assert gaps(shop) == {"never": 0.0}
    monkeypatch.setattr(Never, "slips", 3)
    assert gaps(shop) == {"never": 3.0}
