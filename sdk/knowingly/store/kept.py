"""Statements about what is kept for purposes: events and traits alike.

Rows of both lose purposes the same way, and one that has none left waits for deletion. Those of a
person under a legal hold wait until it is released.
"""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Table, delete, func, literal_column, select, union, update

from knowingly.domain.consent import MERGED
from knowingly.store.batches import STREAMING
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import consent_records, events, holds, traits

TABLES: dict[str, Table] = {"events": events, "traits": traits}
Span = tuple[int, int]
"""The numbers of some people, from the first to the last."""
_NONE: ColumnElement[int] = literal_column("0")
"""Of purposes. In the statement itself, as the indexes of what waits for deletion have it: they
cannot be used for a value that is only bound."""


def strip(tx: Tx, table: str, subject: int, mask: int, *, before_day: int | None = None) -> int:
    """Take purposes away from a person's rows; how many rows had one of them."""
    rows = TABLES[table]
    where = [rows.c.subject == subject]
    if before_day is not None:
        where.append(rows.c.day < before_day)
    return _strip(tx, rows, mask, *where)


def strip_old(tx: Tx, table: str, mask: int, people: Span, *, before_day: int) -> int:
    """Take purposes away from these people's rows older than a day."""
    rows = TABLES[table]
    return _strip(tx, rows, mask, rows.c.subject.between(*people), rows.c.day < before_day)


def people_with_old(
    snapshot: Snapshot, table: str, mask: int, people: Span, *, before_day: int
) -> list[int]:
    """Those of these people who have rows older than a day for some of these purposes."""
    rows = TABLES[table]
    old = (
        select(rows.c.subject)
        .distinct()
        .where(
            rows.c.tenant == snapshot.tenant,
            rows.c.subject.between(*people),
            rows.c.purposes.bitwise_and(mask) != 0,
            rows.c.day < before_day,
        )
        .order_by(rows.c.subject)
    )
    return list(snapshot.connection.execute(old).scalars())


def strip_unasked(tx: Tx, table: str, mask: int, people: Span, purpose: str) -> int:
    """Take a purpose away from the rows of people who never chose anything about it themselves."""
    rows = TABLES[table]
    chose = select(consent_records.c.subject).where(
        consent_records.c.tenant == tx.tenant,
        consent_records.c.subject.between(*people),
        consent_records.c.purpose == purpose,
        consent_records.c.scope.not_like(f"{MERGED}%"),
    )
    return _strip(tx, rows, mask, rows.c.subject.between(*people), rows.c.subject.not_in(chose))


def _strip(tx: Tx, rows: Table, mask: int, *where: ColumnElement[bool]) -> int:
    held = (rows.c.tenant == tx.tenant, rows.c.purposes.bitwise_and(mask) != 0, *where)
    kept = rows.c.purposes.bitwise_and(~mask)
    return tx.connection.execute(update(rows).where(*held).values(purposes=kept)).rowcount


def delete_unusable(tx: Tx, table: str, people: Span) -> int:
    """Delete the rows that no purpose allows any more, but for those under a legal hold."""
    rows = TABLES[table]
    under_hold = select(holds.c.subject).where(holds.c.tenant == tx.tenant)
    unusable = (rows.c.tenant == tx.tenant, rows.c.purposes == _NONE)
    free = (rows.c.subject.between(*people), rows.c.subject.not_in(under_hold))
    return tx.connection.execute(delete(rows).where(*unusable, *free)).rowcount


def people_with_unusable(snapshot: Snapshot, people: Span) -> list[int]:
    """Those of these people who have rows that no purpose allows any more, by number."""
    waiting = [
        select(rows.c.subject).where(
            rows.c.tenant == snapshot.tenant,
            rows.c.subject.between(*people),
            rows.c.purposes == _NONE,
        )
        for rows in TABLES.values()
    ]
    return sorted(snapshot.connection.execute(union(*waiting)).scalars())


def between(
    snapshot: Snapshot, table: str, first: int, last: int
) -> Iterator[tuple[int, int, int, int]]:
    """What rows of people from one number to another are kept for, streaming.

    Yields:
        ``(subject, purposes, day, rows)``; rows that no purpose allows are left out.
    """
    rows = TABLES[table]
    alike = (rows.c.subject, rows.c.purposes, rows.c.day)
    held = (
        select(*alike, func.count())
        .where(
            rows.c.tenant == snapshot.tenant,
            rows.c.subject.between(first, last),
            rows.c.purposes != 0,
        )
        .group_by(*alike)
    )
    for row in snapshot.connection.execute(held, execution_options=STREAMING):
        yield row[0], row[1], row[2], row[3]


def count_unusable(snapshot: Snapshot, table: str) -> int:
    """How many rows wait for deletion."""
    rows = TABLES[table]
    waiting = (
        select(func.count())
        .select_from(rows)
        .where(rows.c.tenant == snapshot.tenant, rows.c.purposes == _NONE)
    )
    return int(snapshot.connection.execute(waiting).scalar_one())
