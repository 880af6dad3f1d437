"""Comparing what is served with what a refit would give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from knowingly.errors import NotFittedError
from knowingly.items.table import ItemTable
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm
from knowingly.recommend.registry.serving import Registry, Serving, options_of
from knowingly.recommend.training.fitting import described, fit, fit_data
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.gather import Gathered, gather
from knowingly.store import models as stored
from knowingly.tenancy import Tenancy


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


def compare_with_refit(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms
) -> list[Comparison]:
    """See ``Models.compare_with_refit``."""
    with tenancy.read() as snapshot:
        serving = registry.at(snapshot)
        if serving is None:
            raise NotFittedError("nothing has been trained yet: call train first")
        made = _made(algorithms, serving)
        learned = stored.learned_from(snapshot, serving.training)
        table = described(tenancy, snapshot, made.values())
        gathered = gather(tenancy, snapshot, at_us=tenancy.now_us(), until_us=serving.until_us)
    taught = np.array(sorted(learned), np.int64)
    gathered = gathered.only(lambda subjects: np.isin(subjects, taught))
    return [_compare(serving, algorithm, gathered, table) for algorithm in made.values()]


def _made(algorithms: Algorithms, serving: Serving) -> Mapping[str, Algorithm[Any]]:
    """The algorithms of what is in service, with the options they were fitted with."""
    return {
        name: guard.make(algorithms[name], options_of(serving.known[name]))
        for name in serving.models
        if name in algorithms
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
