"""Statements of the log."""

from collections.abc import Iterator, Sequence

from sqlalchemy import and_, bindparam, insert, select

from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import ledger_details, ledger_entries, ledger_nodes

_NODE = select(ledger_nodes.c.hash).where(
    ledger_nodes.c.tenant == bindparam("t"),
    ledger_nodes.c.level == bindparam("l"),
    ledger_nodes.c.pos == bindparam("p"),
)


def add(
    tx: Tx,
    index: int,
    leaf: bytes,
    nodes: Sequence[tuple[int, int, bytes]],
    *,
    subject: int | None,
    details: bytes,
) -> None:
    """Store one entry, the tree nodes it finishes, and its sealed details."""
    execute = tx.connection.execute
    execute(insert(ledger_entries), {"tenant": tx.tenant, "idx": index, "leaf": leaf})
    execute(
        insert(ledger_nodes),
        [
            {"tenant": tx.tenant, "level": level, "pos": pos, "hash": node}
            for level, pos, node in nodes
        ],
    )
    execute(
        insert(ledger_details),
        {"tenant": tx.tenant, "idx": index, "subject": subject, "body": details},
    )


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
    result = snapshot.connection.execution_options(yield_per=2_000).execute(joined)
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
        .join(
            ledger_entries,
            and_(
                ledger_entries.c.tenant == ledger_details.c.tenant,
                ledger_entries.c.idx == ledger_details.c.idx,
            ),
        )
        .where(ledger_details.c.tenant == snapshot.tenant, ledger_details.c.subject == subject)
        .order_by(ledger_details.c.idx)
    )
    return [(row[0], row[1], row[2]) for row in snapshot.connection.execute(mine)]
