"""Long lists: in pieces that every database takes in one statement, or in bulk."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Delete, Dialect, Table, Update
from sqlalchemy.dialects import postgresql, sqlite

from knowingly.store.sqlite import run_many

T = TypeVar("T")

BATCH = 500
ROWS_AT_ONCE = 1_000
"""In one statement, where their columns go as arrays: a row of a model can have 80 KB."""
STREAMING = {"yield_per": 2_000}
"""For one long statement, never for a connection: there it would hold for the next ones too."""


def batched(values: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    """Slices of at most ``size`` values."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def parts(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most ``size`` values, of what need not be there all at once."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


class BulkInsert:
    """Rows into one table, given as tuples of all its columns in their order.

    The statement is compiled for the database once and the rows go to its driver as they are:
    SQLAlchemy's own work on each row costs as much as sealing it. ``existing`` says what
    becomes of a row whose primary key is there already.
    """

    def __init__(
        self, table: Table, *, existing: Literal["fail", "skip", "replace"] = "fail"
    ) -> None:
        self._table, self._existing = table, existing
        self._columns = [column.name for column in table.columns]
        self._compiled: dict[str, str] = {}

    def __call__(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Store the rows; how many were new, or replaced one."""
        if not rows:
            return 0
        dialect = connection.dialect
        statement = self._compiled.get(dialect.name) or self._compile(dialect)
        if dialect.name == "sqlite":
            return run_many(connection, statement, rows)
        if self._existing == "replace":
            # Of two rows with one key the later one stays, which a single statement refuses.
            named = [dict(zip(self._columns, row, strict=True)) for row in rows]
            return connection.exec_driver_sql(statement, named).rowcount
        stored = 0
        for part in batched(rows, ROWS_AT_ONCE):
            arrays = map(list, zip(*part, strict=True))
            values = dict(zip(self._columns, arrays, strict=True))
            stored += connection.exec_driver_sql(statement, values).rowcount
        return stored

    def _compile(self, dialect: Dialect) -> str:
        if dialect.name == "postgresql" and self._existing != "replace":
            statement = self._of_arrays(dialect)
        else:
            insert = (sqlite if dialect.name == "sqlite" else postgresql).insert(self._table)
            if self._existing == "skip":
                insert = insert.on_conflict_do_nothing()
            elif self._existing == "replace":
                key = self._table.primary_key.columns.keys()
                new = {name: insert.excluded[name] for name in self._columns if name not in key}
                insert = insert.on_conflict_do_update(index_elements=key, set_=new)
            statement = str(insert.compile(dialect=dialect, column_keys=self._columns))
        self._compiled[dialect.name] = statement
        return statement

    def _of_arrays(self, dialect: Dialect) -> str:
        """Many rows in one statement, their columns as arrays in the server's own format.

        Row by row, and spelled as text, the same rows take driver and server twice as long.
        """
        quote = dialect.identifier_preparer.quote
        names = ", ".join(quote(name) for name in self._columns)
        arrays = ", ".join(
            f"%({column.name})b::{column.type.compile(dialect=dialect)}[]"
            for column in self._table.columns
        )
        end = " ON CONFLICT DO NOTHING" if self._existing == "skip" else ""
        table = quote(self._table.name)
        # Names of our own schema; every value is bound.
        return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}){end}"  # noqa: S608


class BulkUpdate:
    """The same change to many rows of a table, each found and set by bound parameters.

    Compiled once, as ``BulkInsert`` is, and for the same reason. To delete them is a change too.
    """

    def __init__(self, statement: Update | Delete) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, Sequence[str] | None]] = {}

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Change the rows, given as the values of every parameter by name; how many there were."""
        if not rows:
            return 0
        dialect = connection.dialect
        statement, order = self._compiled.get(dialect.name) or self._compile(dialect)
        if order is None:
            return connection.exec_driver_sql(statement, [dict(row) for row in rows]).rowcount
        return run_many(connection, statement, [tuple(map(row.get, order)) for row in rows])

    def _compile(self, dialect: Dialect) -> tuple[str, Sequence[str] | None]:
        compiled = self._statement.compile(dialect=dialect)
        self._compiled[dialect.name] = str(compiled), compiled.positiontup
        return self._compiled[dialect.name]
