"""Keys of one tenant: kept bounded, found by keyed hashes, destroyed for good."""

import sqlite3

import pytest

import knowingly
from knowingly.errors import SealError
from knowingly.store.database import Database
from knowingly.vault import subject_keys as module
from knowingly.vault.keyring import Keyring
from knowingly.vault.root import write_root_key


@pytest.fixture
def ring(shop):
    return shop._tenancy.keyring


def test_a_key_is_found_again_by_another_keyring(shop, ring):
    """It is stored wrapped: what one process seals another opens."""
    [key_id] = ring.create(1, at_us=5)
    sealed = ring.cipher(key_id).seal("events", b"1", b"plain")
    ring.forget()
    assert ring.cipher(key_id).open("events", b"1", sealed) == b"plain"
    stored = shop._files.keys.url.database
    with sqlite3.connect(stored) as file:
        [(wrapped, made)] = file.execute("SELECT wrapped, created_us FROM subject_keys").fetchall()
    file.close()
    assert (len(wrapped), made) == (3 + 12 + 32 + 16, 5)


def test_keys_and_ids_are_all_different(ring):
    """Each person's key and its id are random."""
    ids = ring.create(50, at_us=0)
    assert len(set(ids)) == 50
    sealed = ring.cipher(ids[0]).seal("events", b"1", b"plain")
    for other in ids[1:]:
        with pytest.raises(SealError):
            ring.cipher(other).open("events", b"1", sealed)


def test_kept_ciphers_are_bounded(ring, monkeypatch):
    """The oldest leaves first, and is opened again when it is asked for."""
    monkeypatch.setattr(module, "KEPT_CIPHERS", 10)
    ids = ring.create(40, at_us=0)
    assert len(ring._ciphers) == 10
    assert set(ring.ciphers(ids)) == set(ids)
    assert len(ring._ciphers) == 10
    assert ring.cipher(ids[0]).key_id == ids[0]


def test_destroying_a_key_empties_the_cache_and_the_store(ring):
    """A destroyed key is not found; the others still open."""
    gone, kept = ring.create(2, at_us=0)
    ring.destroy(gone)
    assert not ring._ciphers
    for ask in (lambda: ring.cipher(gone), lambda: ring.ciphers([kept, gone])):
        with pytest.raises(SealError, match="not in the key store"):
            ask()
    assert ring.cipher(kept).key_id == kept


def test_a_shred_elsewhere_empties_the_cache(ring):
    """Another process counts shreds in the data; the next look at it is enough."""
    ring.create(3, at_us=0)
    ring.watch(0)
    assert len(ring._ciphers) == 3
    ring.watch(1)
    assert not ring._ciphers


def test_an_erasure_by_another_shop_object_empties_this_ones_cache(house, agree):
    """Two processes, one database."""
    one, two = house.open(), house.open()
    agree(one, "ada")
    agree(one, "bob")
    with one._tenancy.read() as snapshot:
        rows = snapshot.connection.exec_driver_sql("SELECT key_id FROM subjects").all()
        lookup = one._tenancy.keyring.lookup("ada")
        adas = snapshot.connection.exec_driver_sql(
            "SELECT key_id FROM subjects WHERE lookup=?", (lookup,)
        ).scalar_one()
    one._tenancy.keyring.ciphers([row[0] for row in rows])
    assert adas in one._tenancy.keyring._ciphers
    two.rights.erase("ada")
    one.recommend("bob")
    assert adas not in one._tenancy.keyring._ciphers


def test_lookup_is_keyed_and_differs_by_tenant_and_shop(house, tmp_path):
    """Nobody without the tenant's secret can make the hash of a known id."""
    shop = house.open()
    other = type(house)(tmp_path / "other", house.clock)
    hashes = {
        shop._tenancy.keyring.lookup("ada"),
        shop._tenancy.keyring.lookup("adb"),
        shop.tenant("acme")._tenancy.keyring.lookup("ada"),
        other.open()._tenancy.keyring.lookup("ada"),
    }
    other.close()
    assert len(hashes) == 4
    assert shop._tenancy.keyring.lookup("ada") == house.open()._tenancy.keyring.lookup("ada")


