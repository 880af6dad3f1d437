"""The versions that are kept: which stay when one is published, and going back to one of them.

A version is a training. One is in service; of the others the models that forget exactly keep their
counts alone, from which their parameters are made again when they are gone back to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from knowingly.domain.moments import DAY_US, day_of
from knowingly.errors import InputError, NotFittedError, PluginError, PluginLoadError
from knowingly.ledger import log
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import CountingAlgorithm, Model
from knowingly.recommend.registry import rows as model_rows
from knowingly.recommend.registry.serving import Registry, Serving, options_of, unserved
from knowingly.recommend.training.forgetting import Algorithms, StoredCounts
from knowingly.recommend.training.gather import PURPOSE
from knowingly.recommend.training.lapsed import forget_lapsed
from knowingly.store import models as stored
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.models import ModelRow
from knowingly.tenancy import Tenancy

_ATTEMPTS = 3
"""How often a version is made again without the writer's turn, while others are being forgotten."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Which version was in service, and which is now.

    Stability: stable.
    """

    from_version: int
    to_version: int
    algorithms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Remade:
    """A version's models that were made again from counts, as of an epoch."""

    version: int
    epoch: int
    models: Mapping[str, Model]


def succeed(tx: Tx, training: int, *, keep: int) -> None:
    """Put a training in service, and keep ``keep`` versions: it, the one before, the newest."""
    before = tx.head.training
    if before is not None:
        _retire(tx, before)
    tx.head.training = training
    numbers = [row.training for row in stored.kept(tx)]
    # What was served until now can be an older one, to which somebody went back for a reason.
    numbers.sort(key=lambda one: (one == training, one == before, one), reverse=True)
    stored.delete_trainings(tx, numbers[keep:])


def prune(tenancy: Tenancy, tx: Tx, which: Iterable[int]) -> tuple[int, ...]:
    """Delete versions that are not in service; which they were, the oldest first."""
    versions = tuple(sorted(one for one in which if one != tx.head.training))
    if versions:
        stored.delete_trainings(tx, versions)
        log.append(
            tx,
            "models.pruned",
            at_us=tenancy.now_us(),
            seal=tenancy.keyring.operator.seal,
            facts={"versions": list(versions)},
        )
    return versions


def holding_expired(tenancy: Tenancy, snapshot: Snapshot, *, at_us: int) -> list[int]:
    """The versions that learned from events which are too old by now, the newest first."""
    purpose = tenancy.policy.purposes.get(PURPOSE)
    if purpose is None:
        return []
    first_day = day_of(at_us - purpose.keep_days * DAY_US)
    return [row.training for row in stored.kept(snapshot) if row.oldest_day < first_day]


def rollback(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms, to: int | None
) -> RolledBack:
    """Put a version in service again that is kept: ``to``, or the newest before today's.

    Whose permission ran out is forgotten first. Its models are made again from what their counts
    are now, outside the writer's turn; whoever is forgotten meanwhile is not in what is served.

    Raises:
        NotFittedError: Nothing has been trained yet, or no earlier version is kept.
        InputError: There is no such version, or it may not be served any more.
        PluginError: A model cannot be made again; the version in service stays.
    """
    with tenancy.read() as snapshot:
        _found(tenancy, snapshot, to)
    forget_lapsed(tenancy, registry, algorithms)
    for _ in range(_ATTEMPTS):
        with tenancy.read() as snapshot:
            remade = _remade(tenancy, snapshot, algorithms, to)
        with tenancy.write() as tx:
            if tx.head.model_epoch == remade.epoch:
                return _put_in_service(tenancy, tx, remade)
    with tenancy.write() as tx:
        return _put_in_service(tenancy, tx, _remade(tenancy, tx, algorithms, to))


def _remade(
    tenancy: Tenancy, snapshot: Snapshot, algorithms: Algorithms, to: int | None
) -> _Remade:
    version = _found(tenancy, snapshot, to)
    models = {
        name: _built(snapshot, algorithms, version, row)
        for name, row in version.known.items()
        if row.in_service and row.forgets == "exact"
    }
    return _Remade(version.training, snapshot.head.model_epoch, models)


def _found(tenancy: Tenancy, snapshot: Snapshot, to: int | None) -> Serving:
    """The version to go back to, if it may be served."""
    active = snapshot.head.training
    if active is None:
        raise NotFittedError("nothing has been trained yet: call train first")
    others = [row.training for row in stored.kept(snapshot) if row.training != active]
    if to is None:
        to = next((number for number in others if number < active), None)
        if to is None:
            raise NotFittedError(
                "no earlier version is kept: [models] keep in the policy says how many are"
            )
    version = unserved(snapshot, to) if to in others else None
    if version is None:
        known = ", ".join(map(str, sorted(others))) or "none"
        raise InputError("version", f"one that is kept and not in service: {known}")
    if to in holding_expired(tenancy, snapshot, at_us=tenancy.now_us()):
        raise InputError("version", "one that learned from no event past its retention: train")
    if version.floor < tenancy.policy.models.min_subjects:
        raise InputError("version", "one with the floor of today's policy: train")
    return version


def _built(snapshot: Snapshot, algorithms: Algorithms, version: Serving, row: ModelRow) -> Model:
    if row.algorithm not in algorithms:
        raise PluginLoadError("no plugin has it: its model is not made again", plugin=row.algorithm)
    algorithm = guard.make(algorithms[row.algorithm], options_of(row))
    if not isinstance(algorithm, CountingAlgorithm):
        raise PluginError("does not count any more: train again", plugin=row.algorithm)
    model = guard.build(algorithm, StoredCounts(snapshot, version, row))
    form = model_rows.describe(model_rows.row_dtype(model.arrays()))
    if (model.kind, form) != (row.kind, row.arrays):
        raise PluginError("makes models of another form now: train again", plugin=row.algorithm)
    return model


def _put_in_service(tenancy: Tenancy, tx: Tx, remade: _Remade) -> RolledBack:
    before = tx.head.training
    if before is None:  # pragma: no cover - a version was found, so one is in service
        raise NotFittedError("nothing has been trained yet: call train first")
    _retire(tx, before)
    tx.head.training = remade.version
    tx.head.model_epoch += 1
    for name, model in remade.models.items():
        rows = model_rows.to_rows(model.arrays())
        stored.add_serving_rows(tx, remade.version, name, tx.head.model_epoch, rows)
    log.append(
        tx,
        "models.rolled_back",
        at_us=tenancy.now_us(),
        seal=tenancy.keyring.operator.seal,
        facts={"from": before, "to": remade.version},
    )
    known = stored.models_of(tx, remade.version)
    in_service = tuple(row.algorithm for row in known if row.in_service)
    return RolledBack(before, remade.version, in_service)


def _retire(tx: Tx, training: int) -> None:
    """Leave of a version that goes out of service what cannot be made again."""
    for row in stored.models_of(tx, training):
        if row.forgets == "exact":
            stored.drop_serving_rows(tx, training, row.algorithm)
