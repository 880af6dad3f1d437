"""Evidence that leaves the shop: checkpoints, proofs, bundles, and keys that follow one another."""

import base64

import pytest

import knowingly
from knowingly.errors import InputError, TamperedError
from knowingly.governance.certificate import Certificate
from knowingly.ledger import proofs, verifier
from knowingly.ledger.verifier import Checkpoint, TlogProof, VerifierKey, verify_bundle

NOTICE = "2026-01/en"


def grants(shop, count, start=0):
    for number in range(start, start + count):
        shop.consent.grant(f"p{number}", ["personalize"], notice=NOTICE)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def bundled(shop, folder, key, since=None):
    path = folder / f"{len(names(folder))}.jsonl"
    shop.audit.bundle(path)
    assert path.stat().st_mode & 0o777 == 0o600
    kept = None if since is None else Checkpoint.parse(since.text)
    with path.open("rb") as file:
        return verify_bundle(file, VerifierKey.parse(key), kept)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "evidence"
    made.mkdir()
    return made


def test_a_checkpoint_is_of_the_log_as_it_is_and_can_be_given_again(shop, clock):
    """The same while nothing happens; an earlier one as it was, and none that never was."""
    grants(shop, 3)
    first = shop.audit.checkpoint()
    clock.forward(days=1)
    assert shop.audit.checkpoint() == first
    grants(shop, 2, start=3)
    second = shop.audit.checkpoint()
    assert (second.size, second.origin) == (first.size + 2, first.origin)
    assert shop.audit.checkpoint(first.size) == first
    assert second.root == shop.audit.verify(strict=True, since=first.text).root
    Checkpoint.parse(second.text).must_be_signed_by(VerifierKey.parse(shop.audit.key()))
    with pytest.raises(InputError, match="that was made"):
        shop.audit.checkpoint(first.size + 1)


def test_an_origin_names_no_merchant(shop):
    """Another for each tenant, the same for ever, and nothing of the name in it."""
    other = shop.tenant("acme-gmbh")
    origins = {one.audit.checkpoint().origin for one in (shop, other)}
    assert len(origins) == 2
    assert all(one.startswith("knowingly/") and "acme" not in one for one in origins)
    grants(other, 1)
    assert other.audit.checkpoint().origin in origins


def test_every_entry_has_a_proof(shop):
    """With the bytes it is about; checked with the public key alone."""
    grants(shop, 6)
    key, size = VerifierKey.parse(shop.audit.key()), shop.audit.verify().size
    for index, entry in enumerate(shop.audit.entries()):
        proof = TlogProof.parse(shop.audit.prove(index))
        found = verifier.verify_proof(proof, key, proof.extra)
        assert (found.entry, found.size) == (index, size)
        assert verifier.leaf_hash(proof.extra).hex() == entry.leaf_hash
    for bad in (-1, size, True, "1"):
        with pytest.raises(InputError, match="index"):
            shop.audit.prove(bad)


def test_every_earlier_size_is_shown_to_be_the_beginning(shop):
    """Against the root it had then."""
    roots = {}
    for number in range(6):
        grants(shop, 1, start=number)
        made = shop.audit.checkpoint()
        roots[made.size] = bytes.fromhex(made.root)
    for old_size, root in roots.items():
        shown = shop.audit.consistency(old_size)
        now = Checkpoint.parse(shown.checkpoint)
        hashes = [base64.b64decode(one) for one in shown.proof]
        assert verifier.is_consistent(
            root, old_size=old_size, root=now.root, size=now.size, proof=hashes
        )
    for bad in (0, max(roots) + 1, None):
        with pytest.raises(InputError, match="old_size"):
            shop.audit.consistency(bad)


def test_a_proof_is_one_read_of_nodes(shop, monkeypatch):
    """However deep the tree is: a server is asked once."""
    grants(shop, 9)
    reads, nodes = [], proofs.rows.nodes

    def counted(snapshot, places):
        reads.append(len(places))
        return nodes(snapshot, places)

    monkeypatch.setattr(proofs.rows, "nodes", counted)
    shop.audit.prove(1)
    assert len(reads) == 1
    shop.audit.consistency(3)
    assert len(reads) == 2


