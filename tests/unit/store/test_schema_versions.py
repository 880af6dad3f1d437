"""The migrations make exactly the tables that the code expects."""

import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from knowingly.errors import StoreError
from knowingly.store import key_schema, migrate
from knowingly.store import schema as data_schema
from knowingly.store.database import Database

METADATA = {"data": data_schema.metadata, "keys": key_schema.metadata}
SCHEMAS = tuple(METADATA)


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path}/one.db")
    yield made
    made.close()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_migrations_make_the_metadata(database, schema):
    """Alembic finds no difference, and SQLite's own words for each table and index agree."""
    migrate.prepare(database, schema)
    version = f"knowingly_{schema}_version"
    metadata = METADATA[schema]
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": version})
        assert compare_metadata(context, metadata) == []
        migrated = made_by(connection)
    plain = create_engine("sqlite://")
    with plain.connect() as connection:
        metadata.create_all(connection)
        created = made_by(connection)
    plain.dispose()
    migrated.pop(version)
    assert migrated == created


def made_by(connection):
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    ).all()
    return {name: " ".join(sql.replace('"', "").split()) for name, sql in rows}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_newest_version_is_the_newest_migration(schema):
    """A migration cannot be added and forgotten."""
    script = ScriptDirectory(str(migrate._FOLDER / schema))
    assert script.get_heads() == [migrate.HEADS[schema]]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_preparing_twice_changes_nothing(database, schema):
    """An existing database is only looked at."""
    migrate.prepare(database, schema)
    with database.reading() as connection:
        before = made_by(connection)
    migrate.prepare(database, schema)
    with database.reading() as connection:
        assert made_by(connection) == before


@pytest.mark.parametrize(("found", "word"), [("0000", "older"), ("9999", "newer")])
def test_another_version_is_refused(database, found, word):
    """With the direction, and without touching it."""
    migrate.prepare(database, "data")
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE knowingly_data_version SET version_num=?", (found,))
    with pytest.raises(StoreError, match=f"{found}, which is {word}"):
        migrate.prepare(database, "data")


def test_somebody_elses_database_is_left_alone(tmp_path):
    """A file with other tables in it is not made into a shop."""
    with sqlite3.connect(tmp_path / "theirs.db") as file:
        file.execute("CREATE TABLE theirs (a)")
    file.close()
    database = Database(f"sqlite:///{tmp_path}/theirs.db")
    with pytest.raises(StoreError, match="other tables"):
        migrate.prepare(database, "data")
    database.close()
    with sqlite3.connect(tmp_path / "theirs.db") as file:
        assert file.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    file.close()


def test_data_and_keys_cannot_be_mistaken_for_each_other(database):
    """A key store is no data file."""
    migrate.prepare(database, "keys")
    with pytest.raises(StoreError, match="other tables"):
        migrate.prepare(database, "data")


def test_a_failed_migration_leaves_an_empty_database(database, monkeypatch):
    """All tables, or none: a crash half way can be begun again."""
    real = migrate._upgrade

    def half(connection, schema):
        real(connection, schema)
        raise RuntimeError("power cut")

    monkeypatch.setattr(migrate, "_upgrade", half)
    with pytest.raises(RuntimeError):
        migrate.prepare(database, "data")
    with database.reading() as connection:
        assert made_by(connection) == {}
    monkeypatch.setattr(migrate, "_upgrade", real)
    migrate.prepare(database, "data")
