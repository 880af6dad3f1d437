"""The reads of every page and of every training: compiled once, and run by the driver."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Column, Connection, Dialect, Select, TextClause, bindparam, func
from sqlalchemy.exc import OperationalError

from knowingly.store import postgres
from knowingly.store.batches import BATCH, STREAMING, batched

T = TypeVar("T")
Row = tuple[Any, ...]
_ROWS_AT_ONCE = 5_000
_PLACES = (1, 10, 100, BATCH)
"""How many values a statement has places for on SQLite."""


class Prepared:
    """A read whose rows come as plain tuples, with the columns' types as the driver has them.

    SQLAlchemy's own work on a statement takes several times as long as SQLite's on a person's rows,
    and longer than the way to a server and back. ``in_bytes`` are values that go to a server in
    binary, as lists of bytes should.
    """

    def __init__(
        self, statement: Select[Any] | TextClause, *, in_bytes: Sequence[str] = ()
    ) -> None:
        self._statement, self._in_bytes = statement, in_bytes
        self._compiled: dict[str, tuple[str, Sequence[str] | None, Mapping[str, object]]] = {}

    def all(self, connection: Connection, values: Mapping[str, object]) -> Sequence[Row]:
        """Every row, for these values of the bound parameters."""
        driver = connection.connection.driver_connection
        statement, given = self._bound(connection.dialect, values)
        if not isinstance(driver, sqlite3.Connection):
            found: Sequence[Row] = postgres.run(connection, statement, given).fetchall()
            return found
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
        spelled = str(compiled)
        for name in self._in_bytes:
            spelled = spelled.replace(f"%({name})s", f"%({name})b")
        self._compiled[dialect.name] = spelled, order, constants
        return self._compiled[dialect.name]


class Among:
    """A read of the rows in which one column has one of many values.

    A server is given them as one array: of a place for each, the driver spells and reads a new
    statement every time. SQLite gets them in pieces, in statements of a few lengths that it knows
    already; the last value is said again in the places that are left.
    """

    def __init__(self, statement: Select[Any], column: Column[Any]) -> None:
        self._statement, self._column = statement, column
        array = bindparam("among", type_=ARRAY(column.type))
        self._of_array = Prepared(statement.where(column == func.any(array)), in_bytes=("among",))
        self._with_places: dict[int, Prepared] = {}

    def all(
        self, connection: Connection, values: Mapping[str, object], among: Sequence[T]
    ) -> list[Row]:
        """Every row, for these values of the column and of the bound parameters; in no order."""
        if not among:
            return []
        if connection.dialect.name != "sqlite":
            return list(self._of_array.all(connection, {**values, "among": list(among)}))
        rows: list[Row] = []
        for part in batched(among):
            places = next(places for places in _PLACES if places >= len(part))
            filled = chain(part, repeat(part[-1], places - len(part)))
            named = {f"among{n}": value for n, value in enumerate(filled)}
            rows += self._prepared(places).all(connection, {**values, **named})
        return rows

    def _prepared(self, places: int) -> Prepared:
        prepared = self._with_places.get(places)
        if prepared is None:
            one_of = self._column.in_([bindparam(f"among{n}") for n in range(places)])
            prepared = self._with_places[places] = Prepared(self._statement.where(one_of))
        return prepared
