"""Statements of the consent history: only ever added to, until the person is erased."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, func, or_, select, update

from knowingly.domain.consent import ACCOUNT, MERGED, Action, ConsentRecord
from knowingly.store.batches import BATCH, BulkInsert
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.prepared import Among, Prepared
from knowingly.store.schema import consent_records as table
from knowingly.store.schema import subjects
from knowingly.store.subjects import COLUMNS as PERSON
from knowingly.store.subjects import SubjectRow

_COLUMNS = (
    table.c.at_us,
    table.c.received_us,
    table.c.idx,
    table.c.purpose,
    table.c.action,
    table.c.notice,
    table.c.scope,
    table.c.source,
    table.c.flaw,
    table.c.confirmed,
)
_ADD = BulkInsert(table)
_ONE = select(*_COLUMNS).where(table.c.tenant == bindparam("t"), table.c.subject == bindparam("s"))
_MANY = Among(
    select(table.c.subject, *_COLUMNS).where(table.c.tenant == bindparam("t")), table.c.subject
)
_PERSON = Prepared(
    select(*PERSON, *_COLUMNS)
    .select_from(
        subjects.outerjoin(
            table,
            and_(table.c.tenant == subjects.c.tenant, table.c.subject == subjects.c.subject),
        )
    )
    .where(subjects.c.tenant == bindparam("t"), subjects.c.lookup == bindparam("l"))
)
_BETWEEN = Prepared(
    select(table.c.subject, *_COLUMNS).where(
        table.c.tenant == bindparam("t"),
        table.c.subject.between(bindparam("first"), bindparam("last")),
    )
)
_OF_ENTRIES = Prepared(
    select(
        table.c.idx,
        table.c.subject,
        table.c.purpose,
        table.c.action,
        table.c.scope,
        table.c.at_us,
        table.c.received_us,
        table.c.notice,
        table.c.source,
        table.c.flaw,
        table.c.confirmed,
    )
    .where(
        table.c.tenant == bindparam("t"),
        table.c.idx >= bindparam("low"),
        table.c.idx < bindparam("high"),
    )
    .order_by(table.c.idx)
)
_ACTIONS = {action.value: action for action in Action}
ChoiceRow = tuple[Any, ...]
"""One choice as it is read: when it was made and received, its entry, and from ``SAID`` on what."""
SAID = 3


def as_record(row: ChoiceRow) -> ConsentRecord:
    """The choice of a row."""
    return ConsentRecord(
        row[3],
        _ACTIONS[row[4]],
        row[0],
        row[1],
        row[2],
        row[5],
        row[6],
        row[7],
        row[8],
        bool(row[9]),
    )


def of(snapshot: Snapshot, subject: int) -> list[ConsentRecord]:
    """One person's choices, in the order they were recorded."""
    rows = snapshot.connection.execute(_ONE, {"t": snapshot.tenant, "s": subject})
    return sorted((as_record(row) for row in rows.all()), key=lambda one: (one.index, one.purpose))


def with_person(snapshot: Snapshot, lookup: bytes) -> tuple[SubjectRow | None, list[ConsentRecord]]:
    """A person by keyed hash, with their choices: one read, because every page makes it."""
    rows = _PERSON.all(snapshot.connection, {"t": snapshot.tenant, "l": lookup})
    if not rows:
        return None, []
    own = len(PERSON)
    person = SubjectRow(*rows[0][:own])
    return person, [as_record(row[own:]) for row in rows if row[own] is not None]


def of_many(snapshot: Snapshot, subjects: Sequence[int]) -> dict[int, list[ConsentRecord]]:
    """The choices of many people, by subject."""
    found = rows_of_many(snapshot, subjects)
    return {subject: [as_record(row) for row in rows] for subject, rows in found.items()}


def rows_of_many(snapshot: Snapshot, subjects: Sequence[int]) -> dict[int, list[ChoiceRow]]:
    """``of_many`` without an object for each choice, which would take longer than to read it."""
    found: dict[int, list[ChoiceRow]] = {subject: [] for subject in subjects}
    for row in _MANY.all(snapshot.connection, {"t": snapshot.tenant}, subjects):
        found[row[0]].append(row[1:])
    return found


def between(snapshot: Snapshot, first: int, last: int) -> dict[int, list[ConsentRecord]]:
    """The choices of people from the first number to the last, by subject."""
    where = {"t": snapshot.tenant, "first": first, "last": last}
    found: dict[int, list[ConsentRecord]] = {}
    for row in _BETWEEN.all(snapshot.connection, where):
        found.setdefault(row[0], []).append(as_record(row[1:]))
    return found


