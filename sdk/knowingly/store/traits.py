"""Statements of the traits: sealed values, with a day and the purposes they were kept for."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, delete, insert, select, update

from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import subjects
from knowingly.store.schema import traits as table


class TraitRow(NamedTuple):
    """One stored trait; ``purposes`` is a set of bits."""

    trait: bytes
    day: int
    purposes: int
    body: bytes


def of(snapshot: Snapshot, subject: int) -> list[TraitRow]:
    """Every trait of one person, whatever it is kept for."""
    mine = select(table.c.trait, table.c.day, table.c.purposes, table.c.body).where(
        table.c.tenant == snapshot.tenant, table.c.subject == subject
    )
    return [TraitRow(*row) for row in snapshot.connection.execute(mine.order_by(table.c.trait))]


def replace(tx: Tx, subject: int, rows: Sequence[TraitRow]) -> None:
    """Store traits in the place of those of the same names."""
    remove(tx, subject, [row.trait for row in rows])
    if rows:
        own = {"tenant": tx.tenant, "subject": subject}
        tx.connection.execute(insert(table), [{**own, **row._asdict()} for row in rows])


def remove(tx: Tx, subject: int, names: Sequence[bytes]) -> int:
    """Delete some of a person's traits; how many there were."""
    mine = (table.c.tenant == tx.tenant, table.c.subject == subject, table.c.trait.in_(names))
    return tx.connection.execute(delete(table).where(*mine)).rowcount


def limit(tx: Tx, subject: int, trait: bytes, purposes: int) -> None:
    """Leave a trait with these purposes."""
    one = (table.c.tenant == tx.tenant, table.c.subject == subject, table.c.trait == trait)
    tx.connection.execute(update(table).where(*one).values(purposes=purposes))


def usable(snapshot: Snapshot, people: tuple[int, int]) -> list[tuple[int, bytes, bytes, int, int]]:
    """The traits that a purpose may see of people from one number to another, in their order.

    Returns:
        ``(subject, name salt, trait, day, purposes)`` of each.
    """
    rows = (
        select(table.c.subject, subjects.c.name_salt, table.c.trait, table.c.day, table.c.purposes)
        .join(
            subjects,
            and_(subjects.c.tenant == table.c.tenant, subjects.c.subject == table.c.subject),
        )
        .where(
            table.c.tenant == snapshot.tenant,
            table.c.subject.between(*people),
            table.c.purposes != 0,
        )
        .order_by(table.c.subject, table.c.trait)
    )
    found = snapshot.connection.execute(rows)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in found]
