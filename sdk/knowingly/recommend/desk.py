"""``shop.models``: the versions that are kept, what is known of them, and which is served."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from knowingly.domain.moments import from_us
from knowingly.errors import InputError, NotFittedError
from knowingly.items.table import ItemTable
from knowingly.ledger import log
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm
from knowingly.recommend.registry import metrics
from knowingly.recommend.registry.cards import ModelCard, cards
from knowingly.recommend.registry.metrics import Measured
from knowingly.recommend.registry.serving import Registry, Serving, options_of
from knowingly.recommend.training.fitting import described, fit, fit_data
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.gather import Gathered, gather
from knowingly.recommend.training.versions import RolledBack, prune, rollback
from knowingly.store import models as stored
from knowingly.store.doors import Snapshot
from knowingly.store.models import ModelRow, TrainingRow
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of the models that is kept: a training.

    ``active`` is the one in service. ``people`` are those it has learned from and not forgotten.
    ``out_of_service`` are models that had learned from somebody who is forgotten and could not
    subtract it: they never come back.

    Stability: stable.
    """

    version: int
    active: bool
    trained_at: datetime
    events_until: datetime
    people: int
    algorithms: tuple[str, ...]
    out_of_service: tuple[str, ...]


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

    def cards(self, version: int | None = None) -> list[ModelCard]:
        """The models of one version that is kept, of the one in service when left out.

        None before the first training.

        Raises:
            InputError: There is no such version.
        """
        _check_version(version)
        with self._tenancy.read() as snapshot:
            active = snapshot.head.training
            if version is None and active is None:
                return []
            wanted = active if version is None else version
            kept = {row.training: row for row in stored.kept(snapshot)}
            if wanted is None or wanted not in kept:
                known = ", ".join(map(str, sorted(kept))) or "none yet"
                raise InputError("version", f"one that is kept: {known}")
            return cards(snapshot, kept[wanted])

    def versions(self) -> list[ModelVersion]:
        """The versions that are kept, the newest first."""
        with self._tenancy.read() as snapshot:
            return [self._version(snapshot, row) for row in stored.kept(snapshot)]

    def rollback(self, to: int | None = None) -> RolledBack:
        """Put a version in service again that is kept; the log says so.

        What it serves is made from its counts of today: whoever was forgotten since is not in it.
        The next training gets a higher number than any before, whatever is in service.

        Args:
            to: Its number; the newest one before that in service when left out.

        Raises:
            NotFittedError: Nothing has been trained yet, or no earlier version is kept.
            InputError: There is no such version, or it holds what may not be served any more.
            PluginError: A model cannot be made again. What is in service stays.
        """
        _check_version(to)
        return rollback(self._tenancy, self._registry, self._algorithms, to)

    def prune(self, version: int | None = None) -> tuple[int, ...]:
        """Delete versions that are not in service; which they were. The log says so.

        Args:
            version: Its number; every one when left out.

        Raises:
            InputError: There is no such version, or it is in service.
        """
        _check_version(version)
        with self._tenancy.write() as tx:
            others = [row.training for row in stored.kept(tx) if row.training != tx.head.training]
            if version is not None and version not in others:
                known = ", ".join(map(str, sorted(others))) or "none"
                raise InputError("version", f"one that is kept and not in service: {known}")
            return prune(self._tenancy, tx, others if version is None else [version])

    def record(self, evaluation: Measured) -> tuple[str, ...]:
        """Keep what an evaluation found on the cards of the version in service; the log says so.

        Args:
            evaluation: What ``shop.evaluate`` gave. Figures are kept of each algorithm that was
                evaluated with the options it is served with; of served models, where it is this
                version that was evaluated.

        Returns:
            Those algorithms.

        Raises:
            NotFittedError: Nothing has been trained yet.
            InputError: It is no evaluation.
        """
        if not isinstance(evaluation, Measured):
            raise InputError("evaluation", "what shop.evaluate gives")
        now_us = self._tenancy.now_us()
        with self._tenancy.write() as tx:
            training = stored.training(tx, tx.head.training)
            if training is None:
                raise NotFittedError("nothing has been trained yet: call train first")
            scores = {score.algorithm: score for score in evaluation.scores}
            measured = [
                row.algorithm
                for row in stored.models_of(tx, training.training)
                if row.algorithm in scores and self._is_measured(evaluation, training, row)
            ]
            for name in measured:
                kept = metrics.kept(evaluation, scores[name], from_us(now_us))
                stored.keep_metrics(tx, training.training, name, kept)
            if measured:
                log.append(
                    tx,
                    "models.evaluated",
                    at_us=now_us,
                    seal=self._tenancy.keyring.operator.seal,
                    facts={"version": training.training, "algorithms": measured},
                )
        return tuple(measured)

    def _version(self, snapshot: Snapshot, row: TrainingRow) -> ModelVersion:
        known = stored.models_of(snapshot, row.training)
        return ModelVersion(
            version=row.training,
            active=row.training == snapshot.head.training,
            trained_at=from_us(row.created_us),
            events_until=from_us(row.until_us),
            people=stored.learned_size(snapshot, row.training)[0],
            algorithms=tuple(one.algorithm for one in known),
            out_of_service=tuple(one.algorithm for one in known if not one.in_service),
        )

    def _is_measured(self, found: Measured, training: TrainingRow, row: ModelRow) -> bool:
        """Whether the figures are of this model, or of one with the same options."""
        if found.served:
            return found.split == from_us(training.until_us) and row.in_service
        wanted = self._tenancy.policy.models.algorithms.get(row.algorithm)
        if wanted is None or row.algorithm not in self._algorithms:
            return False
        options = guard.make(self._algorithms[row.algorithm], wanted).options
        return bool(options.model_dump_json() == row.options)

    def compare_with_refit(self) -> list[Comparison]:
        """Fit again what is being served, from the events that are there now, and compare.

        Uses the same item list, options, seed and people (without those forgotten). Publishes
        nothing. Events that arrived late, dated before the training, count as a difference.

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


def _check_version(version: object) -> None:
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise InputError("version", "its number")


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
