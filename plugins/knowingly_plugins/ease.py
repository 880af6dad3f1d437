"""Rank the items first that a linear model of all choices expects (EASE).

What one item says for another is the regression of the one on all others at once, so that a choice
is not counted twice because two items go together. It follows from the counts of pairs alone.

Source: Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019.
"""

import threading
import weakref
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from knowingly import (
    Block,
    CountingAlgorithm,
    Counts,
    EventKind,
    ItemNeighbours,
    ItemWeights,
    Model,
    PluginError,
    hookimpl,
)
from knowingly_plugins.inverse import Floats, Inverse, Rows

CHOICES = (EventKind.VIEW, EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)
LEAST_TOGETHER = 100
"""Pairs that stand in one figure at least; of fewer, a single one could be told from it."""


class EaseOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``ease`` algorithm."""

    kinds: tuple[EventKind, ...] = Field(
        CHOICES, min_length=1, description="The kinds of event that count as a choice."
    )
    l2: float = Field(
        500.0, ge=1, le=1e6, description="How much is not believed: the more, the smoother."
    )
    neighbours: int = Field(
        100, ge=1, le=1000, description="Neighbours of each item with a weight of their own."
    )
    max_items: int = Field(
        12_000,
        ge=1,
        le=40_000,
        description="Refuse to learn more items than this: 8 bytes for each pair of them.",
    )


class Learned:
    """What a model follows from: more than is stored, so that subtracting is cheap.

    ``reached`` is the inverse times the reach of every item.
    """

    def __init__(self, counts: Counts, options: EaseOptions) -> None:
        self.options, self.floor = options, counts.floor
        self.inverse = Inverse(counts, options.l2)
        self.lists = ItemNeighbours.strongest(counts, keep=options.neighbours)
        self.reach = self._reach()
        rows = np.arange(counts.n_items)
        self.reached = self.inverse.times(rows, self.reach[:, None])[:, 0]

    def _reach(self) -> Floats:
        """How much an item says for those that are no neighbours of it: more, the better known."""
        total = self.lists.total
        return np.where(total >= self.floor, total / (total + self.options.l2), 0.0)

    def subtract(self, counts: Counts, touched: Rows, taken: NDArray[np.int64]) -> bool:
        """Become what is learned from ``counts``: ``taken`` less than before in rows ``touched``.

        Returns:
            False where it has to be learned from the counts again; nothing has changed then.
        """
        term = self.inverse.subtract(touched, taken)
        if term is None:
            return False
        left, middle = term
        self.reached += left @ (middle @ (left.T @ self.reach))
        self.lists = self.lists.refreshed(counts, touched)
        before, self.reach = self.reach, self._reach()
        moved = (self.reach - before)[touched, None]
        self.reached += self.inverse.times(touched, moved)[:, 0]
        return True

    def model(self) -> ItemWeights:
        """The weights of the neighbours, and what two figures an item can say of all others."""
        neighbour, own = self.lists.neighbour, self.inverse.diagonal()
        shown = neighbour >= 0
        listed = self.inverse.at(np.arange(len(own)), np.maximum(neighbour, 0))
        weight = np.where(shown, -listed / np.append(own, 1.0)[neighbour], 0.0)
        return ItemWeights(
            neighbour.copy(), weight.astype(np.float32), self.reach, self._base(weight, own)
        )

    def _base(self, weight: Floats, own: Floats) -> Floats:
        """The least squares of ``reach[i] * base[j]`` to the weights that are not listed."""
        listed = self.lists.neighbour >= 0
        item, n_items = self.lists.neighbour[listed], len(self.reach)

        def not_listed(all_others: Floats, each: NDArray[Any]) -> Floats:
            """What is left of a sum, by item, without the items that list it."""
            by_pair = np.broadcast_to(each, weight.shape)[listed]
            return all_others - np.bincount(item, by_pair, minlength=n_items)

        reach = self.reach[:, None]
        square, known = np.square(self.reach), (self.reach > 0).astype(float)
        told = not_listed(self.reach - self.reached / own, weight * reach)
        squares = not_listed(square.sum() - square, np.square(reach))
        many = not_listed(known.sum() - known, reach > 0) >= LEAST_TOGETHER
        base = np.zeros(n_items)
        shown = many & (self.lists.total >= self.floor)
        np.divide(told, squares, out=base, where=shown)
        return base


class Kept:
    """What this process got ready to forget from, or forgot from last, so that it is cheap.

    There is one at most, and it lasts as long as the model that follows from it: where another
    process made the model forget somebody, it goes when this one takes up the model that is left.
    It is found by the model, bit for bit, so that a training, a rollback or another process' forget
    only means to learn from the counts again.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._last: tuple[weakref.ref[ItemWeights], Learned] | None = None

    def prepare(self, model: ItemWeights, counts: Counts, options: EaseOptions) -> None:
        """Have what this model follows from at hand for the next one to be forgotten."""
        with self._changing:
            learned = self._take(model, counts.floor, options) or Learned(counts, options)
            self._keep(learned, model)

    def subtract(
        self,
        model: ItemWeights,
        counts: Counts,
        touched: Rows,
        taken: NDArray[np.int64],
        options: EaseOptions,
    ) -> ItemWeights:
        """The model of ``counts``, which are ``taken`` less than those of ``model``."""
        with self._changing:
            learned = self._take(model, counts.floor, options)
            if learned is None or not learned.subtract(counts, touched, taken):
                # Never two matrices at a time.
                learned = None
                learned = Learned(counts, options)
            now = learned.model()
            self._keep(learned, now)
            return now

    def _take(self, model: ItemWeights, floor: int, options: EaseOptions) -> Learned | None:
        """What is at hand, if this model follows from it; it is at hand no longer.

        So neither a broken one stays nor one of another model.
        """
        last, self._last = self._last, None
        of = last[0]() if last is not None else None
        if last is None or of is None:
            return None
        learned, arrays = last[1], of.arrays()
        same = (learned.floor, learned.options) == (floor, options) and all(
            np.array_equal(array, arrays[name]) for name, array in model.arrays().items()
        )
        return learned if same else None

    def _keep(self, learned: Learned, model: ItemWeights) -> None:
        self._last = weakref.ref(model, self._drop), learned

    def _drop(self, gone: weakref.ref[ItemWeights]) -> None:
        # Called in the middle of anything, so without the lock: at worst it is learned once more.
        last = self._last
        if last is not None and last[0] is gone:
            self._last = None


