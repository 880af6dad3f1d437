"""Rank the items first that people with a history like this one went on to choose (LightFM).

A person is what they chose before, and nothing else: the earlier part of each history stands in for
the person, the later part is what is to be foretold, and no column says who they are. So nothing of
a person is in the model, and one who was not in the training is asked for like one who was.

Source: Kula, Metadata Embeddings for User and Item Cold-start Recommendations, CBRecSys 2015.
"""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from lightfm import LightFM
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy import sparse

from knowingly import Algorithm, Block, EventKind, FitData, ItemFactors, ItemTable, hookimpl

Matrix = Any
"""A scipy sparse array, which has no types."""

CHOICES = (EventKind.VIEW, EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)
AIMS = (EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)


class LightFMOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``lightfm_hybrid`` algorithm."""

    kinds: tuple[EventKind, ...] = Field(
        CHOICES, min_length=1, description="The kinds of event that make a person's history."
    )
    aims: tuple[EventKind, ...] = Field(
        AIMS, min_length=1, description="The kinds of event that are to be foretold."
    )
    aim_days: float = Field(
        56.0, gt=0, description="The last days of what is learned from, which are foretold."
    )
    loss: Literal["warp", "bpr", "logistic"] = Field(
        "warp",
        description="WARP and BPR put what was chosen first, logistic asks how likely it is.",
    )
    factors: int = Field(32, ge=1, le=512, description="The length of an item's vector.")
    epochs: int = Field(4, ge=1, le=200, description="How often the data is gone through.")
    learning_rate: float = Field(0.05, gt=0, le=1, description="The step of each update.")
    item_features: bool = Field(
        True, description="Whether categories and brand are learned too, and not the item alone."
    )


class LightFMHybrid(Algorithm[LightFMOptions]):
    """Score an item by how near its vector is to the mean of those of the person's choices."""

    name = "lightfm_hybrid"
    explains = "What people went on to choose who had chosen much as you have."
    forgets = "refit"
    needs_items = True

    def fit(self, data: FitData) -> ItemFactors:
        """Learn from everybody who did something both before and within the last days."""
        before, after = self._parts(data)
        known = np.asarray((before + after).astype(bool).sum(axis=0)).ravel() >= data.floor
        before, after = _shown(before, known), _shown(after, known)
        both = np.flatnonzero((np.diff(before.indptr) > 0) & (np.diff(after.indptr) > 0))
        if not both.size:
            return ItemFactors(np.zeros((data.n_items, self.options.factors)), mean=True)
        described = _features(data.items) if self.options.item_features else _own(data.n_items)
        model = LightFM(
            no_components=self.options.factors,
            loss=self.options.loss,
            learning_rate=self.options.learning_rate,
            random_state=np.random.RandomState(data.seed % 2**32),
        )
        # One thread: with more, the order of updates, and so the model, would be another each time.
        model.fit(
            after[both].astype(np.float32).tocoo(),
            user_features=_shares(before[both]),
            item_features=described,
            epochs=self.options.epochs,
            num_threads=1,
        )
        return _item_side(model, described, known)

    def _parts(self, data: FitData) -> tuple[Matrix, Matrix]:
        """Who chose what before the last days, and within them: two matrices of ones."""
        before, after = [], []
        for block in [Block.empty(data.n_items), *data.blocks()]:
            last = block.age_days < self.options.aim_days
            before.append(_of(block, ~last).matrix(self.options.kinds))
            after.append(_of(block, last).matrix(self.options.aims))
        return sparse.vstack(before, format="csr"), sparse.vstack(after, format="csr")


def _of(block: Block, wanted: NDArray[np.bool_]) -> Block:
    """The same people with some of their events."""
    columns = ("person", "item", "kind", "age_days", "quantity", "order")
    return replace(block, **{name: getattr(block, name)[wanted] for name in columns})


def _shown(chosen: Matrix, known: NDArray[np.bool_]) -> Matrix:
    """Without what too few people chose."""
    left = sparse.csr_array(chosen * known)
    left.eliminate_zeros()
    return left


def _shares(chosen: Matrix) -> Matrix:
    """Each person as a mean of what they chose, as they are asked for later."""
    totals = np.diff(chosen.indptr)
    shares = chosen.astype(np.float32)
    shares.data /= np.repeat(totals, totals)
    return sparse.csr_matrix(shares)


def _own(n_items: int) -> Matrix:
    """A feature for each item."""
    return sparse.identity(n_items, dtype=np.float32, format="csr")


def _features(items: ItemTable) -> Matrix:
    """A feature for each item, each category and each brand."""
    words = [
        [*(f"category {one}" for one in categories), *([f"brand {brand}"] if brand else [])]
        for categories, brand in zip(items.categories, items.brand, strict=True)
    ]
    place = {word: n for n, word in enumerate(sorted({word for own in words for word in own}))}
    item = np.repeat(np.arange(len(words)), [len(set(own)) for own in words])
    column = np.array([place[word] for own in words for word in sorted(set(own))], np.intp)
    ones = np.ones(len(item), np.float32)
    described = sparse.csr_matrix((ones, (item, column)), shape=(len(words), len(place)))
    return sparse.hstack([_own(len(words)), described], format="csr")


def _item_side(model: LightFM, described: Matrix, known: NDArray[np.bool_]) -> ItemFactors:
    """The vectors of items, as answers and as parts of a history; of unknown items, nothing.

    No score of a known item is 0 or less, whoever asks: only the order was learned, and 0 would
    mean that there is nothing to say.
    """
    factor = described @ model.item_embeddings * known[:, None]
    chosen = model.user_embeddings * known[:, None]
    bias = (described @ model.item_biases).astype(np.float64)
    longest = np.sqrt(np.square(chosen).sum(axis=1)).max(initial=0.0)
    least = bias - longest * np.sqrt(np.square(factor).sum(axis=1))
    raised = bias + 1.0 - least[known].min(initial=0.0)
    return ItemFactors(factor, chosen, np.where(known, raised, 0.0), mean=True)


@hookimpl
def knowingly_algorithms() -> list[type[LightFMHybrid]]:
    """The algorithms of this module."""
    return [LightFMHybrid]
