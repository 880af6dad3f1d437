"""Statements of the log."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import BindParameter, TextClause, and_, bindparam, func, select, text, update

from knowingly.store.batches import BulkInsert, batched
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.prepared import Prepared
from knowingly.store.schema import ledger_details, ledger_entries, ledger_nodes, subjects

BLOCK = 1_024
"""Entries that are verified at a time: a power of two, so that a block is a subtree."""

_TENANT: BindParameter[int] = bindparam("t")
_BLOCK = Prepared(
    select(ledger_entries.c.idx, ledger_entries.c.leaf)
    .where(ledger_entries.c.tenant == _TENANT, ledger_entries.c.idx > bindparam("after"))
    .order_by(ledger_entries.c.idx)
    .limit(BLOCK)
)
_LEAVES = select(ledger_entries.c.idx, ledger_entries.c.leaf).where(
    ledger_entries.c.tenant == _TENANT,
    ledger_entries.c.idx.in_(bindparam("indices", expanding=True)),
)
_LEVEL = Prepared(
    select(ledger_nodes.c.hash)
    .where(
        ledger_nodes.c.tenant == _TENANT,
        ledger_nodes.c.level == bindparam("level"),
        ledger_nodes.c.pos >= bindparam("low"),
        ledger_nodes.c.pos < bindparam("high"),
    )
    .order_by(ledger_nodes.c.pos)
)
_SUBJECTS = Prepared(
    select(ledger_details.c.idx, ledger_details.c.subject).where(
        ledger_details.c.tenant == _TENANT,
        ledger_details.c.idx >= bindparam("low"),
        ledger_details.c.idx < bindparam("high"),
    )
)
# SQLite reads every node for a list of pairs behind IN; a join leads it to each by the key.
_NODES = """
WITH place (level, pos) AS (VALUES {places})
SELECT node.level, node.pos, node.hash FROM place CROSS JOIN ledger_nodes AS node
WHERE node.tenant = :t AND node.level = place.level AND node.pos = place.pos
"""

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
_WHOSE = and_(
    subjects.c.tenant == ledger_details.c.tenant, subjects.c.subject == ledger_details.c.subject
)
_DETAILS = Prepared(
    select(
        *(ledger_entries.c.idx, ledger_entries.c.leaf, ledger_details.c.body),
        *(ledger_details.c.subject, subjects.c.key_id),
    )
    .select_from(ledger_entries.join(ledger_details, _SAME_ENTRY).outerjoin(subjects, _WHOSE))
    .where(ledger_entries.c.tenant == _TENANT, ledger_entries.c.idx > bindparam("after"))
    .order_by(ledger_entries.c.idx)
    .limit(BLOCK)
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


def leaves_of(snapshot: Snapshot, indices: Sequence[int]) -> dict[int, bytes]:
    """The leaves of these entries, by index; one that is not there is left out."""
    where = {"t": snapshot.tenant, "indices": list(indices)}
    return {row[0]: row[1] for row in snapshot.connection.execute(_LEAVES, where)}


def block(snapshot: Snapshot, after: int) -> Sequence[tuple[int, bytes]]:
    """The next entries after an index, at most ``BLOCK``: index and leaf, in order."""
    return _BLOCK.all(snapshot.connection, {"t": snapshot.tenant, "after": after})


def every_leaf(snapshot: Snapshot) -> Iterator[tuple[int, bytes]]:
    """Every index and leaf, in order, a block of them in memory at a time."""
    after = -(2**62)
    while part := block(snapshot, after):
        yield from part
        after = part[-1][0]


def nodes_of_level(snapshot: Snapshot, level: int, low: int, high: int) -> list[bytes]:
    """Stored nodes of one level from a position up to another, in order."""
    where = {"t": snapshot.tenant, "level": level, "low": low, "high": high}
    return list(chain.from_iterable(_LEVEL.all(snapshot.connection, where)))


def nodes(snapshot: Snapshot, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """Stored nodes by ``(level, position)``, in one read; one that is not there is left out."""
    if not places:
        return {}
    where = {"t": snapshot.tenant}
    for n, (level, position) in enumerate(places):
        where |= {f"l{n}": level, f"p{n}": position}
    found = snapshot.connection.execute(_nodes(len(places)), where)
    return {(row[0], row[1]): row[2] for row in found}


@lru_cache(maxsize=256)
def _nodes(count: int) -> TextClause:
    return text(_NODES.format(places=", ".join(f"(:l{n}, :p{n})" for n in range(count))))


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
    """Every leaf from a number on, in order, some at a time: whoever has enough just stops."""
    after = start - 1
    while part := block(snapshot, after):
        yield from part
        after = part[-1][0]


class SealedEntry(NamedTuple):
    """An entry with its sealed details, and the person they are of with their key, if any."""

    idx: int
    leaf: bytes
    body: bytes
    subject: int | None
    key_id: bytes | None


def details_from(snapshot: Snapshot, start: int) -> Iterator[SealedEntry]:
    """Every entry from a number on whose details are there, in order, some at a time."""
    after = start - 1
    while part := _DETAILS.all(snapshot.connection, {"t": snapshot.tenant, "after": after}):
        yield from map(SealedEntry._make, part)
        after = part[-1][0]


def hand_over(tx: Tx, index: int, subject: int, body: bytes) -> None:
    """Give an entry's details to another person, sealed for them."""
    one = (ledger_details.c.tenant == tx.tenant, ledger_details.c.idx == index)
    tx.connection.execute(update(ledger_details).where(*one).values(subject=subject, body=body))


def subjects_of(snapshot: Snapshot, low: int, high: int) -> dict[int, int | None]:
    """Whose the details are of each entry from ``low`` up to ``high`` that has them."""
    where = {"t": snapshot.tenant, "low": low, "high": high}
    return dict(_SUBJECTS.all(snapshot.connection, where))


def count_details(snapshot: Snapshot) -> int:
    """How many of the entries that the head counts have details."""
    counted = select(func.count()).where(
        ledger_details.c.tenant == snapshot.tenant,
        ledger_details.c.idx.between(0, snapshot.head.ledger_size - 1),
    )
    return int(snapshot.connection.execute(counted).scalar_one())


def first_without_details(snapshot: Snapshot) -> int | None:
    """The first entry whose details are not there any more."""
    lost = (
        select(func.min(ledger_entries.c.idx))
        .outerjoin(ledger_details, _SAME_ENTRY)
        .where(ledger_entries.c.tenant == snapshot.tenant, ledger_details.c.idx.is_(None))
    )
    return snapshot.connection.execute(lost).scalar()
