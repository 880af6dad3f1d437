"""Root and tenant keys are replaced while the shop works, and what was replaced is gone."""

import os
import sqlite3
import threading
from contextlib import closing

import pytest

import knowingly
from knowingly.errors import InputError, RootKeyError, StoreError
from knowingly.vault import key_file, rewrap
from knowingly.vault.root import FileRootKeys


@pytest.fixture
def busy(house, agree):
    """A shop with two tenants, five people in one and one in the other."""
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    for number in range(5):
        agree(shop, f"p{number}")
        shop.track(f"p{number}", "view", "tea", event_id="e1")
    agree(shop.tenant("acme"), "p0")
    return shop


def table(house, name, columns="*"):
    with closing(sqlite3.connect(house.keys)) as connection:
        return connection.execute(f"SELECT {columns} FROM {name}").fetchall()  # noqa: S608


def stored_bytes(house):
    """Everything in the key store's files, its logs included."""
    files = [path for path in house.folder.iterdir() if path.name.startswith(house.keys.name)]
    return b"".join(path.read_bytes() for path in files)


def test_everything_is_under_new_keys_afterwards(house, busy):
    """One version of each tenant's key, under the new root key, wraps all; nothing is lost."""
    before = busy.keys.status()
    lookup = busy._tenancy.keyring.lookup("p1")
    seen = []
    done = busy.keys.rotate(progress=lambda *told: seen.append(told))
    after = busy.keys.status()
    assert (before.tenant_version, after.tenant_version) == (1, 2)
    assert (before.keys_by_version, after.keys_by_version) == ({1: 5}, {2: 5})
    assert not after.rotating
    assert (done.tenants, done.keys, done.resumed, done.overwritten) == (2, 6, False, True)
    assert done.left == (before.root_keys[0].name,)
    assert seen[-1][1:] == (5, 5)
    live = table(house, "tenant_keys WHERE wrapped IS NOT NULL", "tenant, version, root")
    assert sorted(live) == [("acme", 2, done.root), ("default", 2, done.root)]
    house.close()
    again = house.open()
    assert again._tenancy.keyring.lookup("p1") == lookup
    assert len(again.profiles.view("p1", "personalize").events) == 1
    assert again.track("p1", "view", "tea", event_id="e1").duplicates == 1
    assert again.audit.verify().size == busy.audit.verify().size


def test_each_tenants_log_says_it_once(busy):
    """With the version and the public name of the root key, and nothing else."""
    done = busy.keys.rotate(destroy_old=True)
    for shop in (busy, busy.tenant("acme")):
        said = [
            (one.kind, dict(one.facts))
            for one in shop.audit.entries()
            if one.kind in {"keys.rotated", "root.destroyed"}
        ]
        assert said == [
            ("keys.rotated", {"version": 2, "root": done.root}),
            ("root.destroyed", {"root": done.destroyed[0]}),
        ]


def test_replaced_keys_are_in_no_file(house, busy):
    """Neither what wrapped people's keys, nor the tenant's old keys and secrets, nor the root."""
    old = [row[0] for row in table(house, "subject_keys", "wrapped")]
    old += [row[0] for row in table(house, "tenant_keys", "wrapped")]
    old += [row[0] for row in table(house, "tenant_secrets", "wrapped")]
    busy._files.keys.truncate()
    assert all(wrapped in stored_bytes(house) for wrapped in old)
    root = house.key.read_bytes().strip()
    assert busy.keys.rotate(destroy_old=True).overwritten
    stored = stored_bytes(house)
    assert not any(wrapped in stored or wrapped[-32:] in stored for wrapped in old)
    assert sorted(path.name for path in house.folder.glob("*key*")) == [
        *("knowingly.key", "shop.keys.db", "shop.keys.db-shm", "shop.keys.db-wal")
    ]
    assert root not in house.key.read_bytes()


