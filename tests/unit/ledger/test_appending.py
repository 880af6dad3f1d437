"""An entry and the change it records commit together; a leaf leads to nobody."""

import json

import pytest
from sqlalchemy import select

from knowingly.ledger import log, merkle
from knowingly.store import ledger as rows
from knowingly.store.schema import ledger_details, ledger_entries


def append(shop, **more):
    tenancy = shop._tenancy
    with tenancy.write() as tx:
        return log.append(tx, "test.noted", at_us=1, seal=tenancy.keyring.operator.seal, **more)


def test_a_rolled_back_choice_leaves_neither_state_nor_entry(shop, agree, monkeypatch):
    """What fails after the append takes the entry with it, and the head, and the record."""
    agree(shop, "ada")
    before = shop.audit.verify()

    def fail(*_, **__):
        raise RuntimeError("power cut")

    fail.prepare = shop.consent._recorder._effects.prepare
    monkeypatch.setattr(shop.consent._recorder, "_effects", fail)
    with pytest.raises(RuntimeError):
        shop.consent.withdraw("ada")
    assert shop.audit.verify() == before
    assert shop.consent.status("ada")["train"].allowed


def test_an_entry_is_rolled_back_with_its_transaction(shop):
    """Nothing of it is left: leaf, nodes, details, head."""
    before = shop.audit.verify()
    tenancy = shop._tenancy

    def half():
        with tenancy.write() as tx:
            log.append(tx, "test.noted", at_us=1, seal=tenancy.keyring.operator.seal)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        half()
    assert shop.audit.verify() == before
    append(shop)
    assert shop.audit.verify().size == before.size + 1


def test_a_choice_and_its_entry_are_there_together(shop, agree):
    """The receipt names an entry whose hash can be made again from the stored bytes."""
    receipt = agree(shop, "ada")
    entry = shop.audit.entries(since=receipt.index)[0]
    assert (entry.kind, entry.handle) == ("consent.grant", receipt.handle)
    with shop._tenancy.read() as snapshot:
        leaf = snapshot.connection.execute(
            select(ledger_entries.c.leaf).where(ledger_entries.c.idx == receipt.index)
        ).scalar_one()
    assert merkle.leaf_hash(leaf).hex() == entry.leaf_hash == receipt.leaf_hash


def test_every_leaf_has_a_handle_and_commitment_of_its_own(shop, agree):
    """Two leaves of one person about the same thing have nothing in common to match."""
    for _ in range(5):
        agree(shop, "ada")
    with shop._tenancy.read() as snapshot:
        leaves = [json.loads(leaf) for _, leaf in rows.leaves(snapshot, 0, 100)]
    for name in ("handle", "commit"):
        assert len({leaf[name] for leaf in leaves}) == len(leaves)
    assert all(len(leaf["handle"]) == 32 for leaf in leaves)


def test_the_commitment_opens_with_the_details(shop, agree):
    """Secret and details, unsealed, give what the leaf commits to; other details do not."""
    index = agree(shop, "ada").index
    keyring = shop._tenancy.keyring
    with shop._tenancy.read() as snapshot:
        [(at, leaf, sealed)] = rows.details_of(snapshot, 1)
        key_id = snapshot.connection.exec_driver_sql("select key_id from subjects").scalar()
    assert at == index
    plain = keyring.cipher(key_id).open(log.DETAILS, log.row_name(index), sealed)
    secret, private = plain[: log.SECRET_BYTES], plain[log.SECRET_BYTES :]
    said = json.loads(leaf)["commit"]
    assert log.commitment(secret, private) == said
    assert log.commitment(secret, private + b" ") != said
    assert json.loads(private) == {"by": "subject"}


def test_facts_cannot_stand_in_for_the_frame(shop):
    """A fact named like a field of the frame loses to it."""
    entry = append(shop, facts={"kind": "consent.grant", "at": 5, "handle": "x", "more": 1})
    assert (entry.kind, entry.facts) == ("test.noted", {"more": 1})
    assert entry.handle != "x"


def test_details_stay_sealed_and_out_of_the_leaf(shop):
    """What can be erased is in the details only."""
    entry = append(shop, details={"why": "plain-words"})
    with shop._tenancy.read() as snapshot:
        leaf = rows.leaves(snapshot, entry.index, 1)[0][1]
        body = snapshot.connection.execute(
            select(ledger_details.c.body).where(ledger_details.c.idx == entry.index)
        ).scalar_one()
    assert b"plain-words" not in leaf + body
    plain = shop._tenancy.keyring.operator.open(log.DETAILS, log.row_name(entry.index), body)
    assert b"plain-words" in plain


def test_entries_are_read_in_pages(shop, agree):
    """From an index on, at most so many, in order."""
    for _ in range(6):
        agree(shop, "ada")
    assert [entry.index for entry in shop.audit.entries(since=2, limit=3)] == [2, 3, 4]
    assert shop.audit.entries(since=99) == []
