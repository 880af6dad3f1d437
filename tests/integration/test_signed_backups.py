"""A backup says who made it, in a way that nobody without the keys can."""

import json
import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

import knowingly
from knowingly.backup import creating, manifest, sampling
from knowingly.backup.checking import reading, verify
from knowingly.backup.creating import create
from knowingly.backup.drill import drill
from knowingly.backup.restoring import restore_data, restore_keys
from knowingly.backup.sampling import verify_with_keys
from knowingly.cli.app import app
from knowingly.ledger.signing import public_key, sign
from knowingly.means import find_means
from knowingly.store import copying
from knowingly.vault.root import write_root_key

QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}


@pytest.fixture
def means(tea_house):
    return find_means(tea_house.policy, tea_house.key, tea_house.clock)


@pytest.fixture
def made(tea_house, tmp_path, means, agree):
    """Signed backups of the data and the keys of two tenants."""
    shop = tea_house.open()
    agree(shop.tenant("acme"), "a1")
    tea_house.close()
    folders = {store: tmp_path / store for store in ("data", "keys")}
    create(
        tea_house.url,
        None,
        data_to=folders["data"],
        keys_to=folders["keys"],
        means=means,
        clock=tea_house.clock,
    )
    return folders


@pytest.fixture
def checked(tea_house, means):
    """Verify a backup with the root key and today's key store."""

    def check(folder, **other):
        given = {"url": tea_house.url, "key_store": tea_house.place.keys_url, **other}
        return verify_with_keys(folder, verify(folder), means, **given)

    return check


def rewritten(folder, signer=None, **changes):
    """A manifest as somebody writes it who knows how, signed with a key of their own, or not."""
    found = manifest.read(folder)
    path = folder / found.file
    files = {"bytes": path.stat().st_size, "sha256": creating.sha256_of(path)}
    new = found.model_copy(update=files | changes)
    if signer is not None:
        mine = {"public_key": public_key(signer), "signature": sign(signer, new.statement)}
        signatures = tuple(one.model_copy(update=mine) for one in found.signatures)
        new = new.model_copy(update={"signatures": signatures})
    (folder / "manifest.json").write_text(new.to_json())


def forged(folder, signer=None, **changes):
    """Another title for an item, and everything that is said of it made to fit."""
    with closing(sqlite3.connect(folder / "data.db")) as file:
        file.execute("UPDATE items SET title = 'x' WHERE row = 0")
        file.commit()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found = manifest.read(folder)
    with reading(folder, found) as connection:
        sums = copying.sums(connection, "data", lambda *_: None)
    rewritten(folder, signer, tables=manifest.tables(sums), **changes)
    verify(folder)


def test_every_tenant_signs_what_is_theirs(made, checked):
    """Both kinds of backup; what was signed is checked with today's keys, and opens."""
    for store in ("data", "keys"):
        found = verify(made[store])
        assert {one.tenant for one in found.signatures} == {"default", "acme"}
        assert checked(made[store]).opened > 10
    assert checked(made["keys"], url="sqlite:///nothing.db", key_store=None).without_key == 0


def test_a_signature_that_was_changed_is_found_without_a_key(made):
    """It does not fit what it is under."""
    found = manifest.read(made["data"])
    rewritten(made["data"], created=found.created.replace(year=2020))
    with pytest.raises(knowingly.DamagedBackupError, match="has not signed what it says"):
        verify(made["data"])


@pytest.mark.parametrize(
    ("signer", "changes", "words"),
    [(b"f" * 32, {}, "was not signed by acme"), (None, {"signatures": ()}, "is not signed")],
    ids=["another key", "no signature"],
)
def test_a_forged_backup_is_refused_with_the_keys(  # noqa: PLR0917 - fixtures
    made, checked, means, tea_house, tmp_path, signer, changes, words
):
    """Its digests fit; only who signed it tells. A restore refuses it, unless it is told to."""
    forged(made["data"], signer, **changes)
    with pytest.raises(knowingly.DamagedBackupError, match=words):
        checked(made["data"])
    target = {"to": f"sqlite:///{tmp_path / 'new.db'}", "key_store": tea_house.place.keys_url}
    target["copy_keys_to"] = f"sqlite:///{tmp_path / 'new.keys.db'}"
    with pytest.raises(knowingly.DamagedBackupError, match=words):
        restore_data(made["data"], means, **target)
    assert restore_data(made["data"], means, **target, accept_unsigned=True).rows > 0


