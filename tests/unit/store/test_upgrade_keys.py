"""A filled shop of schema 0001 is upgraded: the same people, the same events, the same keys."""

import os
import sqlite3
from contextlib import closing

import pytest
from alembic import command
from alembic.config import Config
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

import knowingly
from knowingly.errors import RootKeyError
from knowingly.ledger import log
from knowingly.opening import tenants
from knowingly.store import migrate
from knowingly.store.database import Database
from knowingly.vault import key_file
from knowingly.vault.root import fingerprint
from knowingly.vault.seal import Cipher
from knowingly.vault.wrapping import tenant_context


def to_version(path, schema, version):
    config = Config()
    config.set_main_option("script_location", str(migrate._FOLDER / schema))
    config.attributes["version_table"] = f"knowingly_{schema}_version"
    database = Database(f"sqlite:///{path}")
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    database.close()


def wrapped_as_in_0001(root, tenant, key):
    """What the first release wrapped a tenant's key with."""
    info = b"knowingly/tenant-key/" + tenant.encode()
    derived = HKDF(SHA256(), 32, salt=None, info=info).derive(root)
    return Cipher(derived, tenant=tenant, key_id=b"root").seal("tenant_keys", b"1", key)


def activated_as_in_0001(tx, policy, *, at_us, seal, is_chosen):
    """The first release logged the digest of a policy, and kept nothing of it."""
    tx.head.policy_digest = policy.digest
    facts = {"policy": policy.digest}
    log.append(tx, "policy.activated", at_us=at_us, seal=seal, facts=facts)


def older(house, folder):
    """The shop of ``house`` as the first release would have left it."""
    [root] = key_file.read(house.key, "")
    shop = house.open()
    wrap = shop._roots
    tenants = {}
    with closing(sqlite3.connect(house.keys)) as keys:
        for tenant, version, wrapped, name in keys.execute(
            "SELECT tenant, version, wrapped, root FROM tenant_keys"
        ):
            tenants[tenant] = wrap.unwrap(wrapped, name, tenant, version)
    house.close()
    old = type(house)(folder, house.clock)
    old.policy = house.policy
    old.key.write_bytes(house.key.read_bytes())
    for schema, path, source in (("data", old.data, house.data), ("keys", old.keys, house.keys)):
        to_version(path, schema, "0001")
        path.chmod(0o600)
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("ATTACH ? AS new", (str(source),))
            names = "SELECT name FROM main.sqlite_master WHERE type = 'table'"
            for (table,) in file.execute(names).fetchall():
                if table.startswith("knowingly_"):
                    continue
                columns = ", ".join(row[1] for row in file.execute(f"PRAGMA table_info({table})"))
                file.execute(
                    f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}"  # noqa: S608
                )
            if schema == "keys":
                for tenant, key in tenants.items():
                    file.execute(
                        "UPDATE tenant_keys SET wrapped = ? WHERE tenant = ?",
                        (wrapped_as_in_0001(root, tenant, key), tenant),
                    )
    return old


@pytest.fixture
def old(house, agree, tmp_path, monkeypatch):
    """Two tenants of the first release, with people and events, not upgraded yet."""
    with monkeypatch.context() as patch:
        patch.setattr(tenants, "activate", activated_as_in_0001)
        place = filled(house, agree, tmp_path)
    yield place
    place.close()


def filled(house, agree, tmp_path):
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    for person in ("ada", "bob"):
        agree(shop, person)
        shop.track(person, "view", "tea", event_id="e1")
    agree(shop.tenant("acme"), "cas")
    return older(house, tmp_path / "old")


def upgrade(place):
    for schema, path in (("data", place.data), ("keys", place.keys)):
        to_version(path, schema, "head")


def test_an_upgraded_shop_is_as_it_was(old):
    """People are found, events open, duplicates are refused, and the log verifies."""
    upgrade(old)
    shop = old.open()
    assert len(shop.profiles.view("ada", "personalize").events) == 1
    assert shop.track("ada", "view", "tea", event_id="e1").duplicates == 1
    assert shop.tenant("acme").knows("cas")
    shop.audit.verify()
    status = shop.keys.status()
    [root] = key_file.read(old.key, "")
    assert [one.name for one in status.root_keys] == [fingerprint(root)]
    assert status.root_keys[0].first_used == old.clock()
    assert (status.tenant_version, status.keys_by_version) == (1, {1: 2})


def test_an_upgraded_shop_can_be_rotated_and_resealed(old):
    """Also a tenant that nobody has opened since."""
    upgrade(old)
    shop = old.open()
    assert shop.keys.rotate(destroy_old=True).keys == 3
    shop.keys.reseal("ada")
    old.close()
    shop = old.open()
    assert shop.track("ada", "view", "tea", event_id="e1").duplicates == 1
    assert shop.tenant("acme").knows("cas")


def test_the_key_that_opened_it_is_noted_though_another_is_first(old):
    """A new key on the first line before the first opening is not taken for the old one."""
    upgrade(old)
    [root] = key_file.read(old.key, "")
    old.key.unlink()
    fresh = os.urandom(32)
    key_file.create(old.key, fresh)
    key_file.change(old.key, lambda keys: [*keys, root], by_hand="")
    shop = old.open()
    assert [one.name for one in shop.keys.status().root_keys] == [fingerprint(root)]
    done = shop.keys.rotate(destroy_old=True)
    assert (done.root, done.destroyed) == (fingerprint(fresh), (fingerprint(root),))
    assert not done.resumed


def test_the_wrong_key_opens_no_upgraded_shop(old, tmp_path):
    """Nor is a service taken for the key file that it was wrapped with."""
    upgrade(old)
    knowingly.write_root_key(tmp_path / "other")
    with pytest.raises(RootKeyError, match="does not open this shop's key store"):
        old.open(keys=tmp_path / "other")
    with pytest.raises(RootKeyError, match="does not open this shop's key store"):
        old.open(keys=tmp_path / "other", tenant="fresh")

    class Service:
        version = "v1"

        def wrap(self, key, *, context):
            raise AssertionError

        unwrap = wrap

    with pytest.raises(RootKeyError, match="open it once with that file"):
        old.open(keys=Service())
    old.open()


def test_a_local_key_names_itself_in_what_it_wraps(house):
    """So that no key is ever tried on what another wrapped."""
    [root] = key_file.read(house.key, "")
    keys = knowingly.local_root_keys(house.key)
    wrapped = keys.wrap(b"k" * 32, context=tenant_context("t", 1))
    assert bytes.fromhex(fingerprint(root)) in wrapped
    assert keys.unwrap(wrapped, context=tenant_context("t", 1)) == b"k" * 32
    for other in (tenant_context("u", 1), tenant_context("t", 2)):
        with pytest.raises(knowingly.SealError):
            keys.unwrap(wrapped, context=other)
    with pytest.raises(knowingly.SealError, match="unknown form"):
        keys.unwrap(b"\1" + wrapped[1:], context=tenant_context("t", 1))
