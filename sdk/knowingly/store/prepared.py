"""The reads of every page and of every training: compiled once, on SQLite run by the driver."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Select, TextClause
from sqlalchemy.exc import OperationalError

from knowingly.store.batches import STREAMING
from knowingly.store.postgres import BINARY

Row = tuple[Any, ...]
_ROWS_AT_ONCE = 5_000


class Prepared:
    """A read whose rows come as plain tuples, with the columns' types as the driver has them.

    SQLAlchemy's own work on a statement takes several times as long as SQLite's on a person's rows.
    Beside the way to a server and back it is little, and is left to recover lost connections; the
    rows are taken from the driver, in binary, which spares both sides the spelling of bytes.
    """

    def __init__(self, statement: Select[Any] | TextClause) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, Sequence[str] | None, Mapping[str, object]]] = {}

    def all(self, connection: Connection, values: Mapping[str, object]) -> Sequence[Row]:
        """Every row, for these values of the bound parameters."""
        driver = connection.connection.driver_connection
        statement, given = self._bound(connection.dialect, values)
        if not isinstance(driver, sqlite3.Connection):
            result: Any = connection.exec_driver_sql(statement, given, execution_options=BINARY)
            rows: Sequence[Row] = result.cursor.fetchall()
            return rows
        try:
            return driver.execute(statement, given).fetchall()
        except sqlite3.Error as error:
            raise OperationalError(statement, None, error) from error

    def stream(self, connection: Connection, values: Mapping[str, object]) -> Iterator[Any]:
        """The rows one after the other, some thousands of them in memory at a time."""
        driver = connection.connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):
            result = connection.execute(self._statement, values, execution_options=STREAMING)
            for part in result.partitions():
                yield from part
            return
        statement, given = self._bound(connection.dialect, values)
        try:
            cursor = driver.execute(statement, given)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield from rows
        except sqlite3.Error as error:
            raise OperationalError(statement, None, error) from error

    def _bound(self, dialect: Dialect, values: Mapping[str, object]) -> tuple[str, Any]:
        """The statement, and the values as this database's driver takes them."""
        statement, order, constants = self._compiled.get(dialect.name) or self._compile(dialect)
        given = {**constants, **values}
        return statement, given if order is None else [given[name] for name in order]

    def _compile(self, dialect: Dialect) -> tuple[str, Sequence[str] | None, Mapping[str, object]]:
        compiled = self._statement.compile(dialect=dialect)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        order = (compiled.positiontup or ()) if compiled.positional else None
        self._compiled[dialect.name] = str(compiled), order, constants
        return self._compiled[dialect.name]
