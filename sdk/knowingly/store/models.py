"""Statements of the models: trainings, their counts and serving rows, and the manifests."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Table, bindparam, delete, func, insert, select, update

from knowingly.store.batches import BATCH, BulkInsert, BulkUpdate, batched
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import manifests, model_counts, model_rows, models, trainings


class TrainingRow(NamedTuple):
    """One training: what it learned from, until when, and of which items."""

    training: int
    created_us: int
    until_us: int
    oldest_day: int
    seed: int
    floor: int
    people: int
    ledger_size: int
    policy_digest: str
    item_rows: bytes
    events: int | None


class ModelRow(NamedTuple):
    """One model of a training, as the registry knows it."""

    algorithm: str
    kind: str
    forgets: str
    options: str
    arrays: str
    width: int
    in_service: bool
    metrics: str | None = None


_TRAINING = tuple(trainings.c[name] for name in TrainingRow._fields)
_MODEL = (
    models.c.algorithm,
    models.c.kind,
    models.c.forgets,
    models.c.options,
    models.c.arrays,
    models.c.width,
    models.c.in_service,
    models.c.metrics,
)


_ADD_ROWS = BulkInsert(model_rows)
_ADD_COUNTS = BulkInsert(model_counts)
_ADD_MANIFESTS = BulkInsert(manifests)


def _one_row(table: Table) -> tuple[ColumnElement[bool], ...]:
    """One item's row of a model, by bound parameters."""
    return (
        table.c.tenant == bindparam("t"),
        table.c.training == bindparam("n"),
        table.c.algorithm == bindparam("a"),
        table.c.row == bindparam("at_row"),
    )


_CHANGE_ROWS = BulkUpdate(
    update(model_rows)
    .where(*_one_row(model_rows))
    .values(epoch=bindparam("new_epoch"), body=bindparam("new_body"))
)
_CHANGE_COUNTS = BulkUpdate(
    update(model_counts).where(*_one_row(model_counts)).values(body=bindparam("new_body"))
)


def training(snapshot: Snapshot, number: int | None) -> TrainingRow | None:
    """One training, or None where it is not kept."""
    one = select(*_TRAINING).where(
        trainings.c.tenant == snapshot.tenant, trainings.c.training == number
    )
    found = snapshot.connection.execute(one).one_or_none()
    return None if found is None else TrainingRow(*found)


def kept(snapshot: Snapshot) -> list[TrainingRow]:
    """Every training that is kept, the newest first."""
    rows = (
        select(*_TRAINING)
        .where(trainings.c.tenant == snapshot.tenant)
        .order_by(trainings.c.training.desc())
    )
    return [TrainingRow(*row) for row in snapshot.connection.execute(rows)]


def models_of(snapshot: Snapshot, training: int) -> list[ModelRow]:
    """The models of a training."""
    rows = select(*_MODEL).where(models.c.tenant == snapshot.tenant, models.c.training == training)
    # Sorted here: how a server sorts text depends on its locale.
    return sorted(ModelRow(*row) for row in snapshot.connection.execute(rows))


def serving_rows(
    snapshot: Snapshot, training: int, algorithm: str, since_epoch: int = -1
) -> Sequence[Row[int, bytes]]:
    """``(row, body)`` of a model's parameters written after an epoch, by row."""
    newer = (
        select(model_rows.c.row, model_rows.c.body)
        .where(
            model_rows.c.tenant == snapshot.tenant,
            model_rows.c.training == training,
            model_rows.c.algorithm == algorithm,
            model_rows.c.epoch > since_epoch,
        )
        .order_by(model_rows.c.row)
    )
    return snapshot.connection.execute(newer).all()


def count_rows(
    snapshot: Snapshot, training: int, algorithm: str, rows: Sequence[int]
) -> dict[int, bytes]:
    """Stored count rows of a model; a row that was never counted is left out."""
    found: dict[int, bytes] = {}
    for chunk in batched(rows):
        wanted = select(model_counts.c.row, model_counts.c.body).where(
            model_counts.c.tenant == snapshot.tenant,
            model_counts.c.training == training,
            model_counts.c.algorithm == algorithm,
            model_counts.c.row.in_(chunk),
        )
        found.update((row[0], row[1]) for row in snapshot.connection.execute(wanted))
    return found


def add_training(tx: Tx, values: dict[str, Any]) -> int:
    """Store a training; its number, which is higher than any before."""
    number = tx.head.next_training
    tx.head.next_training += 1
    tx.connection.execute(insert(trainings), {"tenant": tx.tenant, "training": number, **values})
    return number


def add_model(tx: Tx, training: int, row: ModelRow) -> None:
    """Store what the registry knows of a model."""
    values = {"tenant": tx.tenant, "training": training, **row._asdict()}
    tx.connection.execute(insert(models), values)


