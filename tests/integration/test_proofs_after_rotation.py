"""A proof that somebody stored is checked by any key of the log, whichever signed it."""

import base64
import json
from itertools import product
from pathlib import Path

import pytest
from typer.testing import CliRunner

import knowingly
from houses import House
from knowingly.cli.app import app
from knowingly.ledger import verifier
from knowingly.ledger.canonical import canonical
from knowingly.ledger.notes import NoteKey
from knowingly.ledger.signing import sign
from knowingly.ledger.verifier import KeyChain, TlogProof, VerificationError, VerifierKey

NOTICE = "2026-01/en"


class Stored:
    """What people kept: a receipt from before each change of keys, and each key."""

    def __init__(self, shop: knowingly.Shop) -> None:
        self.shop = shop
        self.held: list[str] = []
        self.proofs: list[str] = []
        self.receipts: list[str] = []
        for number in range(3):
            receipt = shop.consent.grant(f"p{number}", ["personalize"], notice=NOTICE)
            self.held.append(shop.audit.key())
            self.receipts.append(json.dumps(receipt.document()))
            self.proofs.append(shop.audit.prove(receipt.index))
            if number < 2:
                shop.keys.rotate_signing()
        shop.consent.withdraw("p0")
        self.keys = shop.audit.keys()


@pytest.fixture
def stored(house: House) -> Stored:
    return Stored(house.open())


def verified(folder: Path, proof: str, held: str, keys: str | None) -> int:
    """The verifier's exit code."""
    (folder / "a.proof").write_text(proof)
    asked = [str(folder / "a.proof"), "--key", held]
    if keys is not None:
        (folder / "keys.json").write_text(keys)
        asked += ["--keys", str(folder / "keys.json")]
    return verifier.main(asked)


def test_every_key_checks_every_proof(stored, tmp_path):
    """Held before it or after it; without the chain, the one that signed it and no other."""
    for (made, proof), (number, held) in product(
        enumerate(stored.receipts + stored.proofs), enumerate(stored.held)
    ):
        assert verified(tmp_path, proof, held, stored.keys) == 0
        assert verified(tmp_path, proof, held, None) == (0 if made % 3 == number else 4)


def test_a_chain_from_before_a_rotation_serves_what_it_knows(stored, tmp_path):
    """What was signed by a key that it names; a later key it does not."""
    stored.shop.keys.rotate_signing()
    later = stored.shop.audit.prove(3)
    assert verified(tmp_path, stored.proofs[0], stored.held[2], stored.keys) == 0
    assert verified(tmp_path, later, stored.held[0], stored.keys) == 4
    assert verified(tmp_path, later, stored.held[0], stored.shop.audit.keys()) == 0
    assert verified(tmp_path, stored.proofs[0], stored.shop.audit.key(), stored.keys) == 4


def test_a_log_whose_key_was_never_replaced_has_a_chain_of_one(house, tmp_path):
    """It says no more than the key."""
    shop = house.open()
    shop.consent.grant("ada", ["personalize"], notice=NOTICE)
    keys, proof = shop.audit.keys(), shop.audit.prove(1)
    assert json.loads(keys)["rotations"] == []
    assert verified(tmp_path, proof, shop.audit.key(), keys) == 0
    assert verified(tmp_path, proof, shop.tenant("acme").audit.key(), keys) == 4


def test_a_key_signs_only_for_its_own_days(stored):
    """In the chain too: its size decides, not its being there."""
    chain = KeyChain.parse(stored.keys.encode(), VerifierKey.parse(stored.held[0]))
    assert [one.text for one in chain.keys] == stored.held
    for number, proof in enumerate(stored.proofs):
        size = TlogProof.parse(proof).checkpoint.size
        assert chain.in_force(size).text == stored.held[number]
    rotated = json.loads(stored.keys)["rotations"][0]["index"]
    assert chain.in_force(rotated).text == stored.held[0]
    assert chain.in_force(rotated + 1).text == stored.held[1]


