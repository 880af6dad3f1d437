"""Statements of the checkpoints: what was signed of the log, at which size."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import bindparam, insert, select, update

from knowingly.store.batches import BATCH
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import checkpoints as table


class CheckpointRow(NamedTuple):
    """One checkpoint; ``handed_on`` once every destination had it."""

    size: int
    at_us: int
    note: str
    handed_on: bool


_COLUMNS = (table.c.size, table.c.at_us, table.c.note, table.c.handed_on)


def add(tx: Tx, row: CheckpointRow) -> None:
    """Keep a checkpoint."""
    tx.connection.execute(insert(table).values(tenant=tx.tenant, **row._asdict()))


def of_size(snapshot: Snapshot, size: int) -> CheckpointRow | None:
    """The checkpoint of a size, if one was made."""
    one = select(*_COLUMNS).where(table.c.tenant == snapshot.tenant, table.c.size == size)
    row = snapshot.connection.execute(one).one_or_none()
    return CheckpointRow(*row) if row else None


def every(snapshot: Snapshot) -> Iterator[CheckpointRow]:
    """All checkpoints, smallest first, some of them in memory at a time."""
    larger = (
        select(*_COLUMNS)
        .where(table.c.tenant == snapshot.tenant, table.c.size > bindparam("after"))
        .order_by(table.c.size)
        .limit(BATCH)
    )
    after = -1
    while rows := snapshot.connection.execute(larger, {"after": after}).all():
        yield from (CheckpointRow(*row) for row in rows)
        after = rows[-1].size


def replace_note(tx: Tx, size: int, note: str) -> None:
    """Keep a checkpoint with other signatures."""
    one = (table.c.tenant == tx.tenant, table.c.size == size)
    tx.connection.execute(update(table).where(*one).values(note=note))


def mark_handed_on(tx: Tx, size: int) -> None:
    """Note that every destination has the checkpoint of a size."""
    one = (table.c.tenant == tx.tenant, table.c.size == size)
    tx.connection.execute(update(table).where(*one).values(handed_on=True))
