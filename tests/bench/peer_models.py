"""Models of others and our own behind one face: ``fit`` on a matrix, ``recommend`` for some users.

Each imports its library when it is made, so that one that is not installed is left out.
"""

from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.evaluate.ranking import top_rows
from knowingly.evaluate.slots import SlotScorer
from knowingly.policy import Blend, Slot
from knowingly.recommend import guard
from knowingly.recommend.interface.block import Block, FitData
from knowingly.recommend.interface.query import History, Query

FACTORS, SEED, THREADS = 64, 0, 2
FLOOR = 5
LOOKS_BACK = 10_000
"""As far as a slot may: a matrix of pairs does not say which of them are the newest."""


CORRECTED = {"measure": "corrected"}


class Ours:
    """Algorithms of ours, through the same guard as in a shop, with the floor of the default.

    Args:
        options: Those of each, by the plugin's module; of several, a slot of their blend is asked.
        weights: One for each, in that slot.
    """

    def __init__(self, options: dict[str, dict[str, Any]], weights: tuple[float, ...] = ()) -> None:
        plugins = {one.name: one for one in entry_points(group="knowingly")}
        self.algorithms = [
            plugins[module].load().knowingly_algorithms()[0](own) for module, own in options.items()
        ]
        self.blend = dict(zip([one.name for one in self.algorithms], weights, strict=False))

    def fit(self, train: Any) -> None:
        self.train = train
        n_users, n_items = train.shape
        block = Block(
            n_users, n_items, np.repeat(np.arange(n_users, dtype=np.int32), np.diff(train.indptr)),
            **columns(train.indices),
        )  # fmt: skip
        data = FitData(n_items=n_items, floor=FLOOR, seed=SEED, source=lambda: [block])
        members = {
            one.name: partial(guard.score, one.name, guard.fit(one, data)[0])
            for one in self.algorithms
        }
        self.score = members[self.algorithms[0].name]
        if self.blend:
            slot = Slot(algorithms=(Blend(blend=self.blend),), max_history_events=LOOKS_BACK)
            self.score = SlotScorer(slot, members, repeats=False)

    def recommend(self, users: Any, k: int) -> Any:
        n_items = self.train.shape[1]
        scores = np.zeros((len(users), n_items))
        had = np.zeros(scores.shape, bool)
        for row, user in enumerate(users):
            items = self.train.indices[self.train.indptr[user] : self.train.indptr[user + 1]]
            query = Query(n_items=n_items, history=History(**columns(items)))
            scores[row] = self.score(query)
            had[row, items] = True
        return top_rows(scores, had, k)


def columns(items: Any) -> dict[str, Any]:
    """Purchases of these items, a day ago, one each."""
    size = len(items)
    return {
        "item": items.astype(np.int32),
        "kind": np.full(size, KIND_CODE[EventKind.PURCHASE], np.int8),
        "age_days": np.ones(size),
        "quantity": np.ones(size, np.int32),
        "order": np.zeros(size, np.int64),
    }


class Implicit:
    """A model of ``implicit``."""

    def __init__(self, module: str, model: str, **options: Any) -> None:
        self.model = getattr(import_module(f"implicit.{module}"), model)(
            num_threads=THREADS, **options
        )

    def fit(self, train: Any) -> None:
        self.train = train
        self.model.fit(train, show_progress=False)

    def recommend(self, users: Any, k: int) -> Any:
        ids, _ = self.model.recommend(
            users, self.train[users], N=k, filter_already_liked_items=True
        )
        return without_repeats(ids.astype(np.int64))


class RecTools:
    """A model of RecTools, by its own ``recommend``."""

    def __init__(self, model: str, **options: Any) -> None:
        models = import_module("rectools.models")
        if model == "knn":
            cosine = import_module("implicit.nearest_neighbours").CosineRecommender
            self.model = models.ImplicitItemKNNWrapperModel(cosine(num_threads=THREADS, **options))
        else:
            self.model = getattr(models, model)(**options)
        self.dataset_of = import_module("rectools.dataset").Dataset.construct
        self.frame = import_module("pandas").DataFrame

    def fit(self, train: Any) -> None:
        pairs = train.tocoo()
        table = {"user_id": pairs.row, "item_id": pairs.col, "weight": 1.0}
        self.dataset = self.dataset_of(
            self.frame({**table, "datetime": np.datetime64("2026-01-01")})
        )
        self.model.fit(self.dataset)

    def recommend(self, users: Any, k: int) -> Any:
        found = self.model.recommend(users=users, dataset=self.dataset, k=k, filter_viewed=True)
        ranked = np.full((len(users), k), -1, np.int64)
        place = {user: row for row, user in enumerate(users.tolist())}
        rows = found["user_id"].map(place).to_numpy()
        ranked[rows, found["rank"].to_numpy() - 1] = found["item_id"].to_numpy()
        return ranked


class LightFM:
    """LightFM with WARP and user identities; single users are asked as its own ``predict`` does."""

    def __init__(self) -> None:
        model = import_module("lightfm").LightFM
        self.model = model(no_components=FACTORS, loss="warp", random_state=SEED)

    def fit(self, train: Any) -> None:
        self.train = train
        self.model.fit(train.tocoo(), epochs=20, num_threads=THREADS)

    def recommend(self, users: Any, k: int) -> Any:
        n_items = self.train.shape[1]
        items = np.arange(n_items, dtype=np.int32)
        scores = np.stack(
            [self.model.predict(int(user), items, num_threads=THREADS) for user in users]
        )
        # Its scores may all be below 0, which to us is no recommendation.
        return top_rows(scores - scores.min() + 1.0, self.train[users].toarray() > 0, k)


def without_repeats(ranked: Any) -> Any:
    """A list that is too short may name an item again: it counts once."""
    for row in ranked:
        _, first = np.unique(row, return_index=True)
        again = np.ones(len(row), bool)
        again[first] = False
        row[again] = -1
    return ranked


MODELS: dict[str, Any] = {
    "knowingly popularity": lambda: Ours({"popularity": {}}),
    "knowingly item_item": lambda: Ours({"item_item": {}}),
    "knowingly item_item, corrected": lambda: Ours({"item_item": CORRECTED}),
    "knowingly ease": lambda: Ours({"ease": {}}),
    "knowingly ease + item_item": lambda: Ours(
        {"ease": {}, "item_item": CORRECTED}, weights=(1.0, 0.5)
    ),
    "implicit ALS": lambda: Implicit(
        "als", "AlternatingLeastSquares", factors=FACTORS, random_state=SEED
    ),
    "implicit BPR": lambda: Implicit(
        "bpr", "BayesianPersonalizedRanking", factors=FACTORS, random_state=SEED
    ),
    "implicit cosine": lambda: Implicit("nearest_neighbours", "CosineRecommender", K=100),
    "RecTools EASE": lambda: RecTools("EASEModel", regularization=500.0),
    "RecTools item-kNN": lambda: RecTools("knn", K=100),
    "LightFM WARP": LightFM,
}
