"""A shop moves between databases of either kind, whole and verified, or not at all."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import knowingly
from houses import Databases, Files, House
from knowingly.backup import copies, moving
from knowingly.backup.moving import move
from knowingly.cli.app import app
from knowingly.store import copying, migrate
from knowingly.store.database import Database

QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}
KINDS = ("sqlite", "postgresql")


@pytest.fixture
def place(request, tmp_path):
    """A place of the kind named, with nothing in it."""
    made = []

    def make(kind: str) -> Files | Databases:
        if kind == "sqlite":
            folder = tmp_path / f"target{len(made)}"
            folder.mkdir()
            made.append(Files(folder))
        else:
            server = request.getfixturevalue("server")
            made.append(Databases(server, server.pair()))
        return made[-1]

    yield make
    for one in made:
        one.remove()


def moved_house(house: House, target: Files | Databases) -> House:
    """The same root key and policy, at the new place."""
    there = House(house.folder, house.clock, target)
    there.policy = house.policy
    return there


def rows_in(url: str, store: str) -> int:
    database = Database(url)
    try:
        if migrate.version(database, store) is None:
            return 0
        with database.reading() as connection:
            return copying.count(connection, store)
    finally:
        database.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_shop_is_the_same_after_the_move(tea_house, place, kind, gaps, agree):
    """Pages, models, log, keys, an erasure and the next tenant's number; the source stays."""
    shop = tea_house.open()
    shop.tenant("acme").items.upsert([{"id": "cup", "title": "Tasse \u00e0 th\u00e9 \u2615"}])
    agree(shop.tenant("acme"), "t000")
    shop.tenant("acme").track("t000", "view", "cup")
    shop.rights.erase("t002")
    before = shop.audit.verify()
    page = shop.recommend("t000")
    tea_house.close()
    target = place(kind)
    found = move(tea_house.url, None, to=target.url)
    assert found.logs["default"] == (before.size, before.root)
    assert found.data["events"].rows == tea_house.count("events")
    assert found.keys["subject_keys"].rows == tea_house.count("subject_keys", "keys")
    there = moved_house(tea_house, target)
    new = there.open()
    assert new.audit.verify() == before
    assert [hit.item for hit in new.recommend("t000")] == [hit.item for hit in page]
    assert new.recommend("t000").basis == "personal"
    assert set(gaps(new).values()) == {0.0}
    assert not new.knows("t002")
    assert new.tenant("acme").profiles.view("t000", "personalize").events
    new.tenant("another").items.upsert([{"id": "cup"}])
    tea_house.clock.forward(hours=1)
    assert new.track("t000", "purchase", "oolong").kept == 1
    new.rights.erase("t001")
    assert set(gaps(new).values()) == {0.0}
    there.close()
    assert tea_house.open().audit.verify() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_that_is_not_empty_is_refused(tea_house, place, kind):
    """A shop is never written over; and nothing is added to it."""
    tea_house.close()
    target = place(kind)
    there = moved_house(tea_house, target)
    there.open().items.upsert([{"id": "mine"}])
    there.close()
    before = rows_in(target.url, "data"), rows_in(target.keys_url, "keys")
    with pytest.raises(knowingly.StoreError, match="not empty"):
        move(tea_house.url, None, to=target.url)
    assert (rows_in(target.url, "data"), rows_in(target.keys_url, "keys")) == before


def test_the_source_as_target_is_refused(tea_house):
    """In either role."""
    tea_house.close()
    with pytest.raises(knowingly.StoreError, match="the target is the source"):
        move(tea_house.url, None, to=tea_house.url)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_meanwhile_is_noticed(tea_house, place, kind, monkeypatch):
    """One event after the snapshot, and nothing is kept of the copy."""
    shop = tea_house.open()
    target = place(kind)
    real = moving.logs_verify

    def meanwhile(*arguments):
        assert shop.track("t000", "view", "oolong").kept == 1
        return real(*arguments)

    monkeypatch.setattr(moving, "logs_verify", meanwhile)
    with pytest.raises(knowingly.StoreError, match="written to meanwhile, in events"):
        move(tea_house.url, None, to=target.url)
    assert (rows_in(target.url, "data"), rows_in(target.keys_url, "keys")) == (0, 0)
    monkeypatch.undo()
    assert move(tea_house.url, None, to=target.url).rows > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_that_is_not_exact_is_not_kept(tea_house, place, kind, monkeypatch):
    """A row that does not arrive is found when the copy is read back."""
    tea_house.close()
    target = place(kind)

    class Forgetful(copying.BulkInsert):
        def __call__(self, connection, rows):
            return super().__call__(connection, rows[:-1])

    monkeypatch.setattr(copying, "BulkInsert", Forgetful)
    with pytest.raises(knowingly.StoreError, match="not what was copied"):
        move(tea_house.url, None, to=target.url)
    assert (rows_in(target.url, "data"), rows_in(target.keys_url, "keys")) == (0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_keys_that_a_killed_move_left_are_taken(tea_house, place, kind):
    """Keys are committed before the data; where they are not the source's, they are left alone."""
    tea_house.close()
    target = place(kind)
    source = moving.existing_files(tea_house.url, None)
    unfinished = moving.files_to_fill(target.url, None)
    with source.keys.reading() as old, unfinished.keys.writing() as new:
        copies.copied(old, new, "keys", lambda *_: None)
    unfinished.close()
    source.close()
    left = rows_in(target.keys_url, "keys")
    assert left > 0
    agreed = tea_house.open()
    agreed.consent.grant("late", ["personalize"], notice="2026-01/en")
    with pytest.raises(knowingly.StoreError, match="not empty"):
        move(tea_house.url, None, to=target.url)
    assert rows_in(target.keys_url, "keys") == left
    agreed.rights.erase("late")
    tea_house.close()
    assert move(tea_house.url, None, to=target.url).rows > 0
    there = moved_house(tea_house, target)
    assert there.open().recommend("t000").basis == "personal"
    there.close()


def test_a_log_that_was_changed_is_not_moved(tea_house, place):
    """The move says which entry, with the exit code for tampering."""
    tea_house.close()
    tea_house.run("UPDATE ledger_entries SET leaf = ? WHERE idx = 3", b"{}")
    target = place("sqlite")
    arguments = ["db", "move", "--shop", tea_house.url, "--to", target.url, "--json"]
    result = CliRunner(env=QUIET).invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 4, result.output
    assert json.loads(result.stdout)["error"]["index"] == 3
    assert rows_in(target.url, "data") == 0


def test_the_command_says_what_was_moved(tea_house, place):
    """Rows by table for people; sums and logs for programs; files only their owner can read."""
    tea_house.close()
    first, second = place("sqlite"), place("sqlite")
    arguments = ["db", "move", "--shop", tea_house.url, "--to"]
    result = CliRunner(env=QUIET).invoke(app, [*arguments, first.url], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "each table reads the same on both sides" in result.stdout
    result = CliRunner(env=QUIET).invoke(
        app, [*arguments, second.url, "--json"], catch_exceptions=False
    )
    told = json.loads(result.stdout)
    assert told["tables"]["data"]["events"]["rows"] == tea_house.count("events")
    assert told["logs"]["default"]["size"] > 0
    for path in first.paths.values():
        assert Path(path).stat().st_mode & 0o777 == 0o600
