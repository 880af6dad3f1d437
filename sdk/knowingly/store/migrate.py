"""Schema versions: a new database is made by its migrations, another version is refused."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from knowingly.errors import StoreError
from knowingly.store.database import Database

HEADS = {"data": "0012", "keys": "0002"}
"""The newest version of each schema; a test holds it to the migrations."""

_FOLDER = Path(__file__).parent / "migrations"


def prepare(database: Database, schema: str) -> None:
    """Make the schema of a new database, or check that an existing one is ours and current.

    Raises:
        StoreError: The database has another version, or is no knowingly database.
    """
    found = version(database, schema)
    if found is None:
        with database.writing(alone=True) as connection:
            # Another process may have made it while this one waited to write.
            if _version(connection, schema) is None:
                _upgrade(connection, schema)
        return
    if found < HEADS[schema]:
        raise StoreError(
            f"the {schema} schema of this database has version {found}, which is older than this "
            f"release's {HEADS[schema]}: run 'knowingly db upgrade'"
        )
    _refuse_newer(found, schema)


def version(database: Database, schema: str) -> str | None:
    """The version of a database's schema, or None in an empty database.

    Raises:
        StoreError: It is no knowingly database of this kind.
    """
    with database.reading() as connection:
        return _version(connection, schema)


def upgrade(database: Database, schema: str) -> tuple[str, str]:
    """Bring a schema to the newest version, in one transaction; the versions before and after.

    Raises:
        StoreError: There is no schema yet, or it is newer than this release.
    """
    with database.writing(alone=True) as connection:
        found = _version(connection, schema)
        if found is None:
            raise StoreError(
                f"there is no {schema} schema here yet: opening a new shop makes the newest one"
            )
        _refuse_newer(found, schema)
        if found != HEADS[schema]:
            _upgrade(connection, schema)
    return found, HEADS[schema]


def _refuse_newer(found: str, schema: str) -> None:
    if found > HEADS[schema]:
        raise StoreError(
            f"the {schema} schema of this database has version {found}, which is newer than this "
            f"release's {HEADS[schema]}: open it with the release that made it"
        )


def _version(connection: Connection, schema: str) -> str | None:
    table = f"knowingly_{schema}_version"
    tables = inspect(connection).get_table_names()
    if table in tables:
        return connection.execute(text(f"SELECT version_num FROM {table}")).scalar()  # noqa: S608 - our own name
    if tables:
        raise StoreError("this database has other tables in it: give the shop a file of its own")
    return None


def _upgrade(connection: Connection, schema: str, to: str = "head") -> None:
    # Alembic takes a tenth of a second to import and is needed once in a database's life.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER / schema).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = f"knowingly_{schema}_version"
    command.upgrade(config, to)
