"""A model of every kind into files and back."""

import numpy as np
import pytest

from knowingly.ledger.signing import public_key, sign
from knowingly.recommend.interface.query import History, Query
from knowingly.recommend.models.kinds import (
    MODEL_KINDS,
    CorrectedNeighbours,
    GroupScores,
    ItemFactors,
    ItemNeighbours,
    ItemScores,
    ItemVectors,
    ItemWeights,
    LiftNeighbours,
)
from knowingly.recommend.models.measures import _SIZE
from knowingly.recommend.registry import files
from knowingly.recommend.registry.files import SavedModel

SEED = b"s" * 32
CARD = {"algorithm": "one", "people": 12, "share": 0.1, "floor_of": "people", "fault": None}
"""With a real number, which has to be read as it was signed."""
NEIGHBOUR = np.array([[1, 2], [0, -1], [0, -1]], np.int32)
COUNT = np.array([[3, 1], [3, 0], [1, 0]], np.int32)
TOTAL = np.array([4, 3, 2], np.int64)
SIZES = np.arange(3 * len(_SIZE), dtype=np.int64).reshape(3, -1)
WEIGHT = np.array([[0.5, -0.25], [0.5, 0], [-0.25, 0]], np.float32)
HALF = np.array([0.5, 0.25, 0.0])
MODELS = {
    ItemScores: lambda: ItemScores([0.5, 0.0, -np.inf]),
    GroupScores: lambda: GroupScores(HALF, [0, 0, -1]),
    ItemNeighbours: lambda: ItemNeighbours(NEIGHBOUR.copy(), COUNT.copy(), TOTAL.copy()),
    LiftNeighbours: lambda: LiftNeighbours(NEIGHBOUR.copy(), COUNT.copy(), TOTAL.copy()),
    CorrectedNeighbours: lambda: CorrectedNeighbours(
        NEIGHBOUR.copy(), COUNT.copy(), TOTAL.copy(), SIZES.copy()
    ),
    ItemVectors: lambda: ItemVectors(NEIGHBOUR.copy(), np.abs(WEIGHT)),
    ItemWeights: lambda: ItemWeights(NEIGHBOUR.copy(), WEIGHT.copy(), HALF.copy(), HALF.copy()),
    ItemFactors: lambda: ItemFactors(WEIGHT, WEIGHT[::-1], HALF, mean=True),
}


def asked(item):
    history = History(
        item=np.array([item], np.int32),
        kind=np.array([1], np.int8),
        age_days=np.zeros(1),
        quantity=np.ones(1, np.int32),
        order=np.zeros(1, np.int64),
    )
    return Query(3, history)


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_every_kind_scores_as_before(tmp_path, kind):
    """Bit for bit; with the words beside it."""
    model = MODELS[MODEL_KINDS[kind]]()
    items = ("a", "ü", "c d")
    files.write(tmp_path, "one", SavedModel(model, items, CARD), signer)
    read = files.read(tmp_path, "one", public_key=public_key(SEED))
    assert type(read.model) is type(model)
    assert (read.items, read.card) == (items, CARD)
    for item in range(3):
        np.testing.assert_array_equal(read.model.score(asked(item)), model.score(asked(item)))
        np.testing.assert_array_equal(read.model.similar(item), model.similar(item))


def test_a_model_of_no_items_too(tmp_path):
    """A shop where nobody did anything."""
    files.write(tmp_path, "one", SavedModel(ItemScores([]), (), {}), signer)
    assert files.read(tmp_path, "one", public_key=public_key(SEED)).model.n_items == 0


def signer(statement):
    return public_key(SEED), sign(SEED, statement)
