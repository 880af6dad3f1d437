# ruff: noqa: S101 - assert is how a pytest kit says what must hold
"""What an algorithm that describes items must do, beside what every algorithm must."""

import numpy as np
import pytest

from knowingly.items.table import ItemTable
from knowingly.recommend.describing import DescribingAlgorithm
from knowingly.recommend.interface.arrays import Rows
from knowingly.recommend.models.vectors import ItemVectors
from knowingly.testing.algorithms import (
    N_ITEMS,
    SEEDS,
    AlgorithmContract,
    check_answers,
    check_same,
)
from knowingly.testing.data import make_items


class DescribingContract(AlgorithmContract):
    """The contract of a ``DescribingAlgorithm``; each ``test_`` says what is true.

    Stability: plugin.
    """

    def describe(self, items: ItemTable) -> ItemVectors:
        """These items, described by the algorithm under test."""
        algorithm = self.make()
        assert isinstance(algorithm, DescribingAlgorithm), "subclass AlgorithmContract for it"
        return algorithm.describe(items)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_described_items_are_asked_for(self, seed: int) -> None:
        """Every query gets one float64 per item and no NaN, whatever is said of the items."""
        check_answers(self.describe(make_items(N_ITEMS, seed)), N_ITEMS)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_row_depends_on_its_item_alone(self, seed: int) -> None:
        """Described one by one, in another order or together, an item has the same row."""
        items = make_items(N_ITEMS, seed)
        whole = self.describe(items)
        mixed = np.random.default_rng(seed).permutation(N_ITEMS)
        for rows in (mixed, *np.arange(N_ITEMS)[:, None]):
            check_same(_of(whole, rows), self.describe(items.select(rows)))

    @pytest.mark.parametrize("seed", SEEDS)
    def test_items_that_change_one_by_one_end_as_described_together(self, seed: int) -> None:
        """Added and replaced row by row: the model is that of the items as they are at last."""
        first, last = make_items(N_ITEMS - 5, seed), make_items(N_ITEMS, seed + 100)
        model = self.describe(first)
        for row in np.random.default_rng(seed).permutation(N_ITEMS - 5):
            model = model.patched(np.array([row]), self.describe(last.select(np.array([row]))))
        new = np.arange(N_ITEMS - 5, N_ITEMS)
        model = model.patched(new, self.describe(last.select(new)))
        check_same(model, self.describe(last))
        assert (model.similar(0) == self.describe(last).similar(0)).all()

    def test_nothing_said_is_nothing_shared(self) -> None:
        """No items, and items of which nothing is known, have nothing in common."""
        assert self.describe(ItemTable()).n_items == 0
        model = self.describe(ItemTable.blank(N_ITEMS))
        check_answers(model, N_ITEMS)
        assert not model.similar(0).any()


def _of(model: ItemVectors, rows: Rows) -> ItemVectors:
    return ItemVectors(model.column[rows], model.value[rows])
