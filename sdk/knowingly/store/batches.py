"""Long lists: in pieces that every database takes in one statement, or in bulk."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, TextClause

T = TypeVar("T")

BATCH = 500


def batched(values: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    """Slices of at most ``size`` values."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def insert_many(
    connection: Connection,
    statement: TextClause,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> int:
    """Run one statement for many rows, given as tuples in the order of ``columns``.

    The statement is compiled for the database once and the rows go to its driver as they are:
    SQLAlchemy's own work on each row costs as much as sealing it.

    Returns:
        How many rows were stored.
    """
    if not rows:
        return 0
    compiled = statement.compile(dialect=connection.dialect)
    if compiled.positional and tuple(compiled.positiontup or ()) == tuple(columns):
        return connection.exec_driver_sql(str(compiled), list(rows)).rowcount
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    return connection.exec_driver_sql(str(compiled), named).rowcount