def test_a_long_reader_keeps_old_bytes_and_maintain_ends_it(house, busy):
    """It is said, and the next sweep empties the log."""
    [(wrapped,)] = table(house, "tenant_keys WHERE tenant = 'default'", "wrapped")
    reader = sqlite3.connect(house.keys, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM subject_keys").fetchone()
    assert not busy.keys.rotate().overwritten
    assert wrapped in stored_bytes(house)
    reader.execute("COMMIT")
    reader.close()
    busy.maintain(skip=("train", "release", "retention"))
    assert wrapped not in stored_bytes(house)


def test_a_process_that_was_open_before_goes_on(house, busy, agree):
    """It meets a version of both keys that it does not know, and looks again."""
    other = house.open()
    other._tenancy.keyring.forget()
    busy.keys.rotate(destroy_old=True)
    assert len(other.profiles.view("p1", "personalize").events) == 1
    agree(other, "new")
    assert busy.keys.status().keys_by_version == {2: 6}
    agree(other.tenant("third"), "x")
    assert other.keys.rotate(destroy_old=True).keys == 8
    agree(busy, "newer")
    assert busy.keys.status().keys_by_version == {3: 7}


def test_a_rotation_that_ends_during_a_read_does_not_fail_it(house, busy, monkeypatch):
    """The snapshot has keys under a root key that is destroyed by now: it is read again."""
    other = house.open()
    other._tenancy.keyring.forget()
    other._tenancy.keyring.tenant_key._ciphers = {}
    real = FileRootKeys.unwrap
    rotated = []

    def rotated_in_between(self, wrapped, *, context):
        if not rotated:
            rotated.append(busy.keys.rotate)
            rotated[0](destroy_old=True)
            self._keys = self._read()
        return real(self, wrapped, context=context)

    monkeypatch.setattr(FileRootKeys, "unwrap", rotated_in_between)
    assert len(other.profiles.view("p1", "personalize").events) == 1
    assert rotated


@pytest.mark.parametrize("call", [1, 2])
def test_a_shop_is_opened_while_a_rotation_ends(house, busy, monkeypatch, call):
    """Between what it read and the root key it needs, at either of its first two looks."""
    real = FileRootKeys.unwrap
    calls = []

    def rotated_in_between(self, wrapped, *, context):
        calls.append(self)
        if len(calls) == call:
            busy.keys.rotate(destroy_old=True)
            self._keys = self._read()
        return real(self, wrapped, context=context)

    monkeypatch.setattr(FileRootKeys, "unwrap", rotated_in_between)
    opened = house.open()
    if call == 2:
        opened.tenant("acme")
    assert len(calls) > call
    assert opened.profiles.view("p1", "personalize").events


def test_no_key_is_ever_made_under_a_version_that_is_gone(house, busy, monkeypatch):
    """The version is asked for in the transaction that keeps the key."""
    other = house.open()
    keyring = other._tenancy.keyring
    real = type(keyring.tenant_key.newest).seal_all
    rotated = []

    def rotated_in_between(self, *args):
        sealed = real(self, *args)
        if not rotated:
            rotated.append(True)
            busy.keys.rotate(destroy_old=True)
        return sealed

    monkeypatch.setattr(type(keyring.tenant_key.newest), "seal_all", rotated_in_between)
    [key_id] = keyring.create(1, at_us=0)
    assert busy.keys.status().keys_by_version == {2: 6}
    assert busy._tenancy.keyring.cipher(key_id)


def test_an_old_version_is_not_destroyed_while_a_key_rests_on_it(busy):
    """The look and the destruction are one transaction."""
    key = busy._tenancy.keyring.tenant_key
    busy._roots.renew()
    version = rewrap.begin(key, at_us=0).version
    assert not rewrap.end(key, version)
    assert busy.keys.status().rotating
    assert busy.keys.status().keys_by_version == {1: 5}
    done = busy.keys.rotate()
    assert done.resumed
    assert not busy.keys.status().rotating
    assert busy.keys.status().tenant_version == version


def test_threads_open_people_while_keys_rotate(busy, agree):
    """Nobody is lost, however often."""
    stop = threading.Event()
    made, failed = [], []

    def work(name):
        number = 0
        while not stop.is_set():
            person = f"{name}-{number}"
            try:
                agree(busy, person)
                busy.track(person, "view", "tea")
            except Exception as error:
                failed.append(error)
                return
            made.append(person)
            number += 1

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for _ in range(4):
        busy.keys.rotate(destroy_old=True)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert made
    busy._tenancy.keyring.forget()
    assert all(busy.profiles.view(one, "personalize").events for one in made)
    assert list(busy.keys.status().keys_by_version) == [5]


def test_a_variable_needs_a_new_key_from_its_owner(house, monkeypatch, tmp_path):
    """First it is asked for; put in front, it is used; the owner takes the old one out."""
    first = house.key.read_text().strip()
    monkeypatch.setenv("ROOT", first)
    shop = house.open(keys="env:ROOT")
    with pytest.raises(RootKeyError, match="no newer root key"):
        shop.keys.rotate()
    knowingly.write_root_key(tmp_path / "second")
    second = (tmp_path / "second").read_text().strip()
    monkeypatch.setenv("ROOT", f"{second} {first}")
    done = shop.keys.rotate(destroy_old=True)
    [old] = done.left
    assert done.destroyed == ()
    with pytest.raises(InputError, match="still in its source"):
        shop.keys.note_destroyed(old)
    monkeypatch.setenv("ROOT", second)
    with pytest.raises(InputError, match=old):
        shop.keys.note_destroyed(done.root)
    shop.keys.note_destroyed(old)
    assert shop.keys.status().horizon is not None
    with pytest.raises(InputError, match="none waits"):
        shop.keys.note_destroyed(old)
    house.close()
    assert house.open(keys="env:ROOT").keys.status().root_keys[0].destroyed


def test_a_retired_root_key_wraps_nothing_more(house, busy, monkeypatch):
    """A process that still has the old key first cannot open a tenant under it."""
    old = house.key.read_text().strip()
    busy.keys.rotate()
    new = house.key.read_text().split()[0]
    monkeypatch.setenv("ROOT", f"{old} {new}")
    late = house.open(keys="env:ROOT")
    with pytest.raises(RootKeyError, match="was retired"):
        late.tenant("fresh")
    with pytest.raises(RootKeyError, match="was retired before"):
        late.keys.rotate()


def test_a_missing_root_key_is_named_with_its_cure(house, busy, monkeypatch):
    """And with the names of those that are there."""
    old, name = house.key.read_text().strip(), busy.keys.status().root_keys[0].name
    busy.keys.rotate(destroy_old=True)
    house.close()
    monkeypatch.setenv("ROOT", old)
    with pytest.raises(RootKeyError, match="put it back from its backup") as caught:
        house.open(keys="env:ROOT")
    assert f"here are {name}" in str(caught.value)
    assert old not in str(caught.value)


class Service:
    """A key management service: versions in memory, and a way to fail."""

    def __init__(self):
        self.keys, self.version, self.fails = {"v1": os.urandom(32)}, "v1", None

    def wrap(self, key, *, context):
        self._fail("wrap")
        mask = bytes(a ^ b for a, b in zip(key, self.keys[self.version], strict=True))
        return self.version.encode() + mask + context

    def unwrap(self, wrapped, *, context):
        self._fail("unwrap")
        assert wrapped.endswith(context)
        return bytes(
            a ^ b for a, b in zip(wrapped[2:34], self.keys[wrapped[:2].decode()], strict=True)
        )

    def _fail(self, where):
        if self.fails == where:
            raise ConnectionError("zqx-token refused")


def test_a_service_wraps_and_its_new_version_is_rotated_to(house, agree):
    """An object with version, wrap and unwrap is all it takes."""
    service = Service()
    shop = house.open(keys=service)
    agree(shop, "ada")
    with pytest.raises(RootKeyError, match="no newer root key than v1"):
        shop.keys.rotate()
    service.keys["v2"], service.version = os.urandom(32), "v2"
    assert shop.keys.rotate(destroy_old=True).left == ("v1",)
    del service.keys["v1"]
    shop.keys.note_destroyed("v1")
    house.close()
    assert house.open(keys=service).knows("ada")


@pytest.mark.parametrize("where", ["wrap", "unwrap"])
def test_what_a_service_says_when_it_fails_is_not_repeated(house, where):
    """Only the class of its error, and which version was asked for."""
    service = Service()
    if where == "unwrap":
        house.open(keys=service)
        house.close()
    service.fails = where
    with pytest.raises(RootKeyError, match=f"{where}.*ConnectionError") as caught:
        house.open(keys=service)
    assert "zqx" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_renewal_that_makes_no_new_version_is_no_rotation(house):
    """It would move no date, and look as if it had."""
    service = Service()
    service.renew = lambda: None
    shop = house.open(keys=service)
    with pytest.raises(RootKeyError, match="no new version"):
        shop.keys.rotate()
    assert shop.keys.status().tenant_version == 1


def test_a_service_that_is_away_is_not_taken_for_no_root_keys(house):
    """The error is that of the service."""

    class Away(Service):
        @property
        def version(self):
            raise TimeoutError

        @version.setter
        def version(self, _name):
            pass

    with pytest.raises(RootKeyError, match=r"failed in version \(TimeoutError\)"):
        house.open(keys=Away())


@pytest.mark.parametrize("gives", ["cut off", "another key"])
def test_nothing_rests_on_what_a_service_does_not_open_again(house, agree, gives):
    """A rotation to such a version stops before it; the service mended, it is taken on."""
    service = Service()
    shop = house.open(keys=service)
    agree(shop, "ada")
    service.keys["v2"], service.version = os.urandom(32), "v2"
    if gives == "cut off":
        service.wrap = lambda key, *, context: b"v2" + key[:9]
    else:
        service.wrap = lambda key, *, context: Service.wrap(service, key[::-1], context=context)
    with pytest.raises(RootKeyError, match="unwrap"):
        shop.keys.rotate()
    house.close()
    del service.wrap
    shop = house.open(keys=service)
    assert shop.knows("ada")
    assert shop.keys.rotate().root == "v2"
    house.close()
    del service.keys["v1"]
    assert house.open(keys=service).knows("ada")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("version", "two words", "no name"),
        ("version", "", "no name"),
        ("wrap", lambda key, *, context: "text", "no bytes"),
        ("wrap", lambda key, *, context: b"", "no bytes"),
        ("unwrap", lambda wrapped, *, context: b"short", "no key of 32 bytes"),
    ],
)
def test_what_a_service_gives_is_checked(house, name, value, words):
    """Before any of it is stored or used."""
    service = Service()
    setattr(service, name, value)
    with pytest.raises(RootKeyError, match=words):
        house.open(keys=service)