def take_out_of_service(tx: Tx, training: int, algorithm: str) -> None:
    """Stop serving a model that cannot forget, and delete its parameters and counts."""
    named = (models.c.tenant == tx.tenant, models.c.training == training)
    tx.connection.execute(
        update(models).where(*named, models.c.algorithm == algorithm).values(in_service=False)
    )
    for table in (model_rows, model_counts):
        own = (table.c.tenant == tx.tenant, table.c.training == training)
        tx.connection.execute(delete(table).where(*own, table.c.algorithm == algorithm))


def drop_serving_rows(tx: Tx, training: int, algorithm: str) -> None:
    """Delete a model's parameters, which can be made again from its counts."""
    own = (model_rows.c.tenant == tx.tenant, model_rows.c.training == training)
    tx.connection.execute(delete(model_rows).where(*own, model_rows.c.algorithm == algorithm))


def keep_metrics(tx: Tx, training: int, algorithm: str, metrics: str) -> None:
    """Keep how well a model did, in place of what was kept of that before."""
    named = (models.c.tenant == tx.tenant, models.c.training == training)
    tx.connection.execute(
        update(models).where(*named, models.c.algorithm == algorithm).values(metrics=metrics)
    )


def add_serving_rows(
    tx: Tx, training: int, algorithm: str, epoch: int, rows: Iterator[tuple[int, bytes]]
) -> None:
    """Store a model's parameters by item row."""
    _ADD_ROWS(
        tx.connection, [(tx.tenant, training, algorithm, row, epoch, body) for row, body in rows]
    )


def change_serving_rows(
    tx: Tx, training: int, algorithm: str, epoch: int, rows: Iterator[tuple[int, bytes]]
) -> int:
    """Replace some of a model's parameters; how many rows."""
    own = {"t": tx.tenant, "n": training, "a": algorithm, "new_epoch": epoch}
    values = [{**own, "at_row": row, "new_body": body} for row, body in rows]
    _CHANGE_ROWS(tx.connection, values)
    return len(values)


def add_count_rows(
    tx: Tx, training: int, algorithm: str, rows: Iterator[tuple[int, bytes]]
) -> None:
    """Store a model's counts by item row, a few hundred at a time."""
    while part := list(islice(rows, BATCH)):
        _ADD_COUNTS(
            tx.connection, [(tx.tenant, training, algorithm, row, body) for row, body in part]
        )


def change_count_rows(
    tx: Tx, training: int, algorithm: str, rows: Iterator[tuple[int, bytes]]
) -> None:
    """Replace some of a model's counts."""
    own = {"t": tx.tenant, "n": training, "a": algorithm}
    _CHANGE_COUNTS(tx.connection, [{**own, "at_row": row, "new_body": body} for row, body in rows])


def add_manifests(tx: Tx, training: int, rows: Sequence[tuple[int, bytes]]) -> None:
    """Store what was learned from each person, sealed under their key."""
    _ADD_MANIFESTS(tx.connection, [(tx.tenant, subject, training, body) for subject, body in rows])


def manifest(snapshot: Snapshot, subject: int) -> list[tuple[int, bytes]]:
    """``(training, sealed manifest)`` of one person."""
    mine = select(manifests.c.training, manifests.c.body).where(
        manifests.c.tenant == snapshot.tenant, manifests.c.subject == subject
    )
    return [(row[0], row[1]) for row in snapshot.connection.execute(mine)]


def delete_manifest(tx: Tx, subject: int) -> int:
    """Delete what says what was learned from a person, in every training that is kept."""
    mine = (manifests.c.tenant == tx.tenant, manifests.c.subject == subject)
    return tx.connection.execute(delete(manifests).where(*mine)).rowcount


def manifests_between(snapshot: Snapshot, first: int, last: int) -> list[tuple[int, int]]:
    """``(subject, training)`` of every manifest of people from one number to another."""
    rows = select(manifests.c.subject, manifests.c.training).where(
        manifests.c.tenant == snapshot.tenant, manifests.c.subject.between(first, last)
    )
    return [(row[0], row[1]) for row in snapshot.connection.execute(rows)]


def learned_from(snapshot: Snapshot, training: int) -> set[int]:
    """The people a training has learned from and not forgotten."""
    rows = select(manifests.c.subject).where(
        manifests.c.tenant == snapshot.tenant, manifests.c.training == training
    )
    return set(snapshot.connection.execute(rows).scalars())


def learned_size(snapshot: Snapshot, training: int) -> tuple[int, int]:
    """How many people a training has learned from and not forgotten; the bytes that say what."""
    rows = select(func.count(), func.coalesce(func.sum(func.length(manifests.c.body)), 0)).where(
        manifests.c.tenant == snapshot.tenant, manifests.c.training == training
    )
    people, size = snapshot.connection.execute(rows).one()
    return int(people), int(size)


def delete_trainings(tx: Tx, which: Sequence[int]) -> None:
    """Delete some trainings, each with its models, counts and manifests."""
    for table in (model_rows, model_counts, manifests, models, trainings):
        of_them = (table.c.tenant == tx.tenant, table.c.training.in_(which))
        tx.connection.execute(delete(table).where(*of_them))
