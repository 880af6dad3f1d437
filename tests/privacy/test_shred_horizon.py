"""After a rotation that destroys the old root key, no mixture of old and new copies opens the past.

The attacker has everything that exists: copies of both databases from before an erasure, today's
databases, and today's root keys. They try every root key on every wrapped tenant key, every tenant
key so found on every wrapped key of a person, and every one of these on every sealed row.
"""

import os
from dataclasses import replace

import pytest

import knowingly
from knowingly.errors import SealError
from knowingly.governance import rotation
from knowingly.vault import key_file, rewrap, root, tenant_key
from knowingly.vault.seal import Cipher, version_of
from knowingly.vault.wrapping import tenant_context

TENANT = "default"


def roots_of(house):
    """Today's root keys, as an attacker reads them from the file."""
    return key_file.read(house.key, "")


def opened(cipher, table, place, body):
    try:
        return cipher.open(table, place, body)
    except SealError:
        return None


def key_rows(place, columns, table):
    return place.rows(f"SELECT {columns} FROM {table}", store="keys")  # noqa: S608


def tenant_keys(roots, stores):
    """Every tenant key that any root key opens, in any copy of the key store."""
    found = set()
    for store in stores:
        for version, wrapped in key_rows(store, "version, wrapped", "tenant_keys"):
            for key in roots if wrapped else ():
                place, sealed = tenant_context(TENANT, version), wrapped[root._SEALED_AT :]
                plain = opened(root._cipher(key), "root", place, sealed)
                if plain is not None:
                    found.add(plain)
    return found


def people_keys(tenants, stores):
    """Every key of a person that any of the tenant keys opens, in any copy, by its id."""
    found = {}
    for store in stores:
        for key_id, wrapped in key_rows(store, "key_id, wrapped", "subject_keys"):
            for key in tenants:
                cipher = Cipher(key, tenant=TENANT, key_id=b"tenant", version=version_of(wrapped))
                plain = opened(cipher, "subject_keys", key_id, wrapped)
                if plain is not None:
                    found[key_id] = plain
    return found


def attack(house, copies):
    """The ids of the people of whom an event can be read, in any copy of the data."""
    places = [house, *copies]
    keys = people_keys(tenant_keys(roots_of(house), places), places)
    read = set()
    for place in places:
        for key_id, event, body in place.rows(
            "SELECT s.key_id, e.event, e.body FROM events e JOIN subjects s "
            "ON s.tenant = e.tenant AND s.subject = e.subject",
        ):
            if key_id in keys:
                cipher = Cipher(keys[key_id], tenant=TENANT, key_id=key_id)
                if opened(cipher, "events", event, body) is not None:
                    read.add(key_id)
    return read


def key_of(house, shop, subject):
    lookup = shop._tenancy.keyring.lookup(subject)
    [[key_id]] = house.rows("SELECT key_id FROM subjects WHERE lookup = ?", lookup)
    return key_id


@pytest.fixture
def past(house, agree, tmp_path):
    """A shop of three, of whom Ada is erased; a copy from before that, and her key's id."""
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    for person in ("ada", "bob", "cas"):
        agree(shop, person)
        shop.track(person, "view", "tea")
    ada = key_of(house, shop, "ada")
    before = house.copy(tmp_path / "before")
    shop = house.open()
    shop.rights.erase("ada")
    yield shop, before, ada
    before.remove()


def test_an_erased_person_cannot_be_read_from_today(house, past):
    """Erasure alone: nothing of today has their rows or their key."""
    _, _, ada = past
    assert len(attack(house, [])) == 2
    assert ada not in attack(house, [])


def test_old_copies_open_while_the_old_root_key_lives(house, past):
    """The attack works: an old copy of both files and today's root key read an erased person."""
    shop, before, ada = past
    assert ada in attack(house, [before])
    shop.keys.rotate()
    assert ada in attack(house, [before])


def test_after_a_rotation_that_destroys_nothing_old_opens(house, past, tmp_path):
    """Nobody's old rows open any more, and everybody's new ones do."""
    shop, before, ada = past
    shop.keys.rotate()
    between = house.copy(tmp_path / "between")
    shop = house.open()
    erased_later = key_of(house, shop, "cas")
    shop.rights.erase("cas")
    assert {ada, erased_later} <= attack(house, [before, between])
    done = shop.keys.rotate(destroy_old=True)
    assert len(done.destroyed) == 2
    assert done.left == ()
    assert attack(house, [before, between]) == {key_of(house, shop, "bob")}
    between.remove()
    assert len(shop.profiles.view("bob", "personalize").events) == 1


def test_a_rotation_that_keeps_the_root_key_is_found_out(house, past, monkeypatch):
    """The attack would see it: the old tenant key is wrapped by a root key that lives."""
    shop, before, ada = past
    monkeypatch.setattr(root.FileRootKeys, "destroy", lambda self, version: None)
    shop.keys.rotate(destroy_old=True)
    assert ada in attack(house, [before])


