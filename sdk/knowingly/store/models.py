"""Statements of the models: trainings, their counts and serving rows, and the manifests."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, bindparam, delete, func, insert, select, update

from knowingly.store.batches import BATCH, BulkInsert, BulkUpdate, batched
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.prepared import Among, Prepared
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
    tag: bytes


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
    refit_by_us: int | None = None
    tag: bytes = b""


_TRAINING = tuple(trainings.c[name] for name in TrainingRow._fields)
_MODEL = tuple(models.c[name] for name in ModelRow._fields)


_ADD_ROWS = BulkInsert(model_rows)
_ADD_COUNTS = BulkInsert(model_counts)
_ADD_MANIFESTS = BulkInsert(manifests)
_MARK = BulkInsert(manifests, existing="skip")
MARK = 0
"""The number of no training: manifests of it mark people whom a training to come reads again."""


def _of_model(table: Table) -> tuple[ColumnElement[bool], ...]:
    """The rows of one model, by bound parameters."""
    return (
        table.c.tenant == bindparam("t"),
        table.c.training == bindparam("n"),
        table.c.algorithm == bindparam("a"),
    )


def _one_row(table: Table) -> tuple[ColumnElement[bool], ...]:
    """One item's row of a model, by bound parameters."""
    return (*_of_model(table), table.c.row == bindparam("at_row"))


_CHANGE_ROWS = BulkUpdate(
    update(model_rows)
    .where(*_one_row(model_rows))
    .values(epoch=bindparam("new_epoch"), body=bindparam("new_body"))
)
_CHANGE_COUNTS = BulkUpdate(
    update(model_counts).where(*_one_row(model_counts)).values(body=bindparam("new_body"))
)


_NEWER = Prepared(
    select(model_rows.c.row, model_rows.c.epoch, model_rows.c.body)
    .where(*_of_model(model_rows), model_rows.c.epoch > bindparam("since"))
    .order_by(model_rows.c.row)
)
_COUNTS = Among(
    select(model_counts.c.row, model_counts.c.body).where(*_of_model(model_counts)),
    model_counts.c.row,
)
_CHANGE_MANIFESTS = BulkUpdate(
    update(manifests)
    .where(
        manifests.c.tenant == bindparam("t"),
        manifests.c.subject == bindparam("s"),
        manifests.c.training == bindparam("n"),
    )
    .values(body=bindparam("new_body"))
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
) -> Sequence[tuple[Any, ...]]:
    """``(row, epoch, body)`` of a model's parameters written after an epoch, by row."""
    own = {"t": snapshot.tenant, "n": training, "a": algorithm, "since": since_epoch}
    return _NEWER.all(snapshot.connection, own)


def has_parameters(snapshot: Snapshot, training: int, algorithm: str) -> bool:
    """Whether anything that a model learned is stored: parameters, or counts."""
    return any(
        snapshot.connection.execute(
            select(table.c.row)
            .where(
                table.c.tenant == snapshot.tenant,
                table.c.training == training,
                table.c.algorithm == algorithm,
            )
            .limit(1)
        ).first()
        for table in (model_rows, model_counts)
    )


def count_rows(
    snapshot: Snapshot, training: int, algorithm: str, rows: Sequence[int]
) -> dict[int, bytes]:
    """Stored count rows of a model; a row that was never counted is left out."""
    own = {"t": snapshot.tenant, "n": training, "a": algorithm}
    return {row[0]: row[1] for row in _COUNTS.all(snapshot.connection, own, rows)}


def reserve(tx: Tx) -> int:
    """A number for a training, higher than any before."""
    number = tx.head.next_training
    tx.head.next_training += 1
    return number


def add_training(tx: Tx, number: int, values: dict[str, Any]) -> None:
    """Store a training under its number."""
    tx.connection.execute(insert(trainings), {"tenant": tx.tenant, "training": number, **values})


def add_model(tx: Tx, training: int, row: ModelRow) -> None:
    """Store what the registry knows of a model."""
    values = {"tenant": tx.tenant, "training": training, **row._asdict()}
    tx.connection.execute(insert(models), values)


def change_model(tx: Tx, training: int, row: ModelRow) -> None:
    """Replace what can change of a model: its service and how well it did, with the tag."""
    named = (models.c.tenant == tx.tenant, models.c.training == training)
    tx.connection.execute(
        update(models)
        .where(*named, models.c.algorithm == row.algorithm)
        .values(
            in_service=row.in_service,
            refit_by_us=row.refit_by_us,
            metrics=row.metrics,
            tag=row.tag,
        )
    )


