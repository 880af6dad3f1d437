"""The reads of every page and of every training: compiled once, on SQLite run by the driver."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.exc import OperationalError

from knowingly.store.batches import STREAMING

Row = tuple[Any, ...]
_ROWS_AT_ONCE = 5_000


class Prepared:
    """A read whose rows come as plain tuples, with the columns' types as the driver has them.

    SQLAlchemy's own work on a statement takes several times as long as SQLite's on a person's rows.
    On a server it vanishes beside the way there and back, and is left to recover lost connections.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._sqlite: tuple[str, Sequence[str], Mapping[str, object]] | None = None

    def all(self, connection: Connection, values: Mapping[str, object]) -> Sequence[Row]:
        """Every row, for these values of the bound parameters."""
        driver = connection.connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):
            return [tuple(row) for row in connection.execute(self._statement, values)]
        statement, given = self._bound(connection.dialect, values)
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

    def _bound(
        self, dialect: Dialect, values: Mapping[str, object]
    ) -> tuple[str, Sequence[object]]:
        statement, names, constants = self._sqlite or self._compile(dialect)
        given = {**constants, **values}
        return statement, [given[name] for name in names]

    def _compile(self, dialect: Dialect) -> tuple[str, Sequence[str], Mapping[str, object]]:
        compiled = self._statement.compile(dialect=dialect)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._sqlite = str(compiled), tuple(compiled.positiontup or ()), constants
        return self._sqlite
