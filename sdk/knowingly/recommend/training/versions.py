"""The versions that are kept: which stay when one is published, and going back to one of them.

A version is a training. One is in service; of the others the models that forget exactly keep their
counts alone, from which their parameters are made again when they are gone back to.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from knowingly.errors import InputError, NotFittedError, PluginError, PluginLoadError, StoreError
from knowingly.items.table import ItemTable
from knowingly.ledger import log
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import CountingAlgorithm, Model
from knowingly.recommend.registry import rows as model_rows
from knowingly.recommend.registry.serving import Registry, Serving, options_of, unserved
from knowingly.recommend.registry.signed import Signed
from knowingly.recommend.training.expiring import EVERYBODY, forget_expired
from knowingly.recommend.training.forgetting import Algorithms, StoredCounts
from knowingly.recommend.training.lapsed import forget_lapsed
from knowingly.recommend.training.refitting import take_out
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


def succeed(tenancy: Tenancy, tx: Tx, training: int) -> None:
    """Put a training in service, and keep as many as the policy says: it, the last, the newest."""
    before = tx.head.training
    if before is not None:
        _retire(tenancy, tx, before)
    tx.head.training = training
    numbers = [row.training for row in stored.kept(tx)]
    # What was served until now can be an older one, to which somebody went back for a reason.
    numbers.sort(key=lambda one: (one == training, one == before, one), reverse=True)
    stored.delete_trainings(tx, numbers[tenancy.policy.models.keep :])


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


def rollback(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms, to: int | None
) -> RolledBack:
    """Put a version in service again that is kept: ``to``, or the newest before today's.

    Whose permission ran out is forgotten first, and what is too old by now. Its models are made
    again from what their counts are now, outside the writer's turn; whoever is forgotten meanwhile
    is not in what is served.

    Raises:
        NotFittedError: Nothing has been trained yet, or no earlier version is kept.
        InputError: There is no such version, or it may not be served any more.
        PluginError: A model cannot be made again; the version in service stays.
        StoreError: The version was changed by somebody else.
    """
    with tenancy.read() as snapshot:
        _found(tenancy, snapshot, to)
    forget_lapsed(tenancy, registry, algorithms)
    forget_expired(tenancy, registry, algorithms, EVERYBODY, tenancy.now_us())
    for _ in range(_ATTEMPTS):
        with tenancy.read() as snapshot:
            remade = _remade(tenancy, snapshot, algorithms, to)
        with tenancy.write() as tx:
            # No epoch says that it was deleted: nothing that is served changed by that.
            there = stored.training(tx, remade.version) is not None
            if there and tx.head.model_epoch == remade.epoch:
                return _put_in_service(tenancy, tx, remade)
    with tenancy.write() as tx:
        return _put_in_service(tenancy, tx, _remade(tenancy, tx, algorithms, to))


def _remade(
    tenancy: Tenancy, snapshot: Snapshot, algorithms: Algorithms, to: int | None
) -> _Remade:
    version = _found(tenancy, snapshot, to)
    signed = Signed(tenancy.keyring, version.training)

    def described() -> ItemTable:
        return tenancy.tables.at(snapshot).select(version.items)

    models = {
        name: _built(algorithms, row, StoredCounts(snapshot, version, row, signed), described)
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
    version = unserved(tenancy.keyring, snapshot, to) if to in others else None
    if version is None:
        known = ", ".join(map(str, sorted(others))) or "none"
        raise InputError("version", f"one that is kept and not in service: {known}")
    for fault in version.faults.values():
        raise StoreError(fault)
    if version.floor < tenancy.policy.models.min_subjects:
        raise InputError("version", "one with the floor of today's policy: train")
    return version


def _built(
    algorithms: Algorithms,
    row: ModelRow,
    counts: StoredCounts,
    described: Callable[[], ItemTable],
) -> Model:
    if row.algorithm not in algorithms:
        raise PluginLoadError("no plugin has it: its model is not made again", plugin=row.algorithm)
    algorithm = guard.make(algorithms[row.algorithm], options_of(row))
    if not isinstance(algorithm, CountingAlgorithm):
        raise PluginError("does not count any more: train again", plugin=row.algorithm)
    if algorithm.needs_items:
        counts.items = described()
    model = guard.build(algorithm, counts)
    if model_rows.form_of(model) != (row.kind, row.arrays):
        raise PluginError("makes models of another form now: train again", plugin=row.algorithm)
    return model


def _put_in_service(tenancy: Tenancy, tx: Tx, remade: _Remade) -> RolledBack:
    before = tx.head.training
    if before is None:  # pragma: no cover - a version was found, so one is in service
        raise NotFittedError("nothing has been trained yet: call train first")
    _retire(tenancy, tx, before)
    tx.head.training = remade.version
    tx.head.model_epoch += 1
    signed = Signed(tenancy.keyring, remade.version)
    for name, model in remade.models.items():
        epoch = tx.head.model_epoch
        rows = signed.parameters(name, epoch, model_rows.to_rows(model.arrays()))
        stored.add_serving_rows(tx, remade.version, name, epoch, rows)
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


def _retire(tenancy: Tenancy, tx: Tx, training: int) -> None:
    """Leave of a version that goes out of service what cannot be made again, and may be."""
    version = unserved(tenancy.keyring, tx, training)
    if version is None:
        return
    for name, row in version.known.items():
        if row.refit_by_us is not None:
            # What it should have forgotten was its affair while it was served, and no longer.
            take_out(tenancy, version, tx, name)
        elif row.forgets == "exact":
            stored.drop_serving_rows(tx, training, name)
