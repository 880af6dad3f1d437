"""Statements of the log."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Integer,
    LargeBinary,
    and_,
    bindparam,
    cast,
    func,
    select,
    text,
    update,
)

from knowingly.store.batches import BulkInsert
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.prepared import Among, Prepared
from knowingly.store.schema import ledger_details, ledger_entries, ledger_nodes, subjects

BLOCK = 4_096
"""Entries that are verified at a time: a power of two, so that a block is a subtree."""
PAGE = 1_024
"""Entries that are read at a time by whoever may soon have enough."""
BEFORE_ALL = -(2**62)
"""Below the number of any entry, of one that somebody else wrote there too."""
_HASH_BYTES = 32

_TENANT: BindParameter[int] = bindparam("t")
_BLOCK = Prepared(
    select(ledger_entries.c.idx, ledger_entries.c.leaf)
    .where(ledger_entries.c.tenant == _TENANT, ledger_entries.c.idx > bindparam("after"))
    .order_by(ledger_entries.c.idx)
    .limit(bindparam("limit"))
)
_LEAF = Prepared(
    select(ledger_entries.c.leaf).where(
        ledger_entries.c.tenant == _TENANT, ledger_entries.c.idx == bindparam("index")
    )
)
_LEAVES = Among(
    select(ledger_entries.c.idx, ledger_entries.c.leaf).where(ledger_entries.c.tenant == _TENANT),
    ledger_entries.c.idx,
)
_LOW: BindParameter[int] = bindparam("low")
_AS_GIVEN = and_(
    ledger_nodes.c.tenant == _TENANT,
    ledger_nodes.c.level == bindparam("level"),
    ledger_nodes.c.pos >= _LOW,
    ledger_nodes.c.pos < bindparam("high"),
    # SQLite would keep a broken number too, between two that are whole.
    ledger_nodes.c.pos == cast(ledger_nodes.c.pos, BigInteger),
    ledger_nodes.c.hash
    == func.substr(
        bindparam("hashes", type_=LargeBinary),
        cast((ledger_nodes.c.pos - _LOW) * _HASH_BYTES + 1, Integer),
        _HASH_BYTES,
    ),
)
# The database compares: a row for each node would cost more than its hash.
_COUNT_AS_GIVEN = Prepared(select(func.count()).where(_AS_GIVEN))
_PLACES_AS_GIVEN = Prepared(select(ledger_nodes.c.pos).where(_AS_GIVEN))
_SUBJECTS = Prepared(
    select(ledger_details.c.idx, ledger_details.c.subject).where(
        ledger_details.c.tenant == _TENANT,
        ledger_details.c.idx >= bindparam("low"),
        ledger_details.c.idx < bindparam("high"),
    )
)
# SQLite reads every node for a list of pairs behind IN; a join leads it to each by the key.
_NODES = """
WITH place (level, pos) AS ({places})
SELECT node.level, node.pos, node.hash FROM place CROSS JOIN ledger_nodes AS node
WHERE node.tenant = :t AND node.level = place.level AND node.pos = place.pos
"""
# A server is handed them as two values, however many there are, and plans the statement once.
_ARRAYS = "SELECT * FROM unnest(CAST(:levels AS smallint[]), CAST(:positions AS bigint[]))"
_NODES_OF_ARRAYS = Prepared(text(_NODES.format(places=_ARRAYS)))

_SAME_ENTRY = and_(
    ledger_entries.c.tenant == ledger_details.c.tenant,
    ledger_entries.c.idx == ledger_details.c.idx,
)
_NAMED = Among(
    select(
        *(ledger_entries.c.idx, ledger_entries.c.leaf),
        *(ledger_details.c.subject, ledger_details.c.body),
    )
    .select_from(ledger_entries.outerjoin(ledger_details, _SAME_ENTRY))
    .where(ledger_entries.c.tenant == _TENANT),
    ledger_entries.c.idx,
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
    .limit(PAGE)
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


def leaf_of(snapshot: Snapshot, index: int) -> bytes | None:
    """The leaf of an entry, where it is there."""
    rows = _LEAF.all(snapshot.connection, {"t": snapshot.tenant, "index": index})
    return rows[0][0] if rows else None


def leaves_of(snapshot: Snapshot, indices: Sequence[int]) -> dict[int, bytes]:
    """The leaves of these entries, by index; one that is not there is left out."""
    return dict(_LEAVES.all(snapshot.connection, {"t": snapshot.tenant}, indices))


def block(snapshot: Snapshot, after: int) -> Sequence[tuple[int, bytes]]:
    """The next entries after an index, at most ``BLOCK``: index and leaf, in order."""
    return _after(snapshot, after, BLOCK)


def _after(snapshot: Snapshot, index: int, limit: int) -> Sequence[tuple[int, bytes]]:
    where = {"t": snapshot.tenant, "after": index, "limit": limit}
    return _BLOCK.all(snapshot.connection, where)


def every_leaf(snapshot: Snapshot) -> Iterator[tuple[int, bytes]]:
    """Every index and leaf, in order, a page of them in memory at a time."""
    return leaves_from(snapshot, BEFORE_ALL + 1)


def first_other(
    snapshot: Snapshot, level: int, position: int, hashes: Sequence[bytes]
) -> int | None:
    """The first of the stored nodes of a level, from a position on, that is not as given here."""
    end = position + len(hashes)
    where = {"t": snapshot.tenant, "level": level, "low": position, "high": end}
    given = {**where, "hashes": b"".join(hashes)}
    [(same,)] = _COUNT_AS_GIVEN.all(snapshot.connection, given)
    if same == len(hashes):
        return None
    places = {place for (place,) in _PLACES_AS_GIVEN.all(snapshot.connection, given)}
    return next(place for place in range(position, end) if place not in places)


def nodes(snapshot: Snapshot, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """Stored nodes by ``(level, position)``, in one read; one that is not there is left out."""
    if not places:
        return {}
    given: dict[str, object] = {"t": snapshot.tenant}
    if snapshot.connection.dialect.name == "postgresql":
        statement = _NODES_OF_ARRAYS
        given["levels"], given["positions"] = map(list, zip(*places, strict=True))
    else:
        statement = _nodes(len(places))
        for n, (level, position) in enumerate(places):
            given |= {f"l{n}": level, f"p{n}": position}
    found = statement.all(snapshot.connection, given)
    return {(level, position): node for level, position, node in found}


@lru_cache(maxsize=256)
def _nodes(count: int) -> Prepared:
    pairs = ", ".join(f"(:l{n}, :p{n})" for n in range(count))
    return Prepared(text(_NODES.format(places=f"VALUES {pairs}")))


def details_of(snapshot: Snapshot, subject: int) -> list[tuple[int, bytes, bytes]]:
    """A person's entries: index, leaf, and sealed details."""
    mine = (
        select(ledger_details.c.idx, ledger_entries.c.leaf, ledger_details.c.body)
        .join(ledger_entries, _SAME_ENTRY)
        .where(ledger_details.c.tenant == snapshot.tenant, ledger_details.c.subject == subject)
    )
    # Sorted here: asked for the order, SQLite goes through every entry of the tenant to have it.
    return sorted((row[0], row[1], row[2]) for row in snapshot.connection.execute(mine))


def named(
    snapshot: Snapshot, indices: Sequence[int]
) -> list[tuple[int, bytes, int | None, bytes | None]]:
    """Entries by number: index, leaf, person, and sealed details; None for what is not there."""
    found = _NAMED.all(snapshot.connection, {"t": snapshot.tenant}, indices)
    return sorted(found, key=itemgetter(0))


def leaves_from(snapshot: Snapshot, start: int) -> Iterator[tuple[int, bytes]]:
    """Every leaf from a number on, in order, some at a time: whoever has enough just stops."""
    after = start - 1
    while part := _after(snapshot, after, PAGE):
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
