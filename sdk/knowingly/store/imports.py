"""Statements of imports that have begun: where each stands, and the rows it refused so far."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, select

from knowingly.store.batches import BulkInsert
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.schema import import_refusals, imports

_PUT = BulkInsert(imports, existing="replace")
_ADD_REFUSALS = BulkInsert(import_refusals)


class Standing(NamedTuple):
    """Where an import stands: the place in its file, and what became of the rows before it.

    ``counts`` are those by reason, as JSON.
    """

    fingerprint: bytes
    position: int
    line: int
    rows: int
    kept: int
    duplicates: int
    counts: str
    saved_us: int


Refused = tuple[int, str, str]
"""The line of a refused row, the field, and what was expected there."""


def find(snapshot: Snapshot, source: bytes) -> Standing | None:
    """The import of a source that has begun and not ended."""
    mine = select(*[imports.c[name] for name in Standing._fields]).where(
        imports.c.tenant == snapshot.tenant, imports.c.source == source
    )
    row = snapshot.connection.execute(mine).one_or_none()
    return None if row is None else Standing(*row)


def refusals(snapshot: Snapshot, source: bytes) -> list[Refused]:
    """What an import refused so far, in the order of the report."""
    columns = (import_refusals.c.line, import_refusals.c.field, import_refusals.c.expected)
    mine = (
        select(*columns)
        .where(import_refusals.c.tenant == snapshot.tenant, import_refusals.c.source == source)
        .order_by(import_refusals.c.number)
    )
    return [(row[0], row[1], row[2]) for row in snapshot.connection.execute(mine)]


def save(tx: Tx, source: bytes, standing: Standing) -> None:
    """Say where an import stands now."""
    _PUT(tx.connection, [(tx.tenant, source, *standing)])


def add_refusals(tx: Tx, source: bytes, refused: Sequence[Refused], *, first: int) -> None:
    """Note rows that an import refused; ``first`` is the number of the first of them."""
    rows = [(tx.tenant, source, number, *one) for number, one in enumerate(refused, first)]
    _ADD_REFUSALS(tx.connection, rows)


def drop(tx: Tx, source: bytes) -> None:
    """Forget an import."""
    for table in (imports, import_refusals):
        mine = (table.c.tenant == tx.tenant, table.c.source == source)
        tx.connection.execute(delete(table).where(*mine))


def drop_older(tx: Tx, before_us: int) -> int:
    """Forget the imports that nobody has gone on with since a moment; how many there were."""
    old = select(imports.c.source).where(
        imports.c.tenant == tx.tenant, imports.c.saved_us < before_us
    )
    sources = list(tx.connection.execute(old).scalars())
    for source in sources:
        drop(tx, source)
    return len(sources)
