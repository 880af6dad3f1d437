"""Statements of the people: found by a keyed hash, never by name."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, func, insert, select, update

from knowingly.store.batches import STREAMING, BulkInsert, batched
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.prepared import Among
from knowingly.store.schema import subjects as table
from knowingly.store.schema import tombstones

ACTIVE = "active"
ERASING = "erasing"


class SubjectRow(NamedTuple):
    """A person's row: its number, the random id of their key, its state, and a salt.

    ``name_salt`` is what the names of their events are made with; it outlives a new key.
    """

    subject: int
    key_id: bytes
    state: str
    name_salt: bytes


_ADD = BulkInsert(table)
COLUMNS = (table.c.subject, table.c.key_id, table.c.state, table.c.name_salt)
_FIND = select(*COLUMNS).where(table.c.tenant == bindparam("t"), table.c.lookup == bindparam("l"))
_FIND_MANY = Among(
    select(table.c.lookup, *COLUMNS).where(table.c.tenant == bindparam("t")), table.c.lookup
)
_ERASED = Among(
    select(tombstones.c.lookup, tombstones.c.erased_us).where(
        tombstones.c.tenant == bindparam("t")
    ),
    tombstones.c.lookup,
)


def find(snapshot: Snapshot, lookup: bytes) -> SubjectRow | None:
    """The person with this keyed hash."""
    row = snapshot.connection.execute(_FIND, {"t": snapshot.tenant, "l": lookup}).one_or_none()
    return SubjectRow(*row) if row else None


def find_many(snapshot: Snapshot, lookups: Sequence[bytes]) -> dict[bytes, SubjectRow]:
    """The people with these keyed hashes; one that is not there is left out."""
    rows = _FIND_MANY.all(snapshot.connection, {"t": snapshot.tenant}, lookups)
    return {row[0]: SubjectRow(*row[1:]) for row in rows}


def number(snapshot: Snapshot, subject: int) -> SubjectRow | None:
    """The person with this number."""
    mine = select(*COLUMNS).where(table.c.tenant == snapshot.tenant, table.c.subject == subject)
    row = snapshot.connection.execute(mine).one_or_none()
    return SubjectRow(*row) if row else None


def numbered(snapshot: Snapshot, people: Sequence[int]) -> list[SubjectRow]:
    """The people with these numbers, in this order; one that is not there is left out."""
    found: dict[int, SubjectRow] = {}
    for some in batched(people):
        theirs = select(*COLUMNS).where(
            table.c.tenant == snapshot.tenant, table.c.subject.in_(some)
        )
        found.update((row[0], SubjectRow(*row)) for row in snapshot.connection.execute(theirs))
    return [found[subject] for subject in people if subject in found]


def lookup_of(snapshot: Snapshot, subject: int) -> bytes:
    """The keyed hash by which the person with this number is found."""
    mine = select(table.c.lookup).where(
        table.c.tenant == snapshot.tenant, table.c.subject == subject
    )
    return bytes(snapshot.connection.execute(mine).scalar_one())


def known_by(snapshot: Snapshot, first: int, last: int) -> dict[int, tuple[bytes, bytes]]:
    """The keyed hashes and the ids of the keys of people from the first number to the last.

    By number; whoever is being erased is left out.
    """
    rows = select(table.c.subject, table.c.lookup, table.c.key_id).where(
        table.c.tenant == snapshot.tenant,
        table.c.subject.between(first, last),
        table.c.state == ACTIVE,
    )
    return {row[0]: (row[1], row[2]) for row in snapshot.connection.execute(rows)}


def after(snapshot: Snapshot, subject: int, limit: int) -> list[SubjectRow]:
    """The next people after a number, by number."""
    rows = (
        select(*COLUMNS)
        .where(table.c.tenant == snapshot.tenant, table.c.subject > subject)
        .order_by(table.c.subject)
        .limit(limit)
    )
    return [SubjectRow(*row) for row in snapshot.connection.execute(rows)]


def active_between(snapshot: Snapshot, first: int, last: int) -> list[int]:
    """The numbers, from the first to the last, of people who are not being erased."""
    rows = select(table.c.subject).where(
        table.c.tenant == snapshot.tenant,
        table.c.subject.between(first, last),
        table.c.state == ACTIVE,
    )
    return list(snapshot.connection.execute(rows).scalars())


def key_ids(snapshot: Snapshot, first: int, last: int) -> dict[int, bytes]:
    """The ids of the keys of people from the first number to the last, by subject."""
    rows = select(table.c.subject, table.c.key_id).where(
        table.c.tenant == snapshot.tenant, table.c.subject.between(first, last)
    )
    return {row[0]: row[1] for row in snapshot.connection.execute(rows)}


def using(snapshot: Snapshot, first: bytes, last: bytes) -> Iterator[bytes]:
    """The ids that people have of keys from the first id to the last; streams."""
    rows = select(table.c.key_id).where(
        table.c.tenant == snapshot.tenant, table.c.key_id.between(first, last)
    )
    result = snapshot.connection.execute(rows, execution_options=STREAMING)
    for part in result.partitions():
        yield from (row[0] for row in part)


def count(snapshot: Snapshot) -> int:
    """How many people are known."""
    known = select(func.count()).select_from(table).where(table.c.tenant == snapshot.tenant)
    return int(snapshot.connection.execute(known).scalar_one())


def add(tx: Tx, people: Sequence[tuple[bytes, bytes]]) -> dict[bytes, SubjectRow]:
    """Open people by ``(lookup, key id)``; their rows by lookup. A number is never used twice."""
    opened: dict[bytes, SubjectRow] = {}
    rows = []
    for lookup, key_id in people:
        subject = tx.head.next_subject
        tx.head.next_subject += 1
        # The salt is random too: the id of the first key, so that nothing more has to be drawn.
        opened[lookup] = SubjectRow(subject, key_id, ACTIVE, key_id)
        rows.append((tx.tenant, subject, lookup, key_id, ACTIVE, key_id))
    _ADD(tx.connection, rows)
    return opened


def change_key(tx: Tx, subject: int, key_id: bytes) -> None:
    """From now on another key is this person's."""
    mine = (table.c.tenant == tx.tenant, table.c.subject == subject)
    tx.connection.execute(update(table).where(*mine).values(key_id=key_id))