def test_a_rotation_that_keeps_the_tenant_key_is_found_out(house, past, monkeypatch):
    """The attack would see it: the same tenant key, wrapped anew, opens the old copy's keys."""
    shop, before, ada = past
    same = next(iter(tenant_keys(roots_of(house), [house])))
    real = os.urandom
    monkeypatch.setattr(tenant_key.os, "urandom", lambda size: same if size == 32 else real(size))
    shop._roots.renew()
    rewrap.begin(shop._tenancy.keyring.tenant_key, at_us=0)
    monkeypatch.undo()
    shop.keys.rotate(destroy_old=True)
    assert ada in attack(house, [before])


def test_the_certificate_says_which_root_key_and_then_that_it_is_gone(house, past):
    """What was signed stays; what came after is signed beside it."""
    shop, _, _ = past
    [before] = shop.rights.certificates()
    [root_key] = shop.keys.status().root_keys
    assert before.root_keys == [root_key.name]
    assert before.statement["old_copies"]["until"] is None
    assert before.horizon is None
    assert "no date" in before.summary()
    shop.keys.rotate()
    assert shop.rights.certificates() == [before]
    shop.keys.rotate(destroy_old=True)
    [after] = shop.rights.certificates()
    assert (after.statement, after.signature) == (before.statement, before.signature)
    assert after.horizon == house.clock().isoformat()
    assert after.is_genuine()
    assert knowingly.Certificate.from_json(after.to_json()) == after
    assert f"since {after.horizon}" in after.summary()
    [addendum] = after.addenda
    entry = shop.audit.entries(since=addendum.statement["entry"], limit=1)[0]
    assert (entry.kind, entry.facts["root"]) == (rotation.DESTROYED, root_key.name)


def test_an_addendum_that_was_changed_is_not_genuine(house, past):
    """Nor is one of another shop."""
    shop, _, _ = past
    shop.keys.rotate(destroy_old=True)
    [certificate] = shop.rights.certificates()
    [addendum] = certificate.addenda
    earlier = {**addendum.statement, "at": "2020-01-01T00:00:00+00:00"}
    forged = replace(addendum, statement=earlier)
    assert not replace(certificate, addenda=(forged,)).is_genuine()
    stranger = shop.tenant("other")._tenancy
    with stranger.read() as snapshot:
        other = stranger.sign(snapshot, addendum.statement)
    theirs = replace(addendum, public_key=other[0], signature=other[1])
    assert theirs.is_genuine()
    assert not replace(certificate, addenda=(theirs,)).is_genuine()
    assert replace(certificate, addenda=(addendum,)).is_genuine()


def test_a_certificate_from_before_root_keys_had_names_still_reads(house, past):
    """It says what it said; nothing is added to it."""
    shop, _, _ = past
    [certificate] = shop.rights.certificates()
    older = replace(certificate, statement={**certificate.statement, "old_copies": "Some words."})
    assert (older.root_keys, older.horizon) == ([], None)
    assert "Old copies of the key store: what the statement says" in older.summary()


def test_the_horizon_is_that_of_the_oldest_key_alive(house, past, clock):
    """Whoever was erased before it is beyond reach; it moves with each destruction."""
    shop, _, _ = past
    assert shop.keys.status().horizon is None
    first = clock.forward(days=1)
    shop.keys.rotate()
    assert shop.keys.status().horizon is None
    second = clock.forward(days=1)
    shop.keys.rotate(destroy_old=True)
    assert shop.keys.status().horizon == second
    clock.forward(days=1)
    shop.keys.rotate()
    assert shop.keys.status().horizon == second
    assert [one.retired for one in shop.keys.status().root_keys][:2] == [first, second]


def test_a_promise_is_on_the_certificate_and_maintain_says_when_it_is_broken(house, agree, clock):
    """The date is the root key's first use and the days of the policy."""
    shop = house.with_policy(keys={"rotate_days": 30}).open()
    agree(shop, "ada")
    clock.forward(days=10)
    due = clock.ago(days=10 - 30)
    certificate = shop.rights.erase("ada")
    assert certificate.statement["old_copies"]["until"] == due.date().isoformat()
    assert f"promised by {due:%Y-%m-%d}" in certificate.summary()
    assert shop.keys.status().due == due
    skip = ("train", "release")
    clock.forward(days=20)
    assert not shop.maintain(skip=skip).notes
    clock.forward(seconds=1)
    [note] = shop.maintain(skip=skip).notes
    assert f"promised by {due:%Y-%m-%d}" in note
    shop.keys.rotate()
    assert shop.maintain(skip=skip).notes == (note,), "the old root key is not destroyed yet"
    shop.keys.rotate(destroy_old=True)
    assert not shop.maintain(skip=skip).notes


def test_a_new_key_does_not_hide_where_the_old_one_was(house, agree):
    """A person given a new key after a rotation is still bound to the root key of before it."""
    shop = house.open()
    agree(shop, "ada")
    shop.keys.rotate()
    shop.keys.reseal("ada")
    assert shop.rights.erase("ada").root_keys == [one.name for one in shop.keys.status().root_keys]


def test_a_merge_does_not_hide_where_the_session_was(house, agree):
    """The account's certificate names the root key under which the session's old copies open."""
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    agree(shop, "session")
    shop.track("session", "view", "tea")
    shop.keys.rotate()
    agree(shop, "account")
    shop.profiles.merge("session", into="account")
    roots = [one.name for one in shop.keys.status().root_keys]
    assert len(roots) == 2
    assert shop.rights.erase("account").root_keys == roots
