"""The reads of every page: compiled once, and on SQLite run by the driver itself."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.exc import OperationalError

Row = tuple[Any, ...]


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
        statement, names, constants = self._sqlite or self._compile(connection.dialect)
        given = {**constants, **values}
        try:
            return driver.execute(statement, [given[name] for name in names]).fetchall()
        except sqlite3.Error as error:
            raise OperationalError(statement, None, error) from error

    def _compile(self, dialect: Dialect) -> tuple[str, Sequence[str], Mapping[str, object]]:
        compiled = self._statement.compile(dialect=dialect)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._sqlite = str(compiled), tuple(compiled.positiontup or ()), constants
        return self._sqlite