def test_event_names_differ_by_person_and_event(ring):
    """The same event id of two people gives two names."""
    names = {ring.event_name(key, event) for key in (b"a" * 16, b"b" * 16) for event in ("1", "2")}
    assert len(names) == 4
    assert {len(name) for name in names} == {16}


def test_the_sweep_leaves_young_and_used_keys(ring):
    """Only old keys that nobody uses go."""
    old, used = ring.create(2, at_us=10)
    [young] = ring.create(1, at_us=100)
    assert ring.sweep(lambda *_: [used], before_us=100) == 1
    with pytest.raises(SealError):
        ring.ciphers([old])
    ring.forget()
    assert set(ring.ciphers([used, young])) == {used, young}


def test_a_sweep_reaches_its_own_tenant_only(shop, ring):
    """Another merchant's keys are not orphans of this one."""
    other = shop.tenant("acme")._tenancy.keyring
    [key_id] = other.create(1, at_us=0)
    assert ring.sweep(lambda *_: [], before_us=10**18) == 0
    other.forget()
    assert other.cipher(key_id)
    with pytest.raises(SealError):
        ring.cipher(key_id)


def test_keys_are_committed_before_the_rows_that_need_them(shop, monkeypatch):
    """A crash in between leaves a key nobody uses, and never a row without its key."""

    def fail(*_, **__):
        raise RuntimeError("power cut")

    monkeypatch.setattr(shop.consent._recorder, "_write", fail)
    with pytest.raises(RuntimeError):
        shop.consent.grant("ada", ["train"], notice="2026-01/en")
    with shop._files.keys.reading() as connection:
        made = connection.exec_driver_sql("SELECT count(*) FROM subject_keys").scalar()
    assert made == 1
    assert not shop.knows("ada")


def test_maintain_sweeps_what_a_crash_left_after_an_hour(house, clock, monkeypatch):
    """Not before: another process may be about to use a fresh key."""
    shop = house.open()
    shop._tenancy.keyring.create(3, at_us=shop._tenancy.now_us())
    skip = ("train", "release", "retention")
    clock.forward(minutes=59)
    assert shop.maintain(skip=skip).keys_swept == 0
    clock.forward(minutes=2)
    assert shop.maintain(skip=skip).keys_swept == 3


def test_another_root_key_is_refused(house, tmp_path):
    """It says which thing does not fit, and the files stay usable with the right one."""
    house.open()
    house.close()
    write_root_key(tmp_path / "wrong.key")
    with pytest.raises(knowingly.RootKeyError, match="which wrapped this shop's keys"):
        house.open(keys=tmp_path / "wrong.key")
    house.open()


def test_another_shops_key_store_is_refused(house, tmp_path):
    """As is data whose key store is gone."""
    other = type(house)(tmp_path / "other", house.clock)
    house.open()
    other.open()
    house.close()
    other.close()
    with pytest.raises(knowingly.StoreError, match="another shop"):
        house.open(key_store=f"sqlite:///{other.keys}")
    house.keys.rename(house.folder / "away")
    with pytest.raises(knowingly.StoreError, match="missing"):
        house.open()
    assert not house.keys.exists()


def test_a_lost_lookup_secret_is_not_made_anew(house, agree):
    """With another one everybody would be unknown, and the erased could come back."""
    shop = house.open()
    agree(shop, "ann")
    house.close()
    house.run("DELETE FROM tenant_secrets WHERE name = 'lookup'", store="keys")
    with pytest.raises(knowingly.StoreError, match="lost a secret"):
        house.open()
    assert house.rows("SELECT name FROM tenant_secrets WHERE name = 'lookup'", store="keys") == []


def test_reprs_show_no_key(shop, ring):
    """Neither of the keyring nor of a cipher."""
    [key_id] = ring.create(1, at_us=0)
    assert (repr(ring), repr(ring.cipher(key_id))) == ("Keyring()", "Cipher()")


def test_the_same_database_gives_the_same_secrets(shop, house):
    """Secrets are made once, whoever opens first."""
    database = Database(f"sqlite:///{house.keys}")
    again = Keyring(database, shop._roots, "default", at_us=0)
    assert again.lookup("ada") == shop._tenancy.keyring.lookup("ada")
    assert again.secrets.signing_seed(1) == shop._tenancy.keyring.secrets.signing_seed(1)
    database.close()
