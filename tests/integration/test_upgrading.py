"""Older databases are brought to the newest version, whole or not at all, on both databases."""

import gzip
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, insert, select, text
from typer.testing import CliRunner

import knowingly
from houses import Databases, Files, House
from knowingly.cli.app import app
from knowingly.store import key_schema, migrate
from knowingly.store import schema as data_schema
from knowingly.store.database import Database

FILLED = sorted(path for path in (Path(__file__).parent / "filled").iterdir() if path.is_dir())
ON_THE_WAY = {"0002", "0003", "0005", "0006", "0007", "0008", "0010"}
"""Versions that came together with a later one: no shop was ever written with them."""
METADATA = {"data": data_schema.metadata, "keys": key_schema.metadata}
MODEL_TABLES = ("trainings", "models", "model_rows", "model_counts", "manifests")
QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}
NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9000", "{head}", None, None


def upgrade() -> None:
    op.create_table("fresh_{schema}", sa.Column("a", sa.Integer()))
    {then}
"""


def call(*arguments: str, code: int = 0) -> str:
    result = CliRunner(env=QUIET).invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def document(house: House, *arguments: str, code: int = 0) -> dict:
    """What a command about the databases of a house prints."""
    where = ("--shop", house.url, "--key-store", house.place.keys_url, "--json")
    result = CliRunner(env=QUIET).invoke(app, ["db", *arguments, *where], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def copy_rows(source: Path, target: Database) -> None:
    """Every row of a SQLite file, as it is, into the same tables of a server."""
    engine = create_engine(f"sqlite:///{source}")
    theirs, ours = MetaData(), MetaData()
    theirs.reflect(engine)
    with engine.connect() as old, target.writing() as new:
        ours.reflect(new)
        for table in theirs.sorted_tables:
            if not table.name.startswith("knowingly_"):
                rows = [dict(row._mapping) for row in old.execute(select(table))]
                if rows:
                    new.execute(insert(ours.tables[table.name]), rows)
        if "tenants" in theirs.tables:
            new.execute(
                text(
                    "SELECT setval(pg_get_serial_sequence('tenants', 'tenant'), "
                    "(SELECT max(tenant) FROM tenants))"
                )
            )
    engine.dispose()


def version_in(file: Path, schema: str) -> str:
    with closing(sqlite3.connect(file)) as connection:
        find = f"SELECT version_num FROM knowingly_{schema}_version"  # noqa: S608
        return connection.execute(find).fetchone()[0]


@pytest.fixture
def unpacked(backend, request, tmp_path, clock):
    """Unpack a filled shop, onto the database of the test."""
    houses = []

    def unpack(folder: Path) -> House:
        home = tmp_path / "filled"
        home.mkdir()
        for name in ("shop.db", "shop.keys.db"):
            with gzip.open(folder / f"{name}.gz") as packed, (home / name).open("wb") as plain:
                shutil.copyfileobj(packed, plain)
        shutil.copy(folder / "root-key.txt", home / "knowingly.key")
        (home / "knowingly.key").chmod(0o600)
        place = Files(home)
        if backend == "postgresql":
            server = request.getfixturevalue("server")
            place = Databases(server, server.pair())
            for schema, name in (("data", "shop.db"), ("keys", "shop.keys.db")):
                url = place.url if schema == "data" else place.keys_url
                target = Database(url)
                with target.writing() as connection:
                    migrate._upgrade(connection, schema, version_in(home / name, schema))
                copy_rows(home / name, target)
                target.close()
        clock.forward(hours=3)
        houses.append(House(home, clock, place))
        return houses[-1]

    yield unpack
    for house in houses:
        house.remove()


@pytest.mark.parametrize("folder", FILLED, ids=lambda folder: folder.name)
def test_a_filled_shop_of_each_version_is_brought_up_to_date(folder, unpacked, gaps):
    """Afterwards it trains and serves, its log is whole, its people are there.

    Models of before they were sealed are gone, with all that they had learned.
    """
    house = unpacked(folder)
    document(house, "upgrade")
    assert all(one["version"] == one["newest"] for one in document(house, "status").values())
    sealed = folder.name >= "0011"
    assert all(map(house.count, MODEL_TABLES)) is sealed
    assert any(map(house.count, MODEL_TABLES)) is sealed
    shop = house.open()
    assert bool(shop.models.cards()) is sealed
    assert shop.recommend("t003").basis in {"aggregate", "personal"}
    shop.train()
    assert shop.recommend("t003").basis == "personal"
    assert "late" not in repr(shop.recommend("t003"))
    assert set(gaps(shop).values()) == {0.0}
    assert len(shop.items) == 40
    assert not shop.knows("t000")
    assert not shop.consent.status("t001")["personalize"].allowed
    assert not shop.profiles.view("t001", "personalize").events
    assert shop.aggregates.bestsellers() is not None
    assert sum(shop.aggregates.budget().spent.values()) > 0
    [certificate] = shop.rights.certificates()
    assert certificate.is_genuine()
    assert len(shop.tenant("acme").items) == 1
    size = shop.audit.verify().size
    assert shop.track("t003", "purchase", "oolong", event_id="late").duplicates == 1
    assert shop.track("t003", "purchase", "oolong").kept == 1
    shop.consent.withdraw("t003")
    shop.rights.erase("t004")
    assert set(gaps(shop).values()) == {0.0}
    shop.tenant("another").items.upsert([{"id": "cup"}])
    assert shop.audit.verify().size == size + 5  # of two of them, what models forgot


def test_there_is_a_filled_shop_of_every_version_that_shops_were_written_with():
    """Whoever adds a version adds a folder of the one before; none is ever taken away."""
    versions = {path.name[1:5] for path in migrate._FOLDER.glob("data/versions/v*.py")}
    assert {folder.name for folder in FILLED} == versions - ON_THE_WAY - {migrate.HEADS["data"]}


@pytest.mark.parametrize("schema", list(METADATA))
def test_migrations_from_nothing_make_the_metadata(schema, backend, request, tmp_path):
    """Alembic finds no difference, on either database."""
    if backend == "sqlite":
        database, server = Database(f"sqlite:///{tmp_path}/one.db"), None
    else:
        server = request.getfixturevalue("server")
        name = server.pair()
        database = Database(server.database_url(name))
    migrate.prepare(database, schema)
    with database.reading() as connection:
        version = {"version_table": f"knowingly_{schema}_version", "compare_type": True}
        context = MigrationContext.configure(connection, opts=version)
        assert compare_metadata(context, METADATA[schema]) == []
    database.close()
    if server is not None:
        server.drop(name)


def newer(monkeypatch, tmp_path, **then: str) -> None:
    """Give this release a next version of each schema that makes a table, and then more."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate._FOLDER, folder)
    for schema, head in migrate.HEADS.items():
        script = NEXT.format(schema=schema, head=head, then=then.get(schema, "pass"))
        (folder / schema / "versions" / "v9000_next.py").write_text(script)
    monkeypatch.setattr(migrate, "_FOLDER", folder)
    monkeypatch.setattr(migrate, "HEADS", dict.fromkeys(migrate.HEADS, "9000"))


