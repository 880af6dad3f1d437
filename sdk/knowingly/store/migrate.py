"""Schema versions: a new database is made by its migrations, another version is refused."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from knowingly.errors import StoreError
from knowingly.store.database import Database

HEADS = {"data": "0002", "keys": "0001"}
"""The newest version of each schema; a test holds it to the migrations."""

_FOLDER = Path(__file__).parent / "migrations"


def prepare(database: Database, schema: str) -> None:
    """Make the schema of a new database, or check that an existing one is ours and current.

    Raises:
        StoreError: The database has another version, or is no knowingly database.
    """
    with database.reading() as connection:
        found = _version(connection, schema)
    if found is None:
        with database.writing() as connection:
            # Another process may have made it while this one waited to write.
            if _version(connection, schema) is None:
                _upgrade(connection, schema)
        return
    if found != HEADS[schema]:
        direction = "older" if found < HEADS[schema] else "newer"
        raise StoreError(
            f"this database has schema version {found}, which is {direction} than this release's "
            f"{HEADS[schema]}: open it with the release that made it"
        )


def _version(connection: Connection, schema: str) -> str | None:
    table = f"knowingly_{schema}_version"
    tables = inspect(connection).get_table_names()
    if table in tables:
        return connection.execute(text(f"SELECT version_num FROM {table}")).scalar()  # noqa: S608 - our own name
    if tables:
        raise StoreError("this database has other tables in it: give the shop a file of its own")
    return None


def _upgrade(connection: Connection, schema: str) -> None:
    # Alembic takes a tenth of a second to import and is needed once in a database's life.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER / schema).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = f"knowingly_{schema}_version"
    command.upgrade(config, "head")
