"""Statements of the events: sealed bodies, with a day and the purposes they were kept for."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, text, update

from knowingly.errors import StoreError
from knowingly.store.batches import batched, insert_many
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import consent_records, purpose_bits
from knowingly.store.schema import events as table


class EventRow(NamedTuple):
    """One stored event; ``purposes`` is a set of bits."""

    subject: int
    event: bytes
    day: int
    purposes: int
    body: bytes


_HISTORY = (
    select(table.c.event, table.c.body)
    .where(
        table.c.tenant == bindparam("t"),
        table.c.subject == bindparam("s"),
        table.c.purposes.bitwise_and(bindparam("mask")) != 0,
    )
    .order_by(table.c.day.desc())
    .limit(bindparam("n"))
)
_HISTORY_WITH_PURPOSES = _HISTORY.add_columns(table.c.purposes)
# The same spelling on SQLite and PostgreSQL; an event that is there already is left as it is.
_ADD = text(
    "INSERT INTO events (tenant, subject, event, day, purposes, body) "
    "VALUES (:tenant, :subject, :event, :day, :purposes, :body) ON CONFLICT DO NOTHING"
)
_ADD_COLUMNS = ("tenant", "subject", "event", "day", "purposes", "body")
NewEvent = tuple[int, int, bytes, int, int, bytes]
"""The columns of one event: tenant, subject, event, day, purposes, sealed body."""


def history(
    snapshot: Snapshot, subject: int, mask: int, limit: int
) -> Sequence[tuple[bytes, bytes]]:
    """A person's newest events for a purpose: ``(event, sealed body)``, newest day first."""
    where = {"t": snapshot.tenant, "s": subject, "mask": mask, "n": limit}
    return snapshot.connection.execute(_HISTORY, where).all()


def history_with_purposes(
    snapshot: Snapshot, subject: int, mask: int, limit: int
) -> Sequence[tuple[bytes, bytes, int]]:
    """``history``, with the purposes that each event was kept for."""
    where = {"t": snapshot.tenant, "s": subject, "mask": mask, "n": limit}
    rows = snapshot.connection.execute(_HISTORY_WITH_PURPOSES, where).all()
    return [(row[0], row[1], row[2]) for row in rows]


def of(snapshot: Snapshot, subject: int) -> list[EventRow]:
    """Everything stored of one person, whatever for; oldest day first."""
    mine = (
        select(table.c.subject, table.c.event, table.c.day, table.c.purposes, table.c.body)
        .where(table.c.tenant == snapshot.tenant, table.c.subject == subject)
        .order_by(table.c.day, table.c.event)
    )
    return [EventRow(*row) for row in snapshot.connection.execute(mine)]


def scan(
    snapshot: Snapshot,
    mask: int,
    *,
    first_day: int,
    last_day: int,
    first_subject: int,
    last_subject: int,
) -> Iterator[tuple[int, bytes, bytes, int]]:
    """Events kept for a purpose, person by person, streaming.

    ``(subject, event, sealed body, purposes)`` of each.
    """
    wanted = (
        select(table.c.subject, table.c.event, table.c.body, table.c.purposes)
        .where(
            table.c.tenant == snapshot.tenant,
            table.c.subject.between(first_subject, last_subject),
            table.c.purposes.bitwise_and(mask) != 0,
            table.c.day >= first_day,
            table.c.day <= last_day,
        )
        .order_by(table.c.subject)
    )
    streaming = snapshot.connection.execution_options(yield_per=5_000)
    for part in streaming.execute(wanted).partitions():
        yield from part


def add(tx: Tx, rows: Sequence[NewEvent]) -> int:
    """Store events; how many of them were new."""
    return insert_many(tx.connection, _ADD, _ADD_COLUMNS, rows)


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


def strip(tx: Tx, subject: int, mask: int, *, before_day: int | None = None) -> int:
    """Take purposes away from a person's events; how many events had one of them."""
    where = [table.c.subject == subject]
    if before_day is not None:
        where.append(table.c.day < before_day)
    return _strip(tx, mask, *where)


def strip_old(tx: Tx, mask: int, *, before_day: int) -> int:
    """Take purposes away from everyone's events older than a day."""
    return _strip(tx, mask, table.c.day < before_day)


def strip_unasked(tx: Tx, mask: int, purpose: str) -> int:
    """Take a purpose away from the events of people who never chose anything about it."""
    chose = select(consent_records.c.subject).where(
        consent_records.c.tenant == tx.tenant, consent_records.c.purpose == purpose
    )
    return _strip(tx, mask, table.c.subject.not_in(chose))


def _strip(tx: Tx, mask: int, *where: ColumnElement[bool]) -> int:
    held = (table.c.tenant == tx.tenant, table.c.purposes.bitwise_and(mask) != 0, *where)
    kept = table.c.purposes.bitwise_and(~mask)
    return tx.connection.execute(update(table).where(*held).values(purposes=kept)).rowcount


def delete_unusable(tx: Tx) -> int:
    """Delete the events that no purpose allows any more."""
    unusable = (table.c.tenant == tx.tenant, table.c.purposes == 0)
    return tx.connection.execute(delete(table).where(*unusable)).rowcount


def people_with_unusable(snapshot: Snapshot) -> list[int]:
    """The people who have events that no purpose allows any more."""
    waiting = (
        select(table.c.subject)
        .where(table.c.tenant == snapshot.tenant, table.c.purposes == 0)
        .distinct()
    )
    return list(snapshot.connection.execute(waiting).scalars())


def count_unusable(snapshot: Snapshot) -> int:
    """How many events wait for deletion."""
    waiting = (
        select(func.count())
        .select_from(table)
        .where(table.c.tenant == snapshot.tenant, table.c.purposes == 0)
    )
    return int(snapshot.connection.execute(waiting).scalar_one())


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
