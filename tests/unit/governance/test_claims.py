"""Evidence for claims: what outlives an erasure, for as long as the policy says, and no longer."""

import json
import re
import shutil
import sqlite3
from contextlib import closing

import pytest

import knowingly
from knowingly.errors import HoldError, SealError, TamperedError, UnknownSubjectError
from knowingly.governance.claims import TABLE, Claims
from knowingly.governance.holds import MAX_REASON_CHARS

NOTICE = "2026-01/en"
DAYS = 30


@pytest.fixture
def keeping(house, agree):
    """A shop that keeps evidence for 30 days, and two people, one of whom was erased."""
    house.with_policy(evidence={"keep_days_after_erasure": DAYS})
    shop = house.open()
    agree(shop, "ada", purposes=["train", "measure"])
    agree(shop, "bob")
    house.clock.forward(minutes=1)
    shop.consent.withdraw("ada", ["train"])
    shop.profiles.link("ada", "email", "ada@example.org")
    house.clock.forward(minutes=1)
    shop.certificate = shop.rights.erase("ada")
    return shop


def test_the_evidence_says_what_was_chosen_when_and_how(keeping, clock):
    """Each choice with its entry, whose leaf has purposes, time, notice digest and policy."""
    [kept] = keeping.rights.claims_evidence("ada")
    assert kept.erasure == keeping.certificate.statement["erasure"]
    assert (kept.until - clock.now).days == DAYS
    grant, withdrawal = kept.choices
    assert (grant.entry.kind, withdrawal.entry.kind) == ("consent.grant", "consent.withdraw")
    assert grant.entry.facts["purposes"] == ["train", "measure"]
    assert grant.entry.facts["notice_digest"] == keeping.policy.notice(NOTICE).digest
    assert grant.how == {"by": "subject"}
    # As a word: a random number in hexadecimal digits can have these three in it.
    assert not re.search(r"\bada\b", f"{kept!r} {grant!r} {kept} {grant}")


def test_no_more_is_kept_than_the_choices(keeping, house):
    """Not the identity, not who else acted, not the id."""
    view = keeping.acting_as("zqxmia")
    view.consent.refuse("carl", ["share"])
    view.rights.erase("carl")
    [kept] = keeping.rights.claims_evidence("carl")
    assert [one.how for one in kept.choices] == [{"by": "subject"}]
    with keeping._tenancy.read() as snapshot:
        for row in Claims(keeping._tenancy).rows(snapshot, "ada"):
            cipher = keeping._tenancy.keyring.cipher(row.key_id)
            plain = json.loads(cipher.open(TABLE, row.erasure.encode(), row.body))
    assert [set(one) for one in plain] == [{"entry", "leaf", "how"}] * 2


def test_the_certificate_lists_it_with_basis_and_date(keeping, clock):
    """And a shop that keeps none says none."""
    told = keeping.certificate.statement["kept"]
    assert "evidence of the person's choices" in told[0]["what"]
    assert "17(3)(e)" in told[0]["why"]
    until = clock.forward(days=DAYS)
    assert told[0]["until"] == until.date().isoformat()
    assert told[0]["until"] in keeping.certificate.summary()


def test_a_policy_of_no_days_keeps_nothing(house, agree):
    """0 is honoured: no row, no key, no word on the certificate."""
    house.with_policy(evidence={"keep_days_after_erasure": 0})
    shop = house.open()
    agree(shop, "ada")
    certificate = shop.rights.erase("ada")
    assert house.count("claims") == 0
    assert house.count("subject_keys", "keys") == 0
    assert not [one for one in certificate.statement["kept"] if "evidence of the" in one["what"]]
    with pytest.raises(UnknownSubjectError):
        shop.rights.claims_evidence("ada")


def test_reading_it_is_a_staff_read_that_says_who(keeping):
    """The entry's leaf names nobody."""
    size = keeping.audit.verify().size
    keeping.acting_as("dpo@shop.example").rights.claims_evidence("ada")
    [entry] = keeping.audit.entries(since=size)
    assert (entry.kind, dict(entry.facts)) == ("read.claims", {})
    with pytest.raises(UnknownSubjectError):
        keeping.rights.claims_evidence("bob")
    assert keeping.audit.verify().size == size + 1


