"""Opening a shop: what is missing, wrong or strange is named, with its cure, and left as it is."""

import base64
import os
import sqlite3
from contextlib import closing

import pytest

import knowingly
from knowingly.store import key_schema


@pytest.fixture
def house(bare_house):
    """In this file shops are seen to come to be."""
    return bare_house


@pytest.fixture
def used(house, agree):
    """A shop with one person in it, closed."""
    shop = house.open()
    shop.items.upsert([{"id": "cup"}])
    agree(shop, "ann")
    shop.track("ann", "view", "cup")
    house.close()
    return house


def test_it_opens_again(used):
    """With the same files and key everything is there."""
    shop = used.open()
    assert len(shop.profiles.view("ann", "personalize").events) == 1
    assert shop.audit.verify().size == 2


def test_a_lost_key_file_is_named(used):
    """Without the root key nothing opens, and the message says it cannot be replaced."""
    used.key.rename(used.folder / "elsewhere")
    with pytest.raises(knowingly.RootKeyError, match="cannot be replaced") as caught:
        used.open()
    assert str(used.key) in str(caught.value)
    assert "knowingly init" in str(caught.value)


def test_a_wrong_root_key_is_refused(used, tmp_path):
    """Another shop's key opens nothing."""
    other = tmp_path / "other.key"
    other.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
    other.chmod(0o600)
    with pytest.raises(knowingly.RootKeyError, match="which wrapped this shop's keys"):
        used.open(keys=other)
    assert len(used.open().profiles.view("ann", "personalize").events) == 1


def test_a_wrong_root_key_opens_no_new_tenant_either(used, tmp_path):
    """A key that does not open the shop's tenants must not begin another one beside them."""
    other = tmp_path / "other.key"
    other.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
    other.chmod(0o600)
    with pytest.raises(knowingly.RootKeyError, match="which wrapped this shop's keys"):
        used.open(keys=other, tenant="second")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(used, mode):
    """The cure is the command to type."""
    used.key.chmod(mode)
    with pytest.raises(knowingly.RootKeyError, match="chmod 600"):
        used.open()


@pytest.mark.parametrize(
    "text", ["", "short", "?" * 44, base64.urlsafe_b64encode(b"x" * 31).decode()]
)
def test_a_malformed_key_is_refused(used, text):
    """Anything but 32 bytes in base64url is no key; the message does not repeat it."""
    used.key.write_text(text)
    with pytest.raises(knowingly.RootKeyError, match="32 bytes") as caught:
        used.open()
    assert not text or text not in str(caught.value)


def test_the_key_can_come_from_the_environment(used, monkeypatch):
    """``env:NAME``, or KNOWINGLY_ROOT_KEY where no key is named; a missing one is named."""
    monkeypatch.setenv("KNOWINGLY_ROOT_KEY", used.key.read_text())
    assert used.open(keys=None).audit.verify().size == 2
    monkeypatch.setenv("MY_KEY", used.key.read_text())
    assert used.open(keys="env:MY_KEY").audit.verify().size == 2
    with pytest.raises(knowingly.RootKeyError, match="NO_SUCH_KEY"):
        used.open(keys="env:NO_SUCH_KEY")


@pytest.mark.only_sqlite("a database that is not there is tested with the servers")
def test_a_lost_key_store_is_not_replaced(used):
    """Data without its key store is refused, and no empty one is made in its place."""
    used.keys.rename(used.folder / "elsewhere.db")
    with pytest.raises(knowingly.StoreError, match="restore it from its own backup"):
        used.open()
    assert not used.keys.exists()


def test_an_empty_key_store_is_refused(used):
    """An emptied key store is a lost one."""
    for table in key_schema.metadata.tables:
        used.run(f"DROP TABLE {table}", store="keys")
    used.run("DROP TABLE knowingly_keys_version", store="keys")
    with pytest.raises(knowingly.StoreError, match="backup"):
        used.open()


def test_a_key_store_of_another_shop_is_refused(used, tea_files):
    """Two shops' files do not open together."""
    with pytest.raises(knowingly.StoreError, match="another shop"):
        used.open(key_store=tea_files.place.keys_url)


@pytest.mark.parametrize("schema", ["data", "keys"])
@pytest.mark.parametrize(
    ("version", "says"),
    [("9999", "newer.*release that made it"), ("0000", "older.*knowingly db upgrade")],
)
def test_another_schema_version_is_refused(used, schema, version, says):
    """A database of another release is left as it is, and the message says what to do."""
    change = f"UPDATE knowingly_{schema}_version SET version_num = ?"  # noqa: S608
    used.run(change, version, store=schema)
    with pytest.raises(knowingly.StoreError, match=f"{version}.*{says}"):
        used.open()