def delete_parameters(tx: Tx, training: int, algorithm: str) -> None:
    """Delete a model's parameters and counts."""
    for table in (model_rows, model_counts):
        own = (table.c.tenant == tx.tenant, table.c.training == training)
        tx.connection.execute(delete(table).where(*own, table.c.algorithm == algorithm))


def drop_serving_rows(tx: Tx, training: int, algorithm: str) -> None:
    """Delete a model's parameters, which can be made again from its counts."""
    own = (model_rows.c.tenant == tx.tenant, model_rows.c.training == training)
    tx.connection.execute(delete(model_rows).where(*own, model_rows.c.algorithm == algorithm))


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


def _published(snapshot: Snapshot) -> ColumnElement[bool]:
    """Of what was learned: neither marks nor what no training that is kept has learned."""
    there = select(trainings.c.training).where(trainings.c.tenant == snapshot.tenant)
    return (manifests.c.tenant == snapshot.tenant) & manifests.c.training.in_(there)


def manifest(snapshot: Snapshot, subject: int) -> list[tuple[int, bytes]]:
    """``(training, sealed manifest)`` of one person."""
    mine = select(manifests.c.training, manifests.c.body).where(
        _published(snapshot), manifests.c.subject == subject
    )
    return [(row[0], row[1]) for row in snapshot.connection.execute(mine)]


def manifests_of(snapshot: Snapshot, people: Sequence[int]) -> dict[int, dict[int, bytes]]:
    """The sealed manifests of some people, by training and by person."""
    found: dict[int, dict[int, bytes]] = {}
    for chunk in batched(people):
        theirs = select(manifests.c.training, manifests.c.subject, manifests.c.body).where(
            _published(snapshot), manifests.c.subject.in_(chunk)
        )
        for row in snapshot.connection.execute(theirs):
            found.setdefault(row[0], {})[row[1]] = row[2]
    return found


def change_manifests(tx: Tx, training: int, rows: Iterable[tuple[int, bytes]]) -> None:
    """Replace what says what was learned from some people, given with their numbers."""
    own = {"t": tx.tenant, "n": training}
    values = [{**own, "s": subject, "new_body": body} for subject, body in rows]
    _CHANGE_MANIFESTS(tx.connection, values)


def largest_manifests(snapshot: Snapshot, people: Sequence[int]) -> dict[int, int]:
    """The bytes of the largest manifest of each of these people who has one."""
    found: dict[int, int] = {}
    for some in batched(people):
        theirs = (
            select(manifests.c.subject, func.max(func.length(manifests.c.body)))
            .where(_published(snapshot), manifests.c.subject.in_(some))
            .group_by(manifests.c.subject)
        )
        found.update((row[0], row[1]) for row in snapshot.connection.execute(theirs))
    return found


def delete_manifests(tx: Tx, people: Sequence[int]) -> None:
    """Delete what says what was learned from people, whether it is published or not."""
    for some in batched(people):
        theirs = (manifests.c.tenant == tx.tenant, manifests.c.subject.in_(some))
        tx.connection.execute(delete(manifests).where(*theirs))


def delete_unpublished(tx: Tx, people: tuple[int, int], below: int) -> None:
    """Delete manifests, of people from one number to another, of no training that is kept.

    Those of the number ``below`` and after it stay: such a training may be about to be published.
    """
    theirs = (
        manifests.c.tenant == tx.tenant,
        manifests.c.subject.between(*people),
        manifests.c.training > MARK,
        manifests.c.training < below,
        ~_published(tx),
    )
    tx.connection.execute(delete(manifests).where(*theirs))


def mark(tx: Tx, rows: Sequence[tuple[int, bytes]]) -> None:
    """Mark people for the training to come, each with an empty manifest of ``MARK``."""
    _MARK(tx.connection, [(tx.tenant, subject, MARK, body) for subject, body in rows])


def take_marks(tx: Tx) -> set[int]:
    """The people who are marked for the training to come; they are no more."""
    marked = learned_from(tx, MARK)
    theirs = (manifests.c.tenant == tx.tenant, manifests.c.training == MARK)
    tx.connection.execute(delete(manifests).where(*theirs))
    return marked


def manifests_between(snapshot: Snapshot, first: int, last: int) -> list[tuple[int, int]]:
    """``(subject, training)`` of every manifest of people from one number to another."""
    rows = select(manifests.c.subject, manifests.c.training).where(
        _published(snapshot), manifests.c.subject.between(first, last)
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
    """Delete some trainings, each with its models and counts; no manifest of theirs counts then."""
    for table in (model_rows, model_counts, models, trainings):
        of_them = (table.c.tenant == tx.tenant, table.c.training.in_(which))
        tx.connection.execute(delete(table).where(*of_them))
