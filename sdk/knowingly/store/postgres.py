"""PostgreSQL: pooled connections, one snapshot for a reader, a locked row for a writer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Pool, bindparam, create_engine, event, func, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from knowingly.errors import StoreError

OLDEST_VERSION = 14
POOL_SIZE = 5
MAX_OVERFLOW = 15
POOL_SECONDS = 30
"""A thread without a connection waits so long for another to finish."""
CONNECT_SECONDS = 10
LOCK_SECONDS = 30
"""A writer waits so long for the writer before it."""
STATEMENT_SECONDS = 900
"""No single statement of ours takes so long; one that does is stuck."""
ALONE_KEY = 0x6B6E6F77
"""Of the advisory lock that opening, naming and upgrading hold: "know"."""

_SERVER = text(
    "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), "
    "pg_postmaster_start_time()::text, "
    "(SELECT oid::bigint FROM pg_database WHERE datname = current_database())"
)
_ALONE = select(func.pg_advisory_xact_lock(bindparam("key", ALONE_KEY)))


class Postgres:
    """How a PostgreSQL database is opened, read and written.

    Writers of one tenant queue on its head row, which each locks first; those of different tenants
    write at the same time. ``READ COMMITTED`` is enough under that lock, and a writer that waited
    for it sees what the one before it did.
    """

    reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    writing = "BEGIN ISOLATION LEVEL READ COMMITTED"

    def __init__(self, url: URL, *, read_only: bool = False) -> None:
        self.engine = _engine(url)
        if read_only:
            event.listen(self.engine, "connect", _refuse_writes)
        self._inherited: list[Pool] = []

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody queues in the process: the database lets different tenants write at once."""
        yield

    def begin(self, connection: Connection, how: str) -> None:
        """Begin in so many words; on a connection that was lost it fails, and is begun again.

        So no connection is tried before it is used: that would be one more way there and back.
        """
        run(connection, how)

    def stay_alone(self, connection: Connection) -> None:
        """Wait until no other process opens, names or upgrades this database."""
        connection.execute(_ALONE)

    def identity(self) -> object:
        """What tells this database from another, whatever names its server goes by.

        Raises:
            StoreError: The server is too old, or the database keeps no Unicode.
        """
        with self.engine.connect() as connection:
            version, encoding, started, number = connection.execute(_SERVER).one()
        if version // 10_000 < OLDEST_VERSION:
            raise StoreError(
                f"this is PostgreSQL {version // 10_000}: a shop needs {OLDEST_VERSION} or newer"
            )
        if encoding != "UTF8":
            raise StoreError("this database is not in UTF8: make it with createdb --encoding=UTF8")
        return started, number

    def truncate(self) -> bool:
        """Nothing to do: what a server keeps of deleted rows, the documentation says."""
        return True

    def before_fork(self) -> None:
        """Nothing to do: the child leaves the parent's connections alone."""

    def after_fork(self) -> None:
        """Open new connections in the child, and keep the parent's from being closed by it."""
        self._inherited.append(self.engine.pool)
        self.engine.dispose(close=False)


def _engine(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            hide_parameters=True,
            pool_size=POOL_SIZE,
            max_overflow=MAX_OVERFLOW,
            pool_timeout=POOL_SECONDS,
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
    except ImportError:
        raise StoreError("PostgreSQL needs an extra: pip install 'knowingly[postgres]'") from None
    event.listen(engine, "connect", _prepare)
    return engine


def _refuse_writes(connection: Any, _record: object) -> None:  # noqa: ANN401 - as below
    connection.execute("SET default_transaction_read_only = on")


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg is an extra
    # Transactions are begun by ``begin`` alone. Told of their kind instead, SQLAlchemy and the
    # driver set it and take it back around each of them, which takes as long as reading a page.
    connection.autocommit = True
    connection.execute(
        "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)",
        (f"{LOCK_SECONDS}s", f"{STATEMENT_SECONDS}s"),
    )


def run(connection: Connection, statement: str, given: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - psycopg is an extra
    """The driver's cursor on a statement; its rows come in binary, which spares spelling bytes.

    SQLAlchemy's own work on a statement takes longer than the way to a server and back. It is left
    to do it where somebody listens to statements. Of a connection that was lost it learns as soon
    as the transaction is rolled back, and takes it, and those that went with it, out of its pool.
    """
    if connection.dispatch.before_cursor_execute:
        return connection.exec_driver_sql(statement, given).cursor
    driver: Any = connection.connection.driver_connection
    try:
        return driver.execute(statement, given, binary=True)
    except connection.dialect.loaded_dbapi.Error as error:
        raise OperationalError(statement, None, error) from error