def test_its_key_is_random_and_wrapped_like_a_persons(keeping, house):
    """A rotation wraps it anew; no key of the person's or the tenant's opens it."""
    keeping.keys.rotate(destroy_old=True)
    assert keeping.rights.claims_evidence("ada")
    [[key_id, body, erasure]] = house.rows("SELECT key_id, body, erasure FROM claims")
    assert [key_id] not in house.rows("SELECT key_id FROM subjects")
    keyring = keeping._tenancy.keyring
    for cipher in (keyring.operator, keyring.token):
        with pytest.raises(SealError):
            cipher.open(TABLE, erasure.encode(), body)


def test_it_is_destroyed_when_its_days_are_over(keeping, house, clock):
    """Key and row; the log says so and still verifies, and no copy opens it."""
    [[key_id]] = house.rows("SELECT key_id FROM claims")
    [[wrapped]] = house.rows(
        "SELECT wrapped FROM subject_keys WHERE key_id=?", key_id, store="keys"
    )
    clock.forward(days=DAYS, seconds=-1)
    assert keeping.retain(apply=True).claims == 0
    clock.forward(seconds=2)
    assert keeping.retain().claims == 1
    assert house.count("claims") == 1
    size = keeping.audit.verify().size
    # Not by maintain, whose sweep of unused keys would find this one too.
    assert keeping.retain(apply=True).claims == 1
    assert house.count("claims") == 0
    entry = keeping.audit.entries(since=size)[-1]
    assert entry.kind == "claims.destroyed"
    assert entry.facts == {"erasure": keeping.certificate.statement["erasure"]}
    keeping.audit.verify()
    for name, held in house.place.files().items():
        assert wrapped not in held, name
    with pytest.raises(UnknownSubjectError):
        keeping.rights.claims_evidence("ada")
    with pytest.raises(SealError):
        keeping._tenancy.keyring.cipher(key_id)


def test_its_key_is_not_swept_before(keeping, clock):
    """The sweep of unused keys knows it is used."""
    clock.forward(hours=2)
    assert keeping.maintain(skip=["train", "release"]).keys_swept == 0
    assert keeping.rights.claims_evidence("ada")