def mark_erasing(tx: Tx, subject: int, *, keep_tombstone_until_us: int, at_us: int) -> None:
    """From now on this person is read by nobody; a tombstone keeps old events out."""
    mine = (table.c.tenant == tx.tenant, table.c.subject == subject)
    lookup = tx.connection.execute(select(table.c.lookup).where(*mine)).scalar_one()
    tx.connection.execute(update(table).where(*mine).values(state=ERASING))
    same = (tombstones.c.tenant == tx.tenant, tombstones.c.lookup == lookup)
    tx.connection.execute(delete(tombstones).where(*same))
    tx.connection.execute(
        insert(tombstones).values(
            tenant=tx.tenant,
            lookup=lookup,
            erased_us=at_us,
            keep_until_us=keep_tombstone_until_us,
        )
    )


def erased_at(snapshot: Snapshot, lookups: Sequence[bytes]) -> dict[bytes, int]:
    """When people with these keyed hashes were erased, microseconds since 1970."""
    return dict(_ERASED.all(snapshot.connection, {"t": snapshot.tenant}, lookups))


def erased_before(snapshot: Snapshot, subject: int) -> int:
    """When an earlier self of this person was erased; -1 where there was none."""
    same = (
        select(tombstones.c.erased_us)
        .join(
            table,
            and_(table.c.tenant == tombstones.c.tenant, table.c.lookup == tombstones.c.lookup),
        )
        .where(table.c.tenant == snapshot.tenant, table.c.subject == subject)
    )
    found = snapshot.connection.execute(same).scalar()
    return -1 if found is None else int(found)


def drop_tombstones(tx: Tx, before_us: int) -> int:
    """Delete the tombstones whose time is over."""
    old = (tombstones.c.tenant == tx.tenant, tombstones.c.keep_until_us < before_us)
    return tx.connection.execute(delete(tombstones).where(*old)).rowcount
