"""Every row of one store into another, whatever database each is in, and sums to compare them by.

The tables and columns are those of the schema: nothing here names one, so that a new column is
copied and summed from the day it is there.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, MetaData, Row, Select, Table, Text, delete, func, select, text

from knowingly.domain.progress import Counted
from knowingly.store import key_schema, schema
from knowingly.store.batches import BulkInsert

STORES: Mapping[str, MetaData] = {"data": schema.metadata, "keys": key_schema.metadata}
"""The two stores of a shop, by name."""

StoreTx = Connection
"""A transaction or a snapshot of a whole store, as other rooms hand it on."""

_ROWS_AT_ONCE = 1_000


class TableSum(NamedTuple):
    """How many rows a table has, and a digest over all of them in the order of their keys."""

    rows: int
    digest: str


Sums = dict[str, TableSum]
"""By table."""


class _Summing:
    """The sum of a table whose rows go by."""

    def __init__(self) -> None:
        self._rows, self._hash = 0, hashlib.sha256()

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        # Text, numbers, booleans, bytes and None each have a spelling of their own, and both
        # databases give the same Python values.
        self._hash.update("".join(map(repr, rows)).encode())
        self._rows += len(rows)

    def done(self) -> TableSum:
        return TableSum(self._rows, self._hash.hexdigest())


def copy(source: Connection, target: Connection, store: str, tell: Counted) -> Sums:
    """Copy every row of a store from one snapshot into empty tables; the sums of what was read."""
    found, done, total = {}, 0, count(source, store)
    for table in STORES[store].sorted_tables:
        insert, summing = BulkInsert(table), _Summing()
        for rows in _parts(source, table):
            insert(target, rows)
            summing.add(rows)
            done += len(rows)
            tell(done, total)
        found[table.name] = summing.done()
        _go_on_counting(target, table)
    return found


def sums(connection: Connection, store: str, tell: Counted) -> Sums:
    """The sums of a store as one snapshot or transaction sees it."""
    found, done, total = {}, 0, count(connection, store)
    for table in STORES[store].sorted_tables:
        summing = _Summing()
        for rows in _parts(connection, table):
            summing.add(rows)
            done += len(rows)
            tell(done, total)
        found[table.name] = summing.done()
    return found


def different(one: Sums, other: Sums) -> list[str]:
    """The tables whose sums are not the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def count(connection: Connection, store: str) -> int:
    """How many rows a store has in all."""
    return sum(
        int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in STORES[store].sorted_tables
    )


def clear(connection: Connection, store: str) -> None:
    """Delete every row of a store."""
    for table in reversed(STORES[store].sorted_tables):
        connection.execute(delete(table))


def _parts(connection: Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    result = connection.execute(
        _in_order(table, connection), execution_options={"yield_per": _ROWS_AT_ONCE}
    )
    for part in result.partitions():
        yield [tuple(row) for row in part]


def _in_order(table: Table, connection: Connection) -> Select[Row[Any]]:
    """All rows by their keys; text by its bytes, as in SQLite, whatever a server's locale is."""
    by_bytes = connection.dialect.name != "sqlite"
    keys = [
        column.collate("C") if by_bytes and isinstance(column.type, Text) else column
        for column in table.primary_key.columns
    ]
    return select(*table.columns).order_by(*keys)


def _go_on_counting(target: Connection, table: Table) -> None:
    """A server that numbers rows by itself goes on after the highest number that was copied."""
    column = table.autoincrement_column
    if target.dialect.name == "sqlite" or column is None:
        return
    highest = target.execute(select(func.max(column))).scalar()
    if highest is not None:
        named = {"table": table.name, "column": column.name, "highest": highest}
        target.execute(
            text("SELECT setval(pg_get_serial_sequence(:table, :column), :highest)"), named
        )
