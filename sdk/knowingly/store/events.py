"""Statements of the events: sealed bodies, with a day and the purposes they were kept for."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, delete, func, insert, select

from knowingly.errors import StoreError
from knowingly.store.batches import BulkInsert, batched
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.prepared import Prepared
from knowingly.store.schema import events as table
from knowingly.store.schema import purpose_bits


class EventRow(NamedTuple):
    """One stored event; ``purposes`` is a set of bits."""

    subject: int
    event: bytes
    day: int
    purposes: int
    body: bytes


_OF_ONE = select(table.c.event, table.c.body).where(
    table.c.tenant == bindparam("t"),
    table.c.subject == bindparam("s"),
    table.c.purposes.bitwise_and(bindparam("mask")) != 0,
)


_OF_THE_LAST_DAY = 1_000
"""Events more than asked for, at most, that a read of the newest takes to have whole days."""


class _Newest:
    """A read of a person's newest events: so many, and the rest of the last day, in no order.

    The day is all of their time that the database knows, so which of a day's events are the newest
    is the reader's to say. Most people have fewer, so the first so many are read as they lie. Only
    where some are left out are they put in order before, which takes SQLite as long again as
    reading them.
    """

    def __init__(self, statement: Select[Any]) -> None:
        last = table.alias()
        last_day = (
            select(last.c.day)
            .where(
                last.c.tenant == bindparam("t"),
                last.c.subject == bindparam("s"),
                last.c.purposes.bitwise_and(bindparam("mask")) != 0,
            )
            .order_by(last.c.day.desc())
            .offset(bindparam("n") - 1)
            .limit(1)
            .scalar_subquery()
        )
        self._as_they_lie = Prepared(statement.order_by(table.c.event).limit(bindparam("n")))
        self._newest = Prepared(
            statement.where(table.c.day >= last_day)
            .order_by(table.c.day.desc(), table.c.event)
            .limit(bindparam("n") + _OF_THE_LAST_DAY)
        )

    def all(
        self, snapshot: Snapshot, subject: int, mask: int, limit: int
    ) -> Sequence[tuple[Any, ...]]:
        """The rows."""
        where = {"t": snapshot.tenant, "s": subject, "mask": mask}
        rows = self._as_they_lie.all(snapshot.connection, {**where, "n": limit + 1})
        if len(rows) <= limit:
            return rows
        return self._newest.all(snapshot.connection, {**where, "n": limit})


_HISTORY = _Newest(_OF_ONE)
_HISTORY_WITH_PURPOSES = _Newest(_OF_ONE.add_columns(table.c.purposes))
_BETWEEN = Prepared(
    select(table.c.subject, table.c.event, table.c.body, table.c.purposes)
    .where(
        table.c.tenant == bindparam("t"),
        table.c.subject.between(bindparam("first"), bindparam("last")),
        table.c.purposes.bitwise_and(bindparam("mask")) != 0,
        table.c.day.between(bindparam("first_day"), bindparam("last_day")),
    )
    .order_by(table.c.subject, table.c.event)
)
_ADD = BulkInsert(table, existing="skip")
NewEvent = tuple[int, int, bytes, int, int, bytes]
"""The columns of one event: tenant, subject, event, day, purposes, sealed body."""


def history(
    snapshot: Snapshot, subject: int, mask: int, limit: int
) -> Sequence[tuple[bytes, bytes]]:
    """A person's newest events for a purpose, in no order: ``(event, sealed body)``.

    There are ``limit`` of them, where there are as many, and those of the last one's day.
    """
    return _HISTORY.all(snapshot, subject, mask, limit)


def history_with_purposes(
    snapshot: Snapshot, subject: int, mask: int, limit: int
) -> Sequence[tuple[bytes, bytes, int]]:
    """``history``, with the purposes that each event was kept for."""
    return _HISTORY_WITH_PURPOSES.all(snapshot, subject, mask, limit)


def of(snapshot: Snapshot, subject: int) -> list[EventRow]:
    """Everything stored of one person, whatever for; oldest day first."""
    mine = (
        select(table.c.subject, table.c.event, table.c.day, table.c.purposes, table.c.body)
        .where(table.c.tenant == snapshot.tenant, table.c.subject == subject)
        .order_by(table.c.day, table.c.event)
    )
    return [EventRow(*row) for row in snapshot.connection.execute(mine)]


def between(
    snapshot: Snapshot, mask: int, *, days: tuple[int, int], people: tuple[int, int]
) -> Iterator[tuple[int, bytes, bytes, int]]:
    """Events kept for a purpose, of days and people from the first to the last, streaming.

    Yields:
        ``(subject, event, sealed body, purposes)``, person by person.
    """
    where = {
        "t": snapshot.tenant,
        "mask": mask,
        "first_day": days[0],
        "last_day": days[1],
        "first": people[0],
        "last": people[1],
    }
    return _BETWEEN.stream(snapshot.connection, where)


def add(tx: Tx, rows: Sequence[NewEvent]) -> int:
    """Store events; how many of them were new."""
    return _ADD(tx.connection, rows)


def bodies(snapshot: Snapshot, subject: int, names: Sequence[bytes]) -> dict[bytes, bytes]:
    """The sealed bodies of a person's events by name; one that is not there is left out."""
    found: dict[bytes, bytes] = {}
    for chunk in batched(names):
        named = select(table.c.event, table.c.body).where(
            table.c.tenant == snapshot.tenant,
            table.c.subject == subject,
            table.c.event.in_(chunk),
        )
        found.update((row[0], row[1]) for row in snapshot.connection.execute(named))
    return found


def remove(tx: Tx, subject: int, names: Sequence[bytes]) -> int:
    """Delete a person's events by name; how many there were."""
    gone = 0
    for chunk in batched(names):
        named = delete(table).where(
            table.c.tenant == tx.tenant, table.c.subject == subject, table.c.event.in_(chunk)
        )
        gone += tx.connection.execute(named).rowcount
    return gone


def count(snapshot: Snapshot) -> int:
    """How many events are stored."""
    stored = select(func.count()).select_from(table).where(table.c.tenant == snapshot.tenant)
    return int(snapshot.connection.execute(stored).scalar_one())


def bits(snapshot: Snapshot) -> dict[str, int]:
    """The bit, as a mask, of each purpose that has one."""
    rows = select(purpose_bits.c.purpose, purpose_bits.c.bit).where(
        purpose_bits.c.tenant == snapshot.tenant
    )
    return {row[0]: 1 << row[1] for row in snapshot.connection.execute(rows)}


MAX_BITS = 62
"""The purposes an event was kept for are the bits of one 64-bit integer."""


def add_bits(tx: Tx, purposes: Sequence[str]) -> dict[str, int]:
    """Give each new purpose a bit of its own; the masks of all."""
    known = bits(tx)
    fresh = [purpose for purpose in purposes if purpose not in known]
    if len(known) + len(fresh) > MAX_BITS:
        raise StoreError(
            f"a shop has room for {MAX_BITS} purposes over its whole life, {len(known)} are taken: "
            "use the ids of retired ones again"
        )
    given = {purpose: bit for bit, purpose in enumerate(fresh, start=len(known))}
    if given:
        rows = [
            {"tenant": tx.tenant, "purpose": purpose, "bit": bit} for purpose, bit in given.items()
        ]
        tx.connection.execute(insert(purpose_bits), rows)
    return known | {purpose: 1 << bit for purpose, bit in given.items()}