KEPT = Kept()


class Ease(CountingAlgorithm[EaseOptions]):
    """Score an item by what all of the person's choices together say for it."""

    name = "ease"
    explains = "What all of your choices together say for an item, learned from everybody's."
    tolerance: ClassVar[float] = 1e-6

    def count(self, block: Block) -> Any:  # noqa: ANN401  # scipy's sparse arrays have no types
        """People who chose both items, shape ``(n_items, n_items)``."""
        return ItemNeighbours.pairs(block.matrix(self.options.kinds))

    def build(self, counts: Counts) -> ItemWeights:
        """Invert the counts.

        Raises:
            PluginError: There are more items than ``max_items``.
        """
        most = self.options.max_items
        if counts.n_items > most:
            raise PluginError(
                f"{counts.n_items:,} items are modelled and max_items is {most:,}: raise "
                "min_item_subjects in [models], or max_items if the memory is there",
                plugin=self.name,
            )
        return Learned(counts, self.options).model()

    def prepare(self, model: Model, counts: Counts) -> None:
        """Invert the counts, where this process has not."""
        if isinstance(model, ItemWeights):
            KEPT.prepare(model, counts, self.options)

    def rebuild(
        self,
        model: Model,
        counts: Counts,
        touched: Rows,
        delta: Any,  # noqa: ANN401  # as above
    ) -> ItemWeights:
        """Subtract from the inverse in place, where this process has it, or else invert again."""
        if not isinstance(model, ItemWeights):
            return self.build(counts)
        if not len(touched):
            return model
        taken = delta[touched][:, touched]
        taken = taken if isinstance(taken, np.ndarray) else taken.toarray()
        return KEPT.subtract(model, counts, touched, taken, self.options)


@hookimpl
def knowingly_algorithms() -> list[type[Ease]]:
    """The algorithms of this module."""
    return [Ease]