class Told(NamedTuple):
    """What is counted of how a choice was made: where in the shop, and under which law."""

    surface: str | None = None
    jurisdiction: str | None = None


_UNTOLD = Told()


def add(
    tx: Tx,
    choices: Iterable[tuple[int, ConsentRecord]],
    told: Mapping[int, Told] | None = None,
) -> None:
    """Append choices, each with its person's number; ``told`` is by ledger entry."""
    of_entry = told or {}
    rows = [
        (
            tx.tenant,
            subject,
            record.index,
            record.purpose,
            record.action.value,
            record.scope,
            record.at_us,
            record.received_us,
            record.notice,
            record.source,
            record.flaw,
            record.confirmed,
            *of_entry.get(record.index, _UNTOLD),
            record.received_us,
        )
        for subject, record in choices
    ]
    _ADD(tx.connection, rows)


def told(snapshot: Snapshot, subject: int) -> dict[tuple[int, str], tuple[Told, int]]:
    """How one person's choices were made and when each had taken effect, by entry and purpose."""
    columns = (table.c.idx, table.c.purpose, table.c.surface, table.c.jurisdiction)
    mine = select(*columns, table.c.applied_us).where(
        table.c.tenant == snapshot.tenant, table.c.subject == subject
    )
    rows = snapshot.connection.execute(mine)
    return {(row[0], row[1]): (Told(row[2], row[3]), row[4]) for row in rows}


def mark_applied(tx: Tx, subject: int, index: int, at_us: int) -> None:
    """Say when what follows from the choices of an entry had been done."""
    mine = (table.c.tenant == tx.tenant, table.c.subject == subject, table.c.idx == index)
    tx.connection.execute(update(table).where(*mine).values(applied_us=at_us))


def hand_over(tx: Tx, session: int, account: int, *, merged_by: int) -> None:
    """Keep a session's choices as history of an account; those merged earlier stay as they are."""
    mine = (table.c.tenant == tx.tenant, table.c.subject == session)
    own = update(table).where(*mine, table.c.scope == ACCOUNT)
    tx.connection.execute(own.values(scope=f"{MERGED}{merged_by}"))
    tx.connection.execute(update(table).where(*mine).values(subject=account))


class MergedRows(NamedTuple):
    """The choices that accounts keep of one merge: of how many entries, from which to which."""

    scope: str
    entries: int
    first: int
    last: int


def merged(snapshot: Snapshot, after: str = "") -> list[MergedRows]:
    """The choices that accounts keep from sessions, merge by merge, at most ``BATCH`` merges.

    ``after`` is the scope of the last that was read.
    """
    rows = (
        select(
            table.c.scope,
            func.count(table.c.idx.distinct()),
            func.min(table.c.idx),
            func.max(table.c.idx),
        )
        .where(
            table.c.tenant == snapshot.tenant,
            table.c.scope.startswith(MERGED),
            table.c.scope > after,
        )
        .group_by(table.c.scope)
        .order_by(table.c.scope)
        .limit(BATCH)
    )
    return [MergedRows(*row) for row in snapshot.connection.execute(rows)]


def changed_since(snapshot: Snapshot, index: int) -> set[int]:
    """People with a choice recorded at or after ledger entry ``index``."""
    statement = (
        select(table.c.subject)
        .where(table.c.tenant == snapshot.tenant, table.c.idx >= index)
        .distinct()
    )
    return set(snapshot.connection.execute(statement).scalars())


class StoredChoice(NamedTuple):
    """One row of a choice, as it is stored."""

    entry: int
    subject: int
    purpose: str
    action: str
    scope: str
    at_us: int
    received_us: int
    notice: str | None
    source: str | None
    flaw: str | None
    confirmed: bool


def of_entries(snapshot: Snapshot, low: int, high: int) -> Sequence[tuple[Any, ...]]:
    """The fields of ``StoredChoice`` of entries from ``low`` up to ``high``, in their order."""
    where = {"t": snapshot.tenant, "low": low, "high": high}
    return _OF_ENTRIES.all(snapshot.connection, where)


def without_entry(snapshot: Snapshot) -> int | None:
    """The lowest entry that a choice names and that the head does not count."""
    outside = select(func.min(table.c.idx)).where(
        table.c.tenant == snapshot.tenant,
        or_(table.c.idx < 0, table.c.idx >= snapshot.head.ledger_size),
    )
    return snapshot.connection.execute(outside).scalar()