@pytest.mark.parametrize("keys", [5, b"key", object(), ["a.key"]])
def test_what_is_no_root_key_is_refused(house, keys):
    """With the ways there are."""
    with pytest.raises(RootKeyError, match="expected a file"):
        house.open(keys=keys)


def test_two_rotations_of_one_file_at_once_lose_no_key(house):
    """They queue: every key that was ever first is still in the file."""
    first = FileRootKeys(str(house.key)).version
    workers = [threading.Thread(target=FileRootKeys(str(house.key)).renew) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = FileRootKeys(str(house.key)).versions
    assert len(set(found)) == 9
    assert found[-1] == first


def test_a_link_to_a_key_file_stays_a_link(house, tmp_path):
    """The file it points at is changed."""
    link = tmp_path / "link.key"
    link.symlink_to(house.key)
    FileRootKeys(str(link)).renew()
    assert link.is_symlink()
    assert len(key_file.read(house.key, "")) == 2
    assert house.key.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_replaced_says_what_to_do(house, monkeypatch):
    """And stays as it is."""
    before, files = house.key.read_bytes(), sorted(house.folder.iterdir())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(key_file.os, "link", full)
    with pytest.raises(RootKeyError, match="first line yourself"):
        FileRootKeys(str(house.key)).renew()
    assert house.key.read_bytes() == before
    monkeypatch.undo()
    FileRootKeys(str(house.key)).renew()
    assert sorted(house.folder.iterdir()) == files


def test_a_file_that_only_its_owner_changes_is_rotated_by_hand(house, tmp_path, monkeypatch):
    """A new first line is found and used; what cannot be destroyed from here is recorded."""
    shop = house.open()
    old = shop._roots.version
    knowingly.write_root_key(tmp_path / "new")
    lines = (tmp_path / "new").read_bytes(), house.key.read_bytes()
    house.key.write_bytes(b"".join(lines))

    def denied(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(key_file.os, "link", denied)
    with pytest.raises(RootKeyError, match=f"knowingly keys destroyed {old}"):
        shop.keys.rotate(destroy_old=True)
    assert not shop.keys.status().rotating
    with pytest.raises(InputError, match="still in its source"):
        shop.keys.note_destroyed(old)
    house.key.write_bytes(lines[0])
    shop.keys.note_destroyed(old)
    assert shop.keys.status().horizon is not None


def test_the_newest_root_key_is_never_destroyed(house):
    """Whatever is asked."""
    keys = FileRootKeys(str(house.key))
    with pytest.raises(RootKeyError, match="in use"):
        keys.destroy(keys.version)
    keys.destroy("0" * 16)
    assert keys.versions == [keys.version]


def test_a_rotation_stops_where_another_has_replaced_its_version(busy):
    """It writes nothing under a version that may be destroyed."""
    key = busy._tenancy.keyring.tenant_key
    busy._roots.renew()
    stale = rewrap.begin(key, at_us=0)
    busy.keys.rotate()
    busy.keys.rotate()
    with pytest.raises(StoreError, match="another process"):
        rewrap.rewrap(key, stale, lambda _: None)


def test_a_process_that_is_open_survives_the_loss_of_the_root_key(house, busy):
    """It has the tenants' keys open: a new root key is all that a rotation needs."""
    house.key.unlink()
    with pytest.raises(RootKeyError, match="cannot be replaced"):
        busy.keys.rotate()
    knowingly.write_root_key(house.key)
    busy.keys.rotate()
    house.close()
    assert house.open().profiles.view("p1", "personalize").events


def test_a_tenant_that_is_not_open_keeps_a_rotation_from_beginning(house, busy):
    """Without the root key it cannot be wrapped anew; nothing is changed for the others."""
    other = house.open()
    house.key.unlink()
    knowingly.write_root_key(house.key)
    assert other._roots.version, "the file was read again, and the old key dropped"
    with pytest.raises(RootKeyError, match="which wrapped this shop's keys"):
        other.keys.rotate()
    assert other.keys.status().tenant_version == 1
    assert not other.keys.status().root_keys[0].retired


def test_the_old_key_file_is_overwritten_not_only_unlinked(house, tmp_path):
    """Another name of the same file, as a snapshot of its blocks would be, shows no key."""
    shop = house.open()
    shadow = tmp_path / "shadow"
    shadow.hardlink_to(house.key)
    key = shadow.read_bytes()
    assert shop.keys.rotate(destroy_old=True).destroyed
    assert shadow.read_bytes() == bytes(len(key))


@pytest.mark.parametrize("beside", ["new", "old"])
def test_what_a_crash_left_beside_the_key_file_is_overwritten(house, tmp_path, beside):
    """Before the next change."""
    left = house.folder / f"knowingly.key.{beside}"
    left.write_bytes(b"secret" * 10)
    shadow = tmp_path / "shadow"
    shadow.hardlink_to(left)
    FileRootKeys(str(house.key)).renew()
    assert shadow.read_bytes() == bytes(60)
    assert not left.exists()
