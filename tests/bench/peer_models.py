"""Models of others and our own behind one face: ``fit`` to learn, ``recommend`` for some users.

Those of others learn from who had what, ours from the events, as in a shop.
Each imports its library when it is made, so that one that is not installed is left out.
"""

from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import numpy as np
from peer_data import Learning

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.evaluate.ranking import top_rows
from knowingly.evaluate.slots import SlotScorer
from knowingly.items.table import ItemTable
from knowingly.policy.slots import default_slots
from knowingly.recommend import guard
from knowingly.recommend.interface.block import Block, FitData
from knowingly.recommend.interface.query import History, Query

FACTORS, SEED = 64, 0
THREADS = 1
"""As many as ours use."""
FLOOR = 5
PLUGIN_OF = {"popular_in_category": "popularity"}
"""The plugin of an algorithm that is called otherwise."""


class Ours:
    """Algorithms of ours, through the same guard as in a shop, with the floor of the default.

    Args:
        options: Those of each, by its name.
        slot: A slot of the shipped policy, asked in place of the first; it looks back as it does.
    """

    def __init__(self, options: dict[str, dict[str, Any]], slot: str = "") -> None:
        self.algorithms = [algorithm(name)(own) for name, own in options.items()]
        self.slot = default_slots()[slot] if slot else None

    def fit(self, learning: Learning) -> None:
        events, (n_users, n_items) = learning.events, learning.train.shape
        self.ends = np.searchsorted(events["user"], np.arange(n_users + 1))
        self.columns = {
            "item": events["item"],
            "kind": np.full(len(events["item"]), KIND_CODE[EventKind.PURCHASE], np.int8),
            **{name: events[name] for name in ("age_days", "quantity", "order")},
        }
        self.n_items = n_items
        block = Block(n_users, n_items, events["user"], **self.columns)
        data = FitData(
            n_items=n_items,
            floor=FLOOR,
            seed=SEED,
            source=lambda: [block],
            items=item_table(learning, n_items),
        )
        members = {
            one.name: partial(guard.score, one.name, guard.fit(one, data)[0])
            for one in self.algorithms
        }
        self.score = members[self.algorithms[0].name]
        if self.slot:
            self.score = SlotScorer(self.slot, members, repeats=False)

    def recommend(self, users: Any, k: int) -> Any:
        scores = np.zeros((len(users), self.n_items))
        had = np.zeros(scores.shape, bool)
        for row, user in enumerate(users):
            own = slice(self.ends[user], self.ends[user + 1])
            history = History(**{name: values[own] for name, values in self.columns.items()})
            scores[row] = self.score(Query(n_items=self.n_items, history=history))
            had[row, history.item] = True
        return top_rows(scores, had, k)


def algorithm(name: str) -> Any:
    """An algorithm of ours, from the one plugin that it is in."""
    module = PLUGIN_OF.get(name, name)
    plugin = next(one for one in entry_points(group="knowingly") if one.name == module)
    return next(one for one in plugin.load().knowingly_algorithms() if one.name == name)


def item_table(learning: Learning, n_items: int) -> ItemTable:
    """What is known of the items; blank where that is nothing."""
    if not learning.about:
        return ItemTable.blank(n_items)
    return replace(
        ItemTable.blank(n_items),
        brand=learning.about["brand"],
        categories=[tuple(own) for own in learning.about["categories"]],
    )


class Implicit:
    """A model of ``implicit``."""

    def __init__(self, module: str, model: str, **options: Any) -> None:
        self.model = getattr(import_module(f"implicit.{module}"), model)(
            num_threads=THREADS, **options
        )

    def fit(self, learning: Learning) -> None:
        self.train = learning.train
        self.model.fit(self.train, show_progress=False)

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

    def fit(self, learning: Learning) -> None:
        pairs = learning.train.tocoo()
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

    def fit(self, learning: Learning) -> None:
        self.train = learning.train
        self.model.fit(self.train.tocoo(), epochs=20, num_threads=THREADS)

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


SHIPPED: dict[str, dict[str, Any]] = {"item_item": {}, "popularity": {}}
"""What the slot asks of the algorithms that a policy trains by itself."""
MODELS: dict[str, Any] = {
    "knowingly popularity": lambda: Ours({"popularity": {}}),
    "knowingly item_item": lambda: Ours({"item_item": {}}),
    "knowingly item_item, cosine": lambda: Ours({"item_item": {"measure": "cosine"}}),
    "knowingly ease": lambda: Ours({"ease": {}}),
    "knowingly spectral": lambda: Ours({"spectral": {}}),
    "knowingly lightfm_hybrid": lambda: Ours({"lightfm_hybrid": {}}),
    "knowingly home": lambda: Ours(SHIPPED, slot="home"),
    "knowingly home, popular_in_category": lambda: Ours(
        {**SHIPPED, "popular_in_category": {}}, slot="home"
    ),
    "knowingly home, spectral": lambda: Ours({**SHIPPED, "spectral": {}}, slot="home"),
    "knowingly home, ease, spectral": lambda: Ours(
        {**SHIPPED, "ease": {}, "spectral": {}}, slot="home"
    ),
    "knowingly home, ease, spectral, popular_in_category": lambda: Ours(
        {**SHIPPED, "ease": {}, "spectral": {}, "popular_in_category": {}}, slot="home"
    ),
    "knowingly home, ease, spectral, lightfm_hybrid": lambda: Ours(
        {**SHIPPED, "ease": {}, "spectral": {}, "lightfm_hybrid": {}}, slot="home"
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