@pytest.mark.only_sqlite("it looks for files that were made")
def test_a_foreign_database_is_refused(house):
    """A SQLite file with other tables is nobody's shop, and stays as it is."""
    with closing(sqlite3.connect(house.data)) as connection, connection:
        connection.execute("CREATE TABLE bills (amount)")
    with pytest.raises(knowingly.StoreError, match="file of its own"):
        house.open()
    with closing(sqlite3.connect(house.data)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert tables.fetchall() == [("bills",)]
    assert not house.keys.exists()


@pytest.mark.only_sqlite("it is about a file")
def test_a_file_that_is_no_database_is_refused(house):
    """A text file is not overwritten."""
    house.data.write_text("dear diary, " * 100)
    with pytest.raises(knowingly.StoreError, match="not a database"):
        house.open()
    assert house.data.read_text().startswith("dear diary")


@pytest.mark.only_sqlite("it is about SQLite's URLs")
@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_shop_in_memory_is_refused(house, url):
    """Keys and data must survive; the cure is a file."""
    with pytest.raises(knowingly.StoreError, match=r"sqlite:///shop\.db"):
        knowingly.open(url, keys=house.key)


@pytest.mark.parametrize("url", ["", "shop.db", "sqlite:/shop.db:x:y", "nosuch:///shop.db"])
def test_what_is_no_url_is_refused(house, url):
    """The message shows what a URL looks like."""
    with pytest.raises(knowingly.StoreError, match="sqlite:///"):
        knowingly.open(url, keys=house.key)


def test_a_missing_folder_is_named(house):
    """A folder that is not there is not made by mistake."""
    with pytest.raises(knowingly.StoreError, match="create it first"):
        knowingly.open(f"sqlite:///{house.folder}/no/such/shop.db", keys=house.key)


@pytest.mark.only_sqlite("it is about a file")
def test_a_folder_is_no_shop(house):
    """A folder in place of the file is an error of ours, not of the database driver."""
    house.data.mkdir()
    with pytest.raises(knowingly.StoreError):
        house.open()


@pytest.mark.only_sqlite("it looks for files that were made")
def test_a_missing_policy_file_is_named(house):
    """A policy that was asked for by name must be there; nothing else is made."""
    with pytest.raises(knowingly.PolicyError, match="knowingly init"):
        house.open(policy=house.folder / "policy.toml")
    assert not house.data.exists()


@pytest.mark.only_sqlite("it looks for files that were made")
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[purposes", "is not TOML"),
        ("[erasure]\ntombstone_days = 'none'", "integer"),
        ("[slotz.home]\n", "slots"),
        ("[models]\nmin_subjects = 1\n", "at least 2"),
    ],
)
def test_a_bad_policy_file_is_explained(house, text, complaint):
    """The error says in which line, and what to write instead; no database is made."""
    file = house.folder / "policy.toml"
    file.write_text(text)
    with pytest.raises(knowingly.PolicyError, match=complaint) as caught:
        house.open(policy=file)
    assert caught.value.path.startswith("policy.toml:")
    assert not house.data.exists()


def test_a_changed_policy_is_a_ledger_entry(used):
    """Each policy that a shop is opened with is logged once, by its digest."""
    used.with_purpose("marketing", keep_days=30)
    for _ in range(2):
        shop = used.open()
    kinds = [one.kind for one in shop.audit.entries()]
    assert kinds == ["policy.activated", "consent.grant", "policy.activated"]
    assert shop.audit.entries()[-1].facts["policy"] == shop.policy.digest


def test_a_new_purpose_takes_nothing_from_the_old(used):
    """A purpose added later sees no earlier event, and one taken away leaves no bit to another."""
    purposes = dict(used.policy.purposes)
    purposes["research"] = {"title": "Research", "description": "Study what is bought."}
    del purposes["measure"]
    notices = [
        {**one.model_dump(), "covers": {**one.covers, "research": 1}} for one in used.policy.notices
    ]
    for notice in notices:
        del notice["covers"]["measure"]
    used.policy = used.policy.model_copy(update={"purposes": purposes, "notices": notices})
    shop = used.open()
    assert len(shop.profiles.view("ann", "personalize").events) == 1
    used.clock.forward(hours=1)
    shop.consent.grant("ann", ["research"], notice="2026-01/en")
    assert not shop.profiles.view("ann", "research").events
    assert shop.profiles.view("ann", "measure").decision.reason == "unknown_purpose"
    used.clock.forward(hours=1)
    shop.consent.withdraw("ann", ["research"])
    assert len(shop.profiles.view("ann", "personalize").events) == 1


@pytest.mark.only_sqlite("it is about files")
def test_files_are_the_owners_alone(used):
    """Data, keys and their logs cannot be read by other users."""
    shop = used.open()
    shop.track("ann", "view", "cup")
    for path in used.folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


@pytest.mark.only_sqlite("it looks for SQLite's logs")
def test_a_shop_is_closed_by_its_block(house):
    """``with`` closes the files; opening them again works."""
    with knowingly.open(house.url, keys=house.key) as shop:
        shop.items.upsert([{"id": "cup"}])
    assert sorted(path.name for path in house.folder.glob("*-wal")) == []
    assert "cup" in house.open().items


@pytest.mark.only_sqlite("it reads files")
def test_the_root_key_is_nowhere_in_the_files(used):
    """Neither the root key nor the app's id stands in any file of the shop."""
    root = base64.urlsafe_b64decode(used.key.read_text().strip())
    for path in used.folder.glob("*.db*"):
        body = path.read_bytes()
        assert root not in body
        assert used.key.read_bytes().strip() not in body