def has_table(house: House, schema: str) -> bool:
    try:
        house.rows(f"SELECT 1 FROM fresh_{schema}", store=schema)  # noqa: S608
    except Exception:
        return False
    return True


def test_an_older_shop_is_refused_until_it_is_upgraded(tea_house, monkeypatch, tmp_path):
    """Opening says what to run; the command runs it; a second run finds nothing to do."""
    old = dict(migrate.HEADS)
    tea_house.open()
    tea_house.close()
    newer(monkeypatch, tmp_path)
    with pytest.raises(knowingly.StoreError, match=r"older.*run 'knowingly db upgrade'"):
        tea_house.open()
    found = document(tea_house, "status", code=1)
    assert found["data"] == {"version": old["data"], "newest": "9000"}
    assert not has_table(tea_house, "data")
    done = document(tea_house, "upgrade")
    assert done == {name: {"from": old[name], "to": "9000"} for name in ("keys", "data")}
    assert has_table(tea_house, "data")
    assert has_table(tea_house, "keys")
    assert document(tea_house, "upgrade")["data"] == {"from": "9000", "to": "9000"}
    assert tea_house.open().recommend("t000").basis == "personal"


def test_an_upgrade_that_fails_leaves_the_version_before(tea_house, monkeypatch, tmp_path):
    """Keys go first and are done; the data is as it was, and the next run ends it."""
    old = migrate.HEADS["data"]
    with monkeypatch.context() as patch:
        newer(patch, tmp_path / "broken", data="raise RuntimeError('power cut')")
        with pytest.raises(RuntimeError, match="power cut"):
            document(tea_house, "upgrade")
        found = document(tea_house, "status", code=1)
        assert (found["keys"]["version"], found["data"]["version"]) == ("9000", old)
        assert not has_table(tea_house, "data")
    newer(monkeypatch, tmp_path / "mended")
    assert document(tea_house, "upgrade")["data"]["to"] == "9000"
    assert tea_house.open().recommend("t000").basis == "personal"


def test_a_newer_shop_is_not_touched(tea_house):
    """It is the release that is too old, and the words say so."""
    tea_house.run("UPDATE knowingly_data_version SET version_num = '9999'")
    result = CliRunner(env=QUIET).invoke(
        app, ["db", "upgrade", "--shop", tea_house.url, "--key-store", tea_house.place.keys_url]
    )
    assert result.exit_code == 1
    assert "newer than this release" in result.stderr
    found = document(tea_house, "status", code=1)
    assert found["data"]["version"] == "9999"


@pytest.mark.only_sqlite("it looks for files that were made")
def test_where_there_is_no_shop_none_is_made(tmp_path, monkeypatch, backend):
    """Neither command makes a file."""
    monkeypatch.chdir(tmp_path)
    for name in ("KNOWINGLY_SHOP", "KNOWINGLY_KEY_STORE"):
        monkeypatch.delenv(name, raising=False)
    assert "there is no shop" in call("db", "status", code=1)
    assert "there is no shop" in call("db", "upgrade", code=1)
    assert list(tmp_path.iterdir()) == []


def test_words_for_people(tea_house):
    """One line for each store."""
    where = ("--shop", tea_house.url, "--key-store", tea_house.place.keys_url)
    assert "newest" in call("db", "status", *where)
    assert call("db", "upgrade", *where).count("is the newest already") == 2