def test_a_damaged_tree_proves_nothing(shop, house):
    """A changed or missing node is named instead of being handed out."""
    grants(shop, 6)
    house.run("UPDATE ledger_nodes SET hash=? WHERE level=0 AND pos=2", b"x" * 32)
    with pytest.raises(TamperedError, match="entry 3: it does not lead to the root"):
        shop.audit.prove(3)
    house.run("DELETE FROM ledger_nodes WHERE level=0 AND pos=2")
    with pytest.raises(TamperedError, match="missing"):
        shop.audit.prove(3)


def test_a_changed_or_missing_node_is_named(shop, house):
    """The database compares them; both do so in the same way."""
    grants(shop, 6)
    assert shop.audit.verify().size == 7
    house.run("UPDATE ledger_nodes SET hash=? WHERE level=1 AND pos=1", b"x" * 32)
    for change in (None, "DELETE FROM ledger_nodes WHERE level=1 AND pos=1"):
        if change:
            house.run(change)
        with pytest.raises(TamperedError, match="entry 3: an inner node above it was changed"):
            shop.audit.verify()


def test_a_bundle_holds_the_log_and_every_checkpoint(shop, folder):
    """Whoever kept an earlier checkpoint sees that the log still begins with it."""
    grants(shop, 3)
    first = shop.audit.checkpoint()
    shop.rights.erase("p0")
    grants(shop, 2, start=3)
    found = bundled(shop, folder, shop.audit.key(), first)
    assert (found.since, found.checkpoints) == (first.size, 2)
    assert found.root == shop.audit.verify().root
    with pytest.raises(InputError, match="not there yet"):
        shop.audit.bundle(folder / "0.jsonl")


def test_a_bundle_of_a_cut_log_is_not_made(shop, house, folder):
    """Its checkpoint says there was more; no half a file is left."""
    grants(shop, 2)
    made = shop.audit.checkpoint()
    house.run("UPDATE checkpoints SET size=?", made.size + 1)
    with pytest.raises(TamperedError, match="not of this log"):
        shop.audit.bundle(folder / "cut.jsonl")
    assert names(folder) == []
    with pytest.raises(TamperedError):
        shop.audit.verify()


def test_a_new_signing_key_follows_from_the_old_one(house, shop, folder):
    """Old checkpoints stay verifiable, from the key that was given out first; the seed is gone."""
    grants(shop, 2)
    key, first = shop.audit.key(), shop.audit.checkpoint()
    seeds = {shop._tenancy.keyring.secrets.signing_seed(1)}
    for number in range(3):
        done = shop.keys.rotate_signing()
        seeds.add(shop._tenancy.keyring.secrets.signing_seed(number + 2))
        assert done.key == shop.audit.key() != done.replaced
        grants(shop, 1, start=10 + number)
        shop.audit.checkpoint()
    found = bundled(shop, folder, key, first)
    assert (found.keys, found.key) == (4, shop.audit.key())
    assert shop.audit.verify(strict=True, since=first.text)
    assert len(seeds) == 4
    assert signing_seeds(house) == [("signing-4",)]
    assert house.open().audit.key() == shop.audit.key()


def signing_seeds(house):
    return house.rows("SELECT name FROM tenant_secrets WHERE name LIKE 'signing%'", store="keys")


def test_another_process_signs_with_the_new_key(house, shop):
    """It looks again once the log names a key that it has not seen."""
    other = house.open()
    other.audit.checkpoint()
    key = shop.keys.rotate_signing().key
    assert other.audit.key() == key
    Checkpoint.parse(other.audit.checkpoint().text).must_be_signed_by(VerifierKey.parse(key))


def test_an_interrupted_rotation_is_taken_on(house, shop, folder, monkeypatch):
    """Stopped before the log says it, the old key signs; after it, the old seed is swept later."""
    key = shop.audit.key()
    with monkeypatch.context() as patch:
        patch.setattr("knowingly.governance.signing_key.keys.announce", _stop)
        with pytest.raises(KeyboardInterrupt):
            shop.keys.rotate_signing()
    assert shop.audit.key() == house.open().audit.key() == key
    with monkeypatch.context() as patch:
        patch.setattr("knowingly.governance.signing_key.sweep_signing", _stop)
        with pytest.raises(KeyboardInterrupt):
            shop.keys.rotate_signing()
    assert bundled(shop, folder, key).keys == 2
    assert len(signing_seeds(house)) == 2
    house.open().maintain(skip=["train"])
    assert len(signing_seeds(house)) == 1
    assert bundled(shop, folder, key).keys == 2


def _stop(*_, **__):
    raise KeyboardInterrupt


