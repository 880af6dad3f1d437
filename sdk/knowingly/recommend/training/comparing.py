"""Comparing what is served with what a refit would give on what remains of what was learned."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import NotFittedError, PluginError
from knowingly.items.table import ItemTable
from knowingly.profiles.current import current
from knowingly.profiles.scan import PEOPLE_AT_ONCE, PeopleRecords
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm
from knowingly.recommend.registry import manifest
from knowingly.recommend.registry import rows as model_rows
from knowingly.recommend.registry.serving import Registry, Serving, options_of
from knowingly.recommend.training.fitting import described, fit, fit_data
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.gather import PURPOSE, Gathered
from knowingly.recommend.training.remaining import remaining
from knowingly.store import models as stored
from knowingly.store import subjects
from knowingly.store.batches import batched
from knowingly.store.doors import Snapshot
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
        table = described(tenancy, snapshot, made.values())
        remains = Gathered(
            list(_remaining(tenancy, snapshot, serving)),
            serving.until_us,
            tenancy.now_us(),
            snapshot.head.ledger_size,
        )
    if table is not None:
        table = table.select(serving.items)
    return [_compare(serving, algorithm, remains, table) for algorithm in made.values()]


def _remaining(tenancy: Tenancy, snapshot: Snapshot, serving: Serving) -> Iterator[PeopleRecords]:
    """What was learned and may be still, of those it was learned from; by model row."""
    taught = sorted(stored.learned_from(snapshot, serving.training))
    for people in batched(taught, PEOPLE_AT_ONCE):
        sealed = stored.manifests_of(snapshot, people).get(serving.training, {})
        numbers: list[int] = []
        each: list[NDArray[np.void]] = []
        for person, kept in current(
            tenancy, snapshot, PURPOSE, subjects.numbered(snapshot, people)
        ):
            if kept is None:
                continue
            cipher = tenancy.keyring.cipher(person.key_id)
            had = manifest.unseal(cipher, person.subject, serving.training, sealed[person.subject])
            numbers.append(person.subject)
            each.append(remaining(had, kept, serving.row_of))
        if numbers:
            starts = np.cumsum([0, *map(len, each)])
            yield PeopleRecords(np.array(numbers, np.int64), starts, np.concatenate(each))


def _made(algorithms: Algorithms, serving: Serving) -> Mapping[str, Algorithm[Any]]:
    """The algorithms of what is in service, with the options they were fitted with."""
    return {
        name: guard.make(algorithms[name], options_of(serving.known[name]))
        for name in serving.models
        if name in algorithms
    }


def _compare(
    serving: Serving, algorithm: Algorithm[Any], remains: Gathered, table: ItemTable | None
) -> Comparison:
    row_of = np.arange(len(serving.items), dtype=np.int32)
    data = fit_data(remains, row_of, table, floor=serving.floor, seed=serving.seed)
    made, row = fit(algorithm, data).model, serving.known[algorithm.name]
    if model_rows.form_of(made) != (row.kind, row.arrays):
        raise PluginError("makes models of another form now: train again", plugin=algorithm.name)
    fresh, served = made.arrays(), serving.models[algorithm.name].arrays()
    largest = 0.0
    for key, array in fresh.items():
        if array.size:
            one, other = array.astype(float), served[key].astype(float)
            # Never, which is -inf, equals never; less itself it is no number.
            gap = np.abs(np.subtract(one, other, out=np.zeros_like(one), where=one != other))
            largest = max(largest, float(gap.max()))
    allowed = algorithm.tolerance if isinstance(algorithm, CountingAlgorithm) else 0.0
    return Comparison(algorithm.name, remains.people, len(serving.items), largest, allowed)
