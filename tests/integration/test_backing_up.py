"""Backups are portable, private and whole, and what changed in one is found and named."""

import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

import knowingly
from knowingly.backup import creating, manifest
from knowingly.backup.checking import reading, verify
from knowingly.backup.creating import create
from knowingly.cli.app import app

QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}
WHO = "canary-person-77ab"


def call(*arguments, code=0):
    result = CliRunner(env=QUIET).invoke(app, ["backup", *arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def folder(tea_house, tmp_path):
    """A backup of the tea shop's data, whose log has some entries."""
    shop = tea_house.open()
    shop.consent.grant(WHO, ["personalize"], notice="2026-01/en")
    shop.track(WHO, "view", "oolong")
    create(tea_house.url, None, data_to=tmp_path / "monday", clock=tea_house.clock)
    return tmp_path / "monday"


def test_a_backup_is_made_while_the_shop_is_open(folder, tea_house, tmp_path):
    """Only its owner can read it, nothing else lies beside it, and nobody is named in it."""
    found = verify(folder)
    assert {path.name for path in folder.iterdir()} == {"data.db", "manifest.json"}
    assert not list(tmp_path.glob(".*"))
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert WHO.encode() not in path.read_bytes()
    assert found.created == tea_house.clock.now
    assert found.sums["events"].rows == tea_house.count("events")
    [log] = found.logs
    assert (log.size, log.root) == (
        (now := tea_house.open().audit.verify()).size,
        now.root,
    )


def test_data_and_keys_are_backed_up_apart(tea_house, tmp_path):
    """The data holds no key; the keys, when they are asked for, go elsewhere."""
    one, inside = tmp_path / "one", tmp_path / "one" / "keys"
    for data_to, keys_to in ((one, one), (one, inside), (inside, one)):
        with pytest.raises(knowingly.StoreError, match="a place of its own"):
            create(tea_house.url, None, data_to=data_to, keys_to=keys_to)
    assert not one.exists()
    made = create(tea_house.url, None, data_to=tmp_path / "data", keys_to=tmp_path / "keys")
    assert {store: one.file for store, one in made.items()} == {
        "data": "data.db",
        "keys": "keys.db",
    }
    assert verify(tmp_path / "keys").sums["subject_keys"].rows == tea_house.count(
        "subject_keys", "keys"
    )
    [[wrapped]] = tea_house.rows("SELECT wrapped FROM subject_keys LIMIT 1", store="keys")
    assert bytes(wrapped) in (tmp_path / "keys" / "keys.db").read_bytes()
    assert bytes(wrapped) not in (tmp_path / "data" / "data.db").read_bytes()


def test_a_backup_is_never_written_over(folder, tea_house, tmp_path):
    """Nor into a folder with something in it; an empty one is taken."""
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(knowingly.StoreError, match="exists already"):
        create(tea_house.url, None, data_to=folder)
    assert (folder / "manifest.json").read_bytes() == before
    (tmp_path / "empty").mkdir()
    create(tea_house.url, None, data_to=tmp_path / "empty")
    assert verify(tmp_path / "empty").rows
    with pytest.raises(knowingly.StoreError, match="does not exist"):
        create(tea_house.url, None, data_to=tmp_path / "no" / "where")


def test_verifying_changes_nothing_and_needs_no_key(folder, tea_house):
    """The file has the same bytes afterwards, however often it is verified."""
    tea_house.close()
    tea_house.key.unlink()
    before = (folder / "data.db").read_bytes()
    assert verify(folder) == verify(folder)
    assert (folder / "data.db").read_bytes() == before
    assert {path.name for path in folder.iterdir()} == {"data.db", "manifest.json"}


def test_nothing_is_made_beside_a_backup_that_is_read(folder):
    """It may lie where nobody can write, and no other file has a say in what is read."""
    with reading(folder, manifest.read(folder)) as connection:
        assert connection.execute(text("SELECT count(*) FROM events")).scalar() > 0
        assert {path.name for path in folder.iterdir()} == {"data.db", "manifest.json"}
        with pytest.raises(OperationalError, match="readonly"):
            connection.execute(text("DELETE FROM events"))


@pytest.mark.parametrize("place", [100, 5_000, 50_000, -1])
def test_a_byte_that_was_flipped_is_found(folder, place):
    """Anywhere in the data."""
    whole = bytearray((folder / "data.db").read_bytes())
    whole[place] ^= 1
    (folder / "data.db").write_bytes(whole)
    with pytest.raises(knowingly.DamagedBackupError, match=r"data\.db: its bytes") as caught:
        verify(folder)
    assert caught.value.part == "data.db"


def test_a_file_that_was_cut_off_or_lost_is_found(folder):
    """By its length, before anything is read from it."""
    whole = (folder / "data.db").read_bytes()
    (folder / "data.db").write_bytes(whole[:-4096])
    with pytest.raises(knowingly.DamagedBackupError, match=f"where {len(whole)} were written"):
        verify(folder)
    (folder / "data.db").unlink()
    with pytest.raises(knowingly.DamagedBackupError, match="not there"):
        verify(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"rows": 40', '"rows": 41', 1),
        lambda text: text[:-10],
        lambda text: text.replace('"format": 1', '"format": 2', 1),
        lambda _: "[]",
        lambda _: "",
    ],
)
def test_a_manifest_that_was_changed_is_found(folder, change):
    """By its own digest."""
    path = folder / "manifest.json"
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before
    with pytest.raises(knowingly.DamagedBackupError, match="was changed") as caught:
        verify(folder)
    assert caught.value.part == "manifest.json"


def resigned(folder: Path, **changes) -> None:
    """A manifest as somebody writes it who knows how."""
    found = manifest.read(folder)
    path = folder / found.file
    files = {"bytes": path.stat().st_size, "sha256": creating.sha256_of(path)}
    new = found.model_copy(update=files | changes)
    (folder / "manifest.json").write_text(new.to_json())


def test_a_row_that_was_changed_is_found_under_a_new_digest_of_the_file(folder):
    """The tables' own sums name the table; then the log names the entry."""
    with closing(sqlite3.connect(folder / "data.db")) as file:
        file.execute("UPDATE items SET title = 'x' WHERE row = 0")
        file.commit()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    resigned(folder)
    with pytest.raises(knowingly.DamagedBackupError, match="in items"):
        verify(folder)


def test_another_log_than_the_manifest_names_is_found(folder):
    """Size and root of each tenant's log."""
    [log] = manifest.read(folder).logs
    resigned(folder, logs=(log.model_copy(update={"root": "00" * 32}),))
    with pytest.raises(knowingly.DamagedBackupError, match="its logs"):
        verify(folder)
    resigned(folder, logs=(log,), shop="another")
    with pytest.raises(knowingly.DamagedBackupError, match="another shop"):
        verify(folder)


def test_a_backup_of_another_version_is_left_to_the_release_that_made_it(folder):
    """It is not damaged; this release says what to do."""
    with closing(sqlite3.connect(folder / "data.db")) as file:
        file.execute("UPDATE knowingly_data_version SET version_num = '0001'")
        file.commit()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    resigned(folder)
    with pytest.raises(knowingly.StoreError, match="restore it with the release that made it"):
        verify(folder)


@pytest.mark.only_sqlite("a child opens the databases by itself")
def test_a_backup_that_was_killed_is_never_taken_for_one(tea_house, tmp_path, child, wait):
    """It has another name, and no manifest; the next one is not in its way."""
    tea_house.close()

    def killed():
        creating.copied = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        create(tea_house.url, None, data_to=tmp_path / "monday")

    assert wait(child(killed)) == -signal.SIGKILL
    assert not (tmp_path / "monday").exists()
    [left] = tmp_path.glob(".monday.*.unfinished")
    with pytest.raises(knowingly.DamagedBackupError, match="was interrupted"):
        verify(left)
    with pytest.raises(knowingly.DamagedBackupError, match="not there"):
        manifest.read(left)
    create(tea_house.url, None, data_to=tmp_path / "monday")
    assert verify(tmp_path / "monday").rows


def test_the_commands_say_what_they_did(folder, tea_house, tmp_path):
    """In words and as a document; exit 4 for a damaged backup, 2 where nothing is named."""
    shop = ["--shop", tea_house.url]
    unsigned = [*shop, "--unsigned"]
    shop += ["--keys", str(tea_house.key)]
    result = call("create", str(tmp_path / "a"), "--keys-to", str(tmp_path / "b"), *shop)
    assert "Backed up the data" in result.stdout
    assert "keep few of them" in result.stderr
    told = json.loads(call("create", "--keys-to", str(tmp_path / "c"), *unsigned, "--json").stdout)
    assert told["keys"]["store"] == "keys"
    assert not (tmp_path / "c" / "data.db").exists()
    assert "as they were written" in call("verify", str(folder)).stdout
    assert json.loads(call("verify", str(folder), "--json").stdout)["store"] == "data"
    call("create", *shop, code=2)
    (folder / "data.db").write_bytes(b"")
    error = json.loads(call("verify", str(folder), "--json", code=4).stdout)["error"]
    assert (error["type"], error["part"]) == ("DamagedBackupError", "data.db")


def test_a_price_of_minus_nothing_is_backed_up(tea_house, tmp_path):
    """PostgreSQL keeps the sign of a zero and SQLite does not: no copy was ever exact again."""
    free = {"id": "free", "price": "-0", "prices": {"DE": -0.0}}
    shop = tea_house.open()
    shop.items.upsert({**free, "variants": [{"id": "free-s", "price": -0.0}]}, strict=True)
    found = create(tea_house.url, None, data_to=tmp_path / "free", clock=tea_house.clock)["data"]
    assert verify(tmp_path / "free") == found
    assert str(shop.items.get("free").price) == "0.0"
