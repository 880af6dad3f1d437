"""Statements of the log."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import and_, bindparam, select, update

from knowingly.store.batches import STREAMING, BulkInsert, batched
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import ledger_details, ledger_entries, ledger_nodes, subjects

_NODE = select(ledger_nodes.c.hash).where(
    ledger_nodes.c.tenant == bindparam("t"),
    ledger_nodes.c.level == bindparam("l"),
    ledger_nodes.c.pos == bindparam("p"),
)

_SAME_ENTRY = and_(
    ledger_entries.c.tenant == ledger_details.c.tenant,
    ledger_entries.c.idx == ledger_details.c.idx,
)
_NAMED = (
    select(
        ledger_entries.c.idx, ledger_entries.c.leaf, ledger_details.c.subject, ledger_details.c.body
    )
    .select_from(ledger_entries.outerjoin(ledger_details, _SAME_ENTRY))
    .where(
        ledger_entries.c.tenant == bindparam("t"),
        ledger_entries.c.idx.in_(bindparam("i", expanding=True)),
    )
)
_ADD_ENTRIES = BulkInsert(ledger_entries)
_ADD_NODES = BulkInsert(ledger_nodes)
_ADD_DETAILS = BulkInsert(ledger_details)


def add(
    tx: Tx,
    first: int,
    leaves: Sequence[bytes],
    nodes: Sequence[tuple[int, int, bytes]],
    details: Sequence[tuple[int | None, bytes]],
) -> None:
    """Store entries from index ``first`` on, the tree nodes they finish, and sealed details.

    Args:
        tx: The transaction.
        first: The index of the first entry.
        leaves: Each entry's bytes.
        nodes: ``(level, position, hash)``.
        details: ``(subject, sealed)`` of each entry.
    """
    tenant, connection = tx.tenant, tx.connection
    numbered = [(tenant, index, leaf) for index, leaf in enumerate(leaves, first)]
    _ADD_ENTRIES(connection, numbered)
    _ADD_NODES(connection, [(tenant, *node) for node in nodes])
    private = [(tenant, index, *detail) for index, detail in enumerate(details, first)]
    _ADD_DETAILS(connection, private)


def leaves(snapshot: Snapshot, since: int, limit: int) -> list[tuple[int, bytes]]:
    """Stored leaf bytes by index."""
    page = (
        select(ledger_entries.c.idx, ledger_entries.c.leaf)
        .where(ledger_entries.c.tenant == snapshot.tenant, ledger_entries.c.idx >= since)
        .order_by(ledger_entries.c.idx)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in snapshot.connection.execute(page)]


def leaves_with_hashes(snapshot: Snapshot) -> Iterator[tuple[int, bytes, bytes | None]]:
    """Every leaf with its stored level-0 hash, in order, streaming."""
    joined = (
        select(ledger_entries.c.idx, ledger_entries.c.leaf, ledger_nodes.c.hash)
        .select_from(
            ledger_entries.outerjoin(
                ledger_nodes,
                and_(
                    ledger_nodes.c.tenant == ledger_entries.c.tenant,
                    ledger_nodes.c.level == 0,
                    ledger_nodes.c.pos == ledger_entries.c.idx,
                ),
            )
        )
        .where(ledger_entries.c.tenant == snapshot.tenant)
        .order_by(ledger_entries.c.idx)
    )
    result = snapshot.connection.execute(joined, execution_options=STREAMING)
    for row in result:
        yield row[0], row[1], row[2]


def node(snapshot: Snapshot, level: int, position: int) -> bytes | None:
    """One stored inner node."""
    where = {"t": snapshot.tenant, "l": level, "p": position}
    return snapshot.connection.execute(_NODE, where).scalar()


def details_of(snapshot: Snapshot, subject: int) -> list[tuple[int, bytes, bytes]]:
    """A person's entries: index, leaf, and sealed details."""
    mine = (
        select(ledger_details.c.idx, ledger_entries.c.leaf, ledger_details.c.body)
        .join(ledger_entries, _SAME_ENTRY)
        .where(ledger_details.c.tenant == snapshot.tenant, ledger_details.c.subject == subject)
        .order_by(ledger_details.c.idx)
    )
    return [(row[0], row[1], row[2]) for row in snapshot.connection.execute(mine)]


def named(
    snapshot: Snapshot, indices: Sequence[int]
) -> list[tuple[int, bytes, int | None, bytes | None]]:
    """Entries by number: index, leaf, person, and sealed details; None for what is not there."""
    found: list[tuple[int, bytes, int | None, bytes | None]] = []
    for chunk in batched(indices):
        where = {"t": snapshot.tenant, "i": chunk}
        found += map(tuple, snapshot.connection.execute(_NAMED, where))
    return sorted(found, key=itemgetter(0))


def leaves_from(snapshot: Snapshot, start: int) -> Iterator[tuple[int, bytes]]:
    """Every leaf from a number on, in order, streaming."""
    rows = (
        select(ledger_entries.c.idx, ledger_entries.c.leaf)
        .where(ledger_entries.c.tenant == snapshot.tenant, ledger_entries.c.idx >= start)
        .order_by(ledger_entries.c.idx)
    )
    for row in snapshot.connection.execute(rows, execution_options=STREAMING):
        yield row[0], row[1]


class SealedEntry(NamedTuple):
    """An entry with its sealed details, and the key of the person they are of, if there is one."""

    idx: int
    leaf: bytes
    body: bytes
    key_id: bytes | None


def details_from(snapshot: Snapshot, start: int) -> Iterator[SealedEntry]:
    """Every entry from a number on whose details are there, in order, streaming."""
    whose = and_(
        subjects.c.tenant == ledger_details.c.tenant, subjects.c.subject == ledger_details.c.subject
    )
    rows = (
        select(
            ledger_entries.c.idx, ledger_entries.c.leaf, ledger_details.c.body, subjects.c.key_id
        )
        .select_from(ledger_entries.join(ledger_details, _SAME_ENTRY).outerjoin(subjects, whose))
        .where(ledger_entries.c.tenant == snapshot.tenant, ledger_entries.c.idx >= start)
        .order_by(ledger_entries.c.idx)
    )
    for row in snapshot.connection.execute(rows, execution_options=STREAMING):
        yield SealedEntry(*row)


def hand_over(tx: Tx, index: int, subject: int, body: bytes) -> None:
    """Give an entry's details to another person, sealed for them."""
    one = (ledger_details.c.tenant == tx.tenant, ledger_details.c.idx == index)
    tx.connection.execute(update(ledger_details).where(*one).values(subject=subject, body=body))


def leaves_with_subjects(snapshot: Snapshot) -> Iterator[tuple[int, bytes, int | None]]:
    """Every leaf whose details are there, with the number of the person it is about, streaming."""
    joined = (
        select(ledger_entries.c.idx, ledger_entries.c.leaf, ledger_details.c.subject)
        .join(ledger_details, _SAME_ENTRY)
        .where(ledger_entries.c.tenant == snapshot.tenant)
        .order_by(ledger_entries.c.idx)
    )
    for row in snapshot.connection.execute(joined, execution_options=STREAMING):
        yield row[0], row[1], row[2]


def without_details(snapshot: Snapshot) -> list[int]:
    """Entries whose details are not there any more."""
    lost = (
        select(ledger_entries.c.idx)
        .outerjoin(ledger_details, _SAME_ENTRY)
        .where(ledger_entries.c.tenant == snapshot.tenant, ledger_details.c.idx.is_(None))
        .order_by(ledger_entries.c.idx)
    )
    return list(snapshot.connection.execute(lost).scalars())
