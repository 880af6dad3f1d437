"""Whoever can write to the database cannot make a checkpoint that the shop's key vouches for."""

import json

import pytest
from typer.testing import CliRunner

import knowingly
from houses import House
from knowingly.backup.creating import create
from knowingly.backup.restoring import restore_data
from knowingly.cli.app import app
from knowingly.errors import InputError, TamperedError
from knowingly.ledger import checkpoints, keys, log
from knowingly.ledger.notes import NoteKey
from knowingly.ledger.signing import sign
from knowingly.means import find_means
from knowingly.store import key_acts

NOTICE = "2026-01/en"
FIRST, SECOND = b"a seed that the shop never had..", b"another one that it never had..."


def grow(shop: knowingly.Shop, *people: str) -> None:
    for person in people:
        shop.consent.grant(person, ["personalize"], notice=NOTICE)


@pytest.fixture
def shop(house: House) -> knowingly.Shop:
    """A shop with two checkpoints."""
    shop = house.open()
    grow(shop, "ada")
    shop.audit.checkpoint()
    grow(shop, "bob")
    shop.audit.checkpoint()
    return shop


class Holder:
    """Somebody who writes to the database with a key of their own."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed

    def note_key(self, snapshot) -> NoteKey:
        return NoteKey(checkpoints.origin(snapshot), self.seed)


def forge(shop: knowingly.Shop, seed: bytes) -> None:
    """Keep a checkpoint of the log as it is, with a right root, signed by a key of their own."""
    with shop._tenancy.write() as tx:
        checkpoints.make(tx, Holder(seed), at_us=0)


def announce(shop: knowingly.Shop, old: bytes, new: bytes, *, version: int = 2) -> None:
    """Let a key of theirs name another, as a rotation does."""
    with shop._tenancy.write() as tx:
        by, key = Holder(old).note_key(tx), Holder(new).note_key(tx)
        seal = shop._tenancy.keyring.operator.seal
        keys.announce(tx, by, key, version=version, at_us=0, seal=seal)


def own_seed(shop: knowingly.Shop) -> bytes:
    with shop._tenancy.read() as snapshot:
        return shop._tenancy.note_key(snapshot).seed


def test_a_checkpoint_of_another_key_is_found(shop, house):
    """Its root is right, and only its signature is not; also for an auditor who has the key."""
    key = shop.audit.key()
    assert shop.audit.verify()
    grow(shop, "cleo")
    forge(shop, FIRST)
    with pytest.raises(TamperedError, match="not signed by the key that was in force"):
        shop.audit.verify()
    with knowingly.open_auditor(house.url) as auditor:
        assert auditor.verify(), "who signed is not known without a key"
        with pytest.raises(TamperedError, match="not signed"):
            auditor.verify(key=key)


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace("— ", "— x", 1),
        lambda note: note[:-6] + "AAAA=\n",
        lambda note: note.rpartition("\n\n")[0] + "\n",
        lambda _: "",
        lambda _: "zqx",
    ],
    ids=["name", "signature", "none", "empty", "no-checkpoint"],
)
def test_every_changed_note_is_found(shop, house, change):
    """Whatever of it was changed."""
    [(size, note)] = house.rows("SELECT size, note FROM checkpoints ORDER BY size")[:1]
    house.run("UPDATE checkpoints SET note = ? WHERE size = ?", change(note), size)
    with pytest.raises(TamperedError):
        shop.audit.verify()


def test_keys_follow_one_another(shop, house):
    """By any of them the log verifies, at once after a rotation and later."""
    held = [shop.audit.key()]
    for number in range(3):
        held.append(shop.keys.rotate_signing().key)
        assert shop.audit.verify()
        grow(shop, f"p{number}")
        shop.audit.checkpoint()
        assert shop.audit.verify(strict=True)
    with knowingly.open_auditor(house.url) as auditor:
        for key in held:
            assert auditor.verify(key=key) == shop.audit.verify(key=key)


def test_a_replaced_key_signs_nothing_more(shop):
    """Whoever kept a copy of its seed is found."""
    old = own_seed(shop)
    shop.keys.rotate_signing()
    grow(shop, "cleo")
    forge(shop, old)
    with pytest.raises(TamperedError, match="not signed by the key that was in force"):
        shop.audit.verify()


def test_keys_that_a_forger_names_lead_nowhere(shop, house):
    """Entries, tree and checkpoints agree with one another, and with no key that is known."""
    key = shop.audit.key()
    house.run("DELETE FROM checkpoints")
    announce(shop, FIRST, SECOND)
    forge(shop, SECOND)
    with knowingly.open_auditor(house.url) as auditor:
        assert auditor.verify()
        with pytest.raises(TamperedError, match="yours does not vouch for"):
            auditor.verify(key=key)


def test_a_forger_cannot_put_a_key_before_the_known_one(shop, house):
    """One that names the shop's own is no word of the shop's own."""
    key = shop.audit.key()
    house.run("DELETE FROM checkpoints")
    forge(shop, FIRST)
    announce(shop, FIRST, own_seed(shop))
    with pytest.raises(TamperedError, match="yours does not vouch for"):
        shop.audit.verify()
    with knowingly.open_auditor(house.url) as auditor, pytest.raises(TamperedError):
        auditor.verify(key=key)


def test_a_rotation_that_the_known_key_did_not_sign_is_found(shop, house):
    """An entry in which the shop's key is said to name another, under another's signature."""
    key = shop.audit.key()
    house.run("DELETE FROM checkpoints")
    with shop._tenancy.write() as tx:
        size, new = tx.head.ledger_size, Holder(FIRST).note_key(tx)
        named = {"origin": new.name, "by": key, "key": new.verifier_key}
        statement = {"act": "signing.rotated", "entry": size, "at_us": 0, **named}
        facts = {**named, "signature": sign(FIRST, statement)}
        seal = shop._tenancy.keyring.operator.seal
        log.append(tx, "signing.rotated", at_us=0, seal=seal, facts=facts)
        document = {"statement": statement, "public_key": "", "signature": facts["signature"]}
        key_acts.add(tx, "signing.rotated", "2", json.dumps(document))
    forge(shop, FIRST)
    with (
        knowingly.open_auditor(house.url) as auditor,
        pytest.raises(TamperedError, match="the old one did not sign it") as error,
    ):
        auditor.verify(key=key)
    assert error.value.index == size


def test_a_rotation_whose_checkpoints_were_deleted_is_found(shop, house):
    """Nothing of the new key is left that vouches for the old one."""
    shop.keys.rotate_signing()
    sizes = [size for (size,) in house.rows("SELECT size FROM checkpoints ORDER BY size")]
    assert len(sizes) == 3
    house.run("DELETE FROM checkpoints WHERE size = ?", sizes[-1])
    with pytest.raises(TamperedError, match="yours does not vouch for"):
        shop.audit.verify()


@pytest.mark.parametrize(
    "document",
    [
        "{}",
        "[]",
        "zqx",
        json.dumps({"statement": {"entry": 1}}),
        json.dumps({"statement": {"entry": 2**70}}),
        json.dumps({"statement": {"entry": -1}}),
        json.dumps({"statement": {"entry": None}}),
    ],
)
def test_what_names_keys_beside_the_log_counts_for_nothing(shop, document):
    """The entry does."""
    with shop._tenancy.write() as tx:
        key_acts.add(tx, "signing.rotated", "1", document)
    with pytest.raises(TamperedError):
        shop.audit.verify()


def test_a_key_of_another_log_is_refused(shop):
    """It is no evidence against this one."""
    for bad in ("zqx", shop.tenant("acme").audit.key(), 5):
        with pytest.raises(InputError) as error:
            shop.audit.verify(key=bad)
        assert error.value.field == "key"


def test_a_backup_from_before_a_rotation_verifies(house, tmp_path, empty_place, clock):
    """The key that signed is gone and unnamed: the present one signs what was restored, too."""
    shop = house.open()
    grow(shop, "ada")
    shop.audit.checkpoint()
    means = find_means(house.policy, house.key, clock)
    create(house.url, None, data_to=tmp_path / "monday", means=means, clock=clock)
    shop.keys.rotate_signing()
    house.close()
    there = House(house.folder, clock, empty_place)
    given = {"key_store": house.place.keys_url, "copy_keys_to": empty_place.keys_url}
    restore_data(tmp_path / "monday", means, to=there.url, **given)
    restored = there.open()
    assert restored.audit.verify()
    restored.audit.checkpoint()
    restored.keys.rotate_signing()
    grow(restored, "bob")
    restored.audit.checkpoint()
    assert restored.audit.verify()
    there.close()


def test_the_command_line_takes_a_key(shop, house, monkeypatch, tmp_path):
    """Itself or its file."""
    monkeypatch.setenv("NO_COLOR", "1")
    written = tmp_path / "log.pub"
    written.write_text(shop.audit.key() + "\n")
    where = ["audit", "verify", "--auditor", "--shop", house.url, "--json"]
    for given in (shop.audit.key(), str(written)):
        assert CliRunner().invoke(app, [*where, "--key", given]).exit_code == 0
    grow(shop, "cleo")
    forge(shop, FIRST)
    assert CliRunner().invoke(app, where).exit_code == 0
    assert CliRunner().invoke(app, [*where, "--key", str(written)]).exit_code == 4