def test_a_reader_in_the_way_delays_the_end_and_nothing_else(keeping, house, clock):
    """Until the key's bytes are gone the row says that it is not done; nobody reads it."""
    clock.forward(days=DAYS, seconds=1)
    with closing(sqlite3.connect(house.keys, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subject_keys").fetchone()
        assert keeping.retain(apply=True).claims == 0
        assert house.rows("SELECT state FROM claims") == [("ending",)]
        with pytest.raises(UnknownSubjectError):
            keeping.rights.claims_evidence("ada")
    assert keeping.maintain(skip=["train", "release"]).erasures_finished == 0
    assert house.count("claims") == 0


def test_a_hold_prolongs_it(keeping, house, clock):
    """On somebody erased, and on their new self: both are held, and released together."""
    keeping.rights.hold("ada", reason="zqx in court")
    with pytest.raises(HoldError):
        keeping.rights.hold("ada", reason="again")
    clock.forward(days=2 * DAYS)
    assert keeping.retain(apply=True).claims == 0
    [kept] = keeping.rights.claims_evidence("ada")
    assert kept.hold["reason"] == "zqx in court"
    assert not [one for one, held in house.place.files().items() if b"zqx in court" in held]
    keeping.rights.release_hold("ada")
    with pytest.raises(HoldError):
        keeping.rights.release_hold("ada")
    assert keeping.retain(apply=True).claims == 1
    with pytest.raises(UnknownSubjectError):
        keeping.rights.hold("ada", reason="x" * MAX_REASON_CHARS)


def test_a_new_self_is_held_with_the_old_evidence(keeping, clock, agree):
    """One call for the person and what is kept of them."""
    clock.forward(minutes=1)
    agree(keeping, "ada")
    keeping.rights.hold("ada", reason="a claim")
    assert keeping.rights.claims_evidence("ada")[0].hold["reason"] == "a claim"
    assert keeping.rights.export("ada")["holds"][0]["reason"] == "a claim"
    keeping.rights.release_hold("ada")
    assert keeping.rights.claims_evidence("ada")[0].hold is None


def test_somebody_who_comes_back_is_told_and_erased_again(keeping, clock, agree):
    """The export of the new self has the old evidence; a second erasure leaves a second piece."""
    clock.forward(minutes=1)
    agree(keeping, "ada")
    [told] = keeping.rights.export("ada")["claims"]
    assert [one["kind"] for one in told["choices"]] == ["consent.grant", "consent.withdraw"]
    clock.forward(minutes=1)
    keeping.rights.erase("ada")
    first, second = keeping.rights.claims_evidence("ada")
    assert (len(first.choices), len(second.choices)) == (2, 1)


def test_nothing_leads_back_without_its_key(keeping, house):
    """With the key gone no leaf, hash or row says whose the choices were; the tree verifies."""
    [[key_id, lookup]] = house.rows("SELECT key_id, lookup FROM claims")
    tombstone = house.rows("SELECT lookup FROM tombstones")
    assert (lookup,) not in tombstone
    leaves = [leaf for (leaf,) in house.rows("SELECT leaf FROM ledger_entries")]
    for leaf in leaves:
        for value in (lookup, key_id, tombstone[0][0]):
            assert value.hex().encode() not in leaf
            assert value not in leaf
    keeping.audit.verify()


def test_a_changed_entry_is_noticed_in_the_evidence(keeping, house):
    """The evidence keeps the hash of each leaf."""
    index = keeping.rights.claims_evidence("ada")[0].choices[0].entry.index
    [[leaf]] = house.rows("SELECT leaf FROM ledger_entries WHERE idx=?", index)
    forged = leaf.replace(b'"train"', b'"share"')
    assert forged != leaf
    house.run("UPDATE ledger_entries SET leaf=? WHERE idx=?", forged, index)
    with pytest.raises(TamperedError) as caught:
        keeping.rights.claims_evidence("ada")
    assert caught.value.index == index


def test_a_lost_key_keeps_what_needs_none(keeping, house, agree):
    """The choices are there; how they were made is not."""
    agree(keeping, "dora")
    with keeping._tenancy.read() as snapshot:
        [key] = [
            row[0]
            for row in snapshot.connection.exec_driver_sql(
                "SELECT key_id FROM subjects ORDER BY subject DESC LIMIT 1"
            )
        ]
    house.run("DELETE FROM subject_keys WHERE key_id=?", key, store="keys")
    keeping._tenancy.keyring.forget()
    keeping.rights.erase("dora")
    [kept] = keeping.rights.claims_evidence("dora")
    assert [(one.entry.kind, dict(one.how)) for one in kept.choices] == [("consent.grant", {})]


def test_a_merged_session_leaves_none(keeping, agree, house):
    """Its choices are the account's history from then on."""
    agree(keeping, "session")
    keeping.profiles.merge("session", into="bob")
    assert house.count("claims") == 1
    keeping.rights.erase("bob")
    [kept] = keeping.rights.claims_evidence("bob")
    assert len(kept.choices) == 2


def test_an_old_copy_of_the_data_opens_nothing_once_it_has_ended(keeping, house, clock, tmp_path):
    """Put back with today's key store, the row's key is not there."""
    house.close()
    shutil.copy(house.data, tmp_path / "old.db")
    shop = house.open()
    clock.forward(days=DAYS, seconds=1)
    shop.retain(apply=True)
    house.close()
    shutil.copy(tmp_path / "old.db", house.data)
    for log in house.data.parent.glob("shop.db-*"):
        log.unlink()
    with pytest.raises(knowingly.SealError):
        house.open().rights.claims_evidence("ada")
