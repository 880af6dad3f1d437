"""``shop.models``: what is being served, and whether it is what a refit would give."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from knowingly.domain.moments import from_us
from knowingly.errors import NotFittedError
from knowingly.items.table import ItemTable
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm, Model
from knowingly.recommend.models.kinds import MODEL_KINDS
from knowingly.recommend.registry.serving import Registry, Serving, options_of
from knowingly.recommend.training.fitting import described, fit, fit_data
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.gather import Gathered, gather
from knowingly.store import models as stored
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of one model being served.

    ``people`` are those it has learned from and not forgotten; ``floor`` the fewest people that a
    figure shown to others is shared by, and ``floor_of`` says in words which people that counts.
    ``refit_by`` is when it leaves service unless it was fitted again: it still has what it learned
    from somebody who is to be forgotten. ``fault`` says why a stored model cannot be served.

    Stability: stable.
    """

    algorithm: str
    training: int
    trained_at: datetime
    events_until: datetime
    forgets: str
    in_service: bool
    people: int
    items: int
    floor: int
    floor_of: str
    refit_by: datetime | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A served model beside a refit, today, on the same item list.

    ``largest_difference`` is over every stored parameter; 0 means bit for bit. ``tolerance`` is how
    large it may be, of an algorithm that forgets exactly: 0 unless it works with real numbers.

    Stability: stable.
    """

    algorithm: str
    people: int
    items: int
    largest_difference: float
    tolerance: float = 0.0


class Models:
    """The models of one tenant.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._algorithms = algorithms

    def cards(self) -> list[ModelCard]:
        """The models of the active training; none before the first."""
        now_us = self._tenancy.now_us()
        with self._tenancy.read() as snapshot:
            serving = self._registry.at(snapshot)
            if serving is None:
                return []
            people = stored.count_learned(snapshot, serving.training)
        return [
            ModelCard(
                algorithm=row.algorithm,
                training=serving.training,
                trained_at=from_us(serving.created_us),
                events_until=from_us(serving.until_us),
                forgets=row.forgets,
                in_service=serving.model(row.algorithm, now_us) is not None,
                people=people,
                items=len(serving.items),
                floor=serving.floor,
                floor_of=MODEL_KINDS.get(row.kind, Model).floor_of,
                refit_by=None if row.refit_by_us is None else from_us(row.refit_by_us),
                fault=serving.faults.get(row.algorithm, ""),
            )
            for row in serving.known.values()
        ]

    def compare_with_refit(self) -> list[Comparison]:
        """Fit again what is being served, from the events that are there now, and compare.

        Uses the same item list, options, seed and people (without those forgotten). Publishes
        nothing. Events that arrived late, dated before the training, count as a difference, and so
        does what a model has still to forget that waits for a refit.

        Raises:
            NotFittedError: Nothing has been trained yet.
        """
        with self._tenancy.read() as snapshot:
            serving = self._registry.at(snapshot)
            if serving is None:
                raise NotFittedError("nothing has been trained yet: call train first")
            learned = stored.learned_from(snapshot, serving.training)
            table = described(self._tenancy, snapshot, self._made(serving).values())
            gathered = gather(
                self._tenancy,
                snapshot,
                at_us=self._tenancy.now_us(),
                until_us=serving.until_us,
            )
        taught = np.array(sorted(learned), np.int64)
        gathered = gathered.only(lambda subjects: np.isin(subjects, taught))
        return [
            _compare(serving, algorithm, gathered, table)
            for algorithm in self._made(serving).values()
        ]

    def _made(self, serving: Serving) -> dict[str, Algorithm[Any]]:
        """The algorithms of what is in service, with the options they were fitted with."""
        return {
            name: guard.make(self._algorithms[name], options_of(serving.known[name]))
            for name in serving.models
            if name in self._algorithms
        }


def _compare(
    serving: Serving, algorithm: Algorithm[Any], gathered: Gathered, table: ItemTable | None
) -> Comparison:
    newest = max((int(part.records["item"].max()) for part in gathered.parts), default=-1)
    size = max(len(serving.row_of), newest + 1)
    row_of = np.full(size, -1, np.int32)
    row_of[: len(serving.row_of)] = serving.row_of
    data = fit_data(gathered, row_of, table, floor=serving.floor, seed=serving.seed)
    fresh = fit(algorithm, data).model.arrays()
    served = serving.models[algorithm.name].arrays()
    largest = 0.0
    for key, array in fresh.items():
        if array.size:
            gap = np.abs(array.astype(float) - served[key].astype(float))
            largest = max(largest, float(gap.max()))
    allowed = algorithm.tolerance if isinstance(algorithm, CountingAlgorithm) else 0.0
    return Comparison(algorithm.name, gathered.people, len(serving.items), largest, allowed)
