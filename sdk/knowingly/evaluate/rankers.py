"""What is tested: fitted algorithms, served models, and what a person bought most before."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.errors import PluginError
from knowingly.items.table import ItemTable
from knowingly.policy.pages import Models
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm, Model
from knowingly.recommend.interface.arrays import Floats
from knowingly.recommend.interface.query import History, Query
from knowingly.recommend.training.fitting import fit_data, make_all
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.gather import Gathered, items_chosen_by

BASELINES = ("popularity", "item_item")
"""First-party algorithms that every other is held against, where the shop has them."""
OWN_FREQUENCY = "own_frequency"
_PURCHASE = KIND_CODE[EventKind.PURCHASE]


@dataclass(frozen=True, repr=False, eq=False)
class Ranker:
    """Something that scores all ranked items for a query.

    ``rate`` is the share of people it was fitted on, ``people`` their number; ``items`` are those
    it knows.
    """

    name: str
    score: Callable[[Query], Floats]
    people: int = 0
    items: int = 0
    rate: float = 1.0

    @property
    def baseline(self) -> bool:
        """Whether it is one of those that others are held against."""
        return self.name in BASELINES or self.name == OWN_FREQUENCY


@dataclass(frozen=True, repr=False, eq=False)
class Ground:
    """What algorithms are fitted over.

    Attributes:
        items: Catalogue rows of the ranked items.
        row_of: The row of each catalogue row among them, or -1.
        table: What the things in the catalogue are.
        rules: The policy's.
    """

    items: NDArray[np.int32]
    row_of: NDArray[np.int32]
    table: ItemTable
    rules: Models

    @property
    def n_items(self) -> int:
        """How many items are ranked."""
        return len(self.items)

    @property
    def least(self) -> int:
        """An item that fewer people chose is in no model."""
        return least_people(self.rules)

    def fit(self, algorithm: Algorithm[Any], gathered: Gathered, rate: float = 1.0) -> Ranker:
        """Fit one algorithm on these people, who are this share of all.

        Of fewer people fewer items are modelled, as in a training; what the model does not know
        has a score of 0.

        Raises:
            PluginError: The plugin failed.
        """
        items = self.items if rate == 1 else self._chosen_by(gathered)
        data = fit_data(
            gathered,
            row_of(items, len(self.row_of)),
            self.table if algorithm.needs_items else None,
            floor=self.rules.min_subjects,
            seed=self.rules.seed,
        )
        with with_cure():
            model, _ = guard.fit(algorithm, data)
        score = _scorer(algorithm.name, model)
        if rate < 1:
            score = _over(score, self.row_of[items].astype(np.intp), self.n_items)
        return Ranker(algorithm.name, score, gathered.people, len(items), rate)

    def _chosen_by(self, gathered: Gathered) -> NDArray[np.int32]:
        """Those of the items that enough of these people chose."""
        items = items_chosen_by(gathered, least=self.least, n_catalogue=len(self.row_of))
        return items[self.row_of[items] >= 0]


def least_people(rules: Models) -> int:
    """From how many people on an item is in a model, as in a training."""
    return max(rules.min_item_subjects, rules.min_subjects)


def row_of(items: NDArray[np.int32], n_catalogue: int) -> NDArray[np.int32]:
    """The place of each catalogue row among ``items``, or -1."""
    found = np.full(n_catalogue, -1, np.int32)
    found[items] = np.arange(len(items), dtype=np.int32)
    return found


def served(models: Mapping[str, Model], people: int) -> list[Ranker]:
    """The models in service."""
    return [
        Ranker(name, _scorer(name, model), people, model.n_items) for name, model in models.items()
    ]


def chosen(
    algorithms: Algorithms,
    policy: Mapping[str, Mapping[str, Any]],
    skipped: Mapping[str, str] | None = None,
) -> tuple[list[Algorithm[Any]], list[str]]:
    """The algorithms of the policy and the baselines, made; and what was left out.

    Raises:
        PluginError: An algorithm of the policy is missing, or its options do not fit.
    """
    with with_cure():
        made = make_all(policy, algorithms, skipped)
    notes = []
    for name in BASELINES:
        if name in algorithms and name not in policy:
            made.append(guard.make(algorithms[name], {}))
        elif name not in algorithms:
            notes.append(f"the baseline {name} was left out: no plugin that is allowed has it")
    return made, notes


def own_frequency(query: Query) -> Floats:
    """How often the person bought each item before."""
    bought = query.history.item[query.history.kind == _PURCHASE]
    return np.bincount(bought, minlength=query.n_items).astype(np.float64)


@contextmanager
def with_cure() -> Iterator[None]:
    """Say what to do about a plugin that fails."""
    try:
        yield
    except PluginError as error:
        error.add_note(
            "nothing was evaluated: mend the plugin, or leave it out of [models.algorithms]"
        )
        raise


def _scorer(name: str, model: Model) -> Callable[[Query], Floats]:
    def score(query: Query) -> Floats:
        with with_cure():
            return guard.score(name, model, query)

    return score


def _over(
    score: Callable[[Query], Floats], rows: NDArray[np.intp], size: int
) -> Callable[[Query], Floats]:
    """Ask a model of some of the items as if it were of all."""
    place = np.full(size, -1, np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)

    def whole(query: Query) -> Floats:
        scores = np.zeros(size)
        scores[rows] = score(Query(n_items=len(rows), history=_within(query.history, place)))
        return scores

    return whole


def _within(history: History, place: NDArray[np.int32]) -> History:
    item = place[history.item]
    known = item >= 0
    return History(
        item=item[known],
        kind=history.kind[known],
        age_days=history.age_days[known],
        quantity=history.quantity[known],
        order=history.order[known],
    )