def test_keys_that_somebody_else_signed_are_not_restored(made, means, tmp_path):
    """The store's own keys tell."""
    rewritten(made["keys"], b"f" * 32)
    verify(made["keys"])
    to = f"sqlite:///{tmp_path / 'new.keys.db'}"
    with pytest.raises(knowingly.DamagedBackupError, match="was not signed by"):
        restore_keys(made["keys"], means, to=to)
    assert restore_keys(made["keys"], means, to=to, accept_unsigned=True).rows > 0


def test_a_sample_that_does_not_open_is_found(made, checked, tea_house, monkeypatch):
    """Whoever has no key any more is counted; whoever has the wrong one is a fault."""
    monkeypatch.setattr(sampling, "PEOPLE", 1_000)
    shop = tea_house.open()
    shop.rights.erase("t000")
    shop.keys.reseal("t002")
    tea_house.close()
    assert checked(made["data"]).without_key == 2
    [[one], [other]] = tea_house.rows(
        "SELECT key_id FROM subject_keys WHERE tenant = 'default' ORDER BY key_id LIMIT 2",
        store="keys",
    )
    tea_house.run(
        "UPDATE subject_keys SET wrapped = (SELECT wrapped FROM subject_keys WHERE "
        "key_id = ?) WHERE key_id = ?",
        one,
        other,
        store="keys",
    )
    with pytest.raises(knowingly.DamagedBackupError, match="sealed values do not open"):
        checked(made["data"])


def test_another_root_key_opens_no_backup(made, tea_house, tmp_path):
    """And says so."""
    other = tmp_path / "other.key"
    write_root_key(other)
    means = find_means(tea_house.policy, other, tea_house.clock)
    with pytest.raises(knowingly.RootKeyError):
        verify_with_keys(
            made["keys"], verify(made["keys"]), means, url=tea_house.url, key_store=None
        )


def test_a_drill_of_the_keys_sweeps_whom_nobody_knows_any_more(made, means, tea_house, agree):
    """Whoever was erased since is gone after it, the living open; newcomers are not its fault."""
    shop = tea_house.open()
    for who in ("t000", "t001"):
        shop.rights.erase(who)
    agree(shop, "new")
    tea_house.close()
    before = tea_house.rows("SELECT key_id FROM subject_keys ORDER BY key_id", store="keys")
    found = drill(made["keys"], means, url=tea_house.url, key_store=tea_house.place.keys_url)
    assert found.passed, found
    told = {one.tenant: (one.erased, one.people) for one in found.tenants}
    assert told["default"][0] == 2
    assert told["acme"] == (0, 1)
    after = tea_house.rows("SELECT key_id FROM subject_keys ORDER BY key_id", store="keys")
    assert after == before


def test_a_drill_of_the_keys_fails_where_the_living_do_not_open(made, means, tea_house):
    """Data that those keys are not of."""
    [[subject]] = tea_house.rows("SELECT subject FROM events ORDER BY event LIMIT 1")
    tea_house.run("UPDATE events SET body = ? WHERE subject = ?", b"x" * 60, subject)
    found = drill(made["keys"], means, url=tea_house.url, key_store=tea_house.place.keys_url)
    assert not found.passed
    assert found.tenants[1].faults == ("the events of 1 living people do not open",)


def test_the_commands_sign_and_check(made, tea_house, tmp_path):
    """Signed unless told not to; with ``--keys`` verified by the keys."""

    def call(*arguments, code=0):
        result = CliRunner(env=QUIET).invoke(app, ["backup", *arguments], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    shop = ["--shop", tea_house.url, "--key-store", tea_house.place.keys_url]
    keys = ["--keys", str(tea_house.key)]
    call("create", str(tmp_path / "signed"), *shop, *keys)
    call("create", str(tmp_path / "plain"), *shop, "--unsigned")
    assert "Signed by nobody" in call("verify", str(tmp_path / "plain")).stdout
    assert "Signed by acme, default" in call("verify", str(tmp_path / "signed")).stdout
    told = json.loads(call("verify", str(tmp_path / "signed"), *shop, *keys, "--json").stdout)
    assert told["sample"]["opened"] > 10
    error = json.loads(
        call("verify", str(tmp_path / "plain"), *shop, *keys, "--json", code=4).stdout
    )["error"]
    assert "not signed" in error["message"]
    done = call("drill", str(made["keys"]), *shop, *keys)
    assert "0 of 1 keys in the backup of" in done.stdout