CHANGES = {
    "no checkpoint": lambda said: said.pop("checkpoint"),
    "no rotations": lambda said: said.pop("rotations"),
    "the last left out": lambda said: said["rotations"].pop(),
    "another order": lambda said: said["rotations"].reverse(),
    "one twice": lambda said: said["rotations"].append(said["rotations"][-1]),
    "another format": lambda said: said.update(format="knowingly-key-chain/2"),
    "another index": lambda said: said["rotations"][1].update(index=2),
    "an index that is none": lambda said: said["rotations"][1].update(index=True),
    "no proof": lambda said: said["rotations"][0].update(inclusion=[]),
    "another proof": lambda said: said["rotations"][0].update(
        inclusion=said["rotations"][1]["inclusion"]
    ),
    "another entry": lambda said: said["rotations"][0].update(entry=said["rotations"][1]["entry"]),
    "an entry that is none": lambda said: said["rotations"][0].update(entry="zqx"),
    "an entry that is no text": lambda said: said["rotations"][0].update(entry=5),
    "a rotation that is none": lambda said: said["rotations"].append(5),
    "another root": lambda said: said.update(checkpoint=said["checkpoint"].replace("\n", "\nA", 2)),
    "no signature": lambda said: said.update(checkpoint=said["checkpoint"][:-8] + "AAAAAA=\n"),
    "too many": lambda said: said.update(rotations=said["rotations"] * 500),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_chain_is_refused(stored, change):
    """Whichever key is held."""
    said = json.loads(stored.keys)
    change(said)
    for held in stored.held:
        with pytest.raises(VerificationError):
            KeyChain.parse(json.dumps(said).encode(), VerifierKey.parse(held))


def test_a_chain_without_its_beginning_knows_less(stored, tmp_path):
    """The keys that are left are the log's; what an earlier one signed is refused."""
    said = json.loads(stored.keys)
    while said["rotations"]:
        said["rotations"].pop(0)
        keys = json.dumps(said)
        assert verified(tmp_path, stored.proofs[2], stored.held[2], keys) == 0
        assert verified(tmp_path, stored.proofs[0], stored.held[2], keys) == 4
        assert verified(tmp_path, stored.proofs[0], stored.held[0], keys) == 4


def test_a_key_of_ones_own_is_not_vouched_for_by_naming_the_shops(stored, house):
    """An entry that a forger signed is in no log that the shop's key signed."""
    mine = house.open().tenant("acme")
    mine.keys.rotate_signing()
    said = json.loads(mine.audit.keys())
    said["checkpoint"] = json.loads(stored.keys)["checkpoint"]
    with pytest.raises(VerificationError):
        KeyChain.parse(json.dumps(said).encode(), VerifierKey.parse(stored.held[2]))
    with pytest.raises(VerificationError, match="none of the chain's"):
        KeyChain.parse(mine.audit.keys().encode(), VerifierKey.parse(stored.held[2]))


@pytest.mark.parametrize("signer", ["held", "forger"])
def test_a_key_that_the_held_one_did_not_name_is_refused(signer):
    """A log of one entry that says it was, of which all else fits."""
    held, forger = NoteKey("example.com/log", b"h" * 32), NoteKey("example.com/log", b"f" * 32)
    named = {"origin": held.name, "by": held.verifier_key, "key": forger.verifier_key}
    statement = {"act": "signing.rotated", "entry": 0, "at_us": 0, **named}
    seed = held.seed if signer == "held" else forger.seed
    frame = {"v": 1, "kind": "signing.rotated", "at": 0, "handle": "0" * 32, "commit": "0" * 64}
    entry = canonical({**frame, **named, "signature": sign(seed, statement)})
    root = base64.b64encode(verifier.leaf_hash(entry)).decode()
    rotation = {"index": 0, "entry": entry.decode(), "inclusion": []}
    said = {
        "format": verifier.KEY_CHAIN,
        "checkpoint": forger.signed(f"{held.name}\n1\n{root}\n"),
        "rotations": [rotation],
    }
    document, key = json.dumps(said).encode(), VerifierKey.parse(held.verifier_key)
    if signer == "held":
        assert len(KeyChain.parse(document, key).keys) == 2
    else:
        with pytest.raises(VerificationError, match="the old one did not sign it"):
            KeyChain.parse(document, key)


@pytest.mark.parametrize("text", ["", "zqx", "[]", "{}", "{" * 5_000], ids=range(5))
def test_what_is_no_chain_is_refused(stored, tmp_path, text):
    """And a bundle needs none."""
    assert verified(tmp_path, stored.proofs[0], stored.held[0], text) == 4
    bundle = tmp_path / "log.jsonl"
    stored.shop.audit.bundle(bundle)
    asked = [str(bundle), "--key", stored.held[0]]
    assert verifier.main(asked) == 0
    assert verifier.main([*asked, "--keys", str(tmp_path / "keys.json")]) == 4


def test_a_damaged_log_gives_no_chain(stored, house):
    """Rather than one that nobody can check."""
    [index] = [one["index"] for one in json.loads(stored.keys)["rotations"]][:1]
    house.run("DELETE FROM ledger_nodes WHERE level=0 AND pos=?", index ^ 1)
    with pytest.raises(knowingly.TamperedError):
        stored.shop.audit.keys()


def test_the_command_line_fetches_the_chain(stored, house, monkeypatch):
    """As the document that the verifier takes."""
    monkeypatch.chdir(house.folder)
    asked = ["audit", "keys", "--shop", house.url, "--keys", str(house.key)]
    asked += ["--key-store", house.place.keys_url]
    for given in (asked, [*asked, "--json"]):
        done = CliRunner().invoke(app, given)
        assert done.exit_code == 0, done.output
        assert KeyChain.parse(done.stdout.encode(), VerifierKey.parse(stored.held[1]))