def test_the_keys_of_tenants_and_the_root_rotate_besides(shop, folder):
    """Every version of what signs is wrapped anew with the other secrets."""
    key = shop.audit.key()
    shop.keys.rotate_signing()
    now = shop.audit.key()
    shop.keys.rotate(destroy_old=True)
    assert shop.audit.key() == now
    assert bundled(shop, folder, key).key == now


def test_certificates_stay_genuine_over_a_rotation(shop):
    """What is signed later of the root keys, by a key that the first one names, counts too."""
    grants(shop, 1)
    shop.rights.erase("p0")
    shop.keys.rotate_signing()
    shop.keys.rotate(destroy_old=True)
    [certificate] = shop.rights.certificates()
    again = Certificate.from_json(certificate.to_json())
    assert [one.statement["act"] for one in again.addenda] == ["signing.rotated", "root.destroyed"]
    assert again.is_genuine()
    assert again.horizon is not None
    alone = Certificate(
        again.statement, again.public_key, again.signature, addenda=again.addenda[1:]
    )
    assert not alone.is_genuine(), "nothing leads from its key to the other"


def test_maintain_hands_checkpoints_to_a_folder(house, folder, clock):
    """One file a checkpoint, whole, and nothing where the log did not grow."""
    shop = house.with_policy(audit={"folder": str(folder)}).open()
    done = shop.maintain(skip=["train"])
    assert done.checkpoint == shop.audit.verify().size
    assert not [note for note in done.notes if "checkpoint" in note]
    [name] = names(folder)
    made = shop.audit.checkpoint()
    assert name == f"{made.origin.replace('/', '-')}-{made.size:012d}.txt"
    assert (folder / name).read_text() == made.text
    shop.maintain(skip=["train", "erasures", "release", "retention", "sweep"])
    assert names(folder) == [name]
    grants(shop, 1)
    shop.tenant("acme").maintain(skip=["train"])
    shop.maintain(skip=["train"])
    assert len(names(folder)) == 3


def test_a_folder_that_fails_is_told_and_tried_again(house, folder):
    """Maintenance goes on; the same checkpoint goes out next time; none is ever replaced."""
    place = folder / "later"
    shop = house.with_policy(audit={"folder": str(place)}).open()
    done = shop.maintain(skip=["train"])
    assert "checkpoint not handed on: the folder of the policy (No such file" in done.notes[-1]
    place.mkdir()
    shop.maintain(skip=["train", "erasures", "release", "retention", "sweep"])
    [name] = names(place)
    (place / name).write_text("of another log")
    grants(shop, 1)
    house.run("UPDATE checkpoints SET handed_on=?", False)
    made = shop.audit.checkpoint()
    (place / f"{made.origin.replace('/', '-')}-{made.size:012d}.txt").write_text("x")
    done = shop.maintain(skip=["train"])
    assert "is there and is of another log" in done.notes[-1]
    assert (place / name).read_text() == "of another log"


def test_a_skipped_step_signs_nothing(house, folder):
    """As every step of maintain."""
    shop = house.with_policy(audit={"folder": str(folder)}).open()
    assert shop.maintain(skip=["train", "checkpoint"]).checkpoint == 0
    assert names(folder) == []
    assert house.count("checkpoints") == 0


def test_no_checkpoint_or_bundle_holds_a_person(shop, folder):
    """Not the app's id, nor the merchant's name."""
    tenant = shop.tenant("zqx-merchant")
    tenant.consent.grant("zqx-canary@example.org", ["personalize"], notice=NOTICE)
    tenant.keys.rotate_signing()
    bundled(tenant, folder, tenant.audit.key())
    [name] = names(folder)
    told = (folder / name).read_text() + tenant.audit.checkpoint().text + tenant.audit.prove(1)
    assert "zqx" not in told


def test_a_log_without_its_newer_key_signs_with_the_one_there_is(house, shop):
    """Data restored from before a rotation: the old seed is destroyed, and work goes on."""
    shop.keys.rotate_signing()
    house.run("DELETE FROM key_acts")
    key = shop.audit.key()
    assert key == house.open().audit.key()
    shop.consent.grant("ada", ["personalize"], notice=NOTICE)
    assert shop.rights.erase("ada").is_genuine()
    assert shop.keys.rotate_signing().replaced == key
    assert isinstance(shop.audit.checkpoint(), knowingly.Checkpoint)
