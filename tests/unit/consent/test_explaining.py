"""Why a purpose was allowed or denied, at any moment, and what it rests on."""

import sqlite3

import pytest

import knowingly
from knowingly import ConsentStatus
from knowingly.errors import InputError, TamperedError, UnknownSubjectError
from knowingly.policy import REASONS

NOTICE = "2026-01/en"
DPO = "dpo@shop.example"


@pytest.fixture
def told(shop, clock):
    """Somebody who agreed, withdrew and agreed again, an hour apart, and was not asked by hand."""
    moments = []
    how = {"surface": "banner", "method": "accept-all", "jurisdiction": "DE"}
    for say in (
        lambda: shop.consent.grant("ada", ["train"], notice=NOTICE, **how),
        lambda: shop.acting_as(DPO).consent.withdraw("ada", ["train"], by="operator"),
        lambda: shop.consent.grant("ada", ["train"], notice=NOTICE),
    ):
        say()
        moments.append(clock.now)
        clock.forward(hours=1)
    return moments


def test_each_moment_has_the_answer_it_had(shop, clock, told):
    """With its reason, its sentence, the state of the consent and the policy in force."""
    asked = [told[0], told[1], told[2], None]
    found = [shop.consent.explain("ada", "train", at=at) for at in asked]
    assert [one.decision.reason for one in found] == ["granted", "withdrawn", "granted", "granted"]
    assert [one.status for one in found] == [
        ConsentStatus.CONSENT_GIVEN,
        ConsentStatus.CONSENT_WITHDRAWN,
        ConsentStatus.RENEWED_CONSENT_GIVEN,
        ConsentStatus.RENEWED_CONSENT_GIVEN,
    ]
    assert [one.at for one in found] == [*told, clock.now]
    assert all(one.why == REASONS[one.decision.reason] for one in found)
    assert {one.policy_digest for one in found} == {shop.policy.digest}


def test_the_entries_it_rests_on_say_who_where_and_how(shop, told):
    """Opened; of a choice made by staff, the name of who made it."""
    [yes] = shop.consent.explain("ada", "train", at=told[0]).entries
    assert (yes.kind, yes.at, yes.facts["notice"]) == ("consent.grant", told[0], NOTICE)
    said = {name: yes.detail(name) for name in ("by", "surface", "method", "jurisdiction")}
    assert said == {
        "by": "subject",
        "surface": "banner",
        "method": "accept-all",
        "jurisdiction": "DE",
    }
    assert yes.who is None
    [no] = shop.consent.explain("ada", "train", at=told[1]).entries
    assert (no.kind, no.detail("by"), no.who) == ("consent.withdraw", "operator", DPO)
    assert DPO not in repr(no)


def test_before_anything_was_known_nothing_was_allowed(shop, clock, told):
    """And it rests on nothing."""
    before = shop.consent.explain("ada", "train", at=clock.ago(days=30))
    assert (before.decision.allowed, before.decision.reason) == (False, "no_record")
    assert (before.status, before.entries) == (ConsentStatus.CONSENT_UNKNOWN, ())
    assert shop.consent.explain("nobody", "train").decision.reason == "no_record"
    assert shop.consent.explain("ada", "fly").decision.reason == "unknown_purpose"


@pytest.mark.parametrize("back", [False, True])
def test_after_an_erasure_it_says_so_for_every_moment(shop, clock, told, back):
    """What was known is gone, also where the person came back; of the new life it tells."""
    shop.rights.erase("ada")
    erased = clock.now
    clock.forward(hours=1)
    if back:
        shop.consent.grant("ada", ["train"], notice=NOTICE)
    clock.forward(hours=1)
    for at in (told[0], erased, clock.ago(minutes=90)):
        one = shop.consent.explain("ada", "train", at=at)
        assert (one.decision.allowed, one.decision.reason, one.entries) == (False, "erased", ())
    assert shop.consent.explain("ada", "train").decision.reason == ("granted" if back else "erased")


def test_a_purpose_that_needs_no_consent_is_allowed_of_a_stranger_after_an_erasure(house, agree):
    """As the shop does it: the erased are strangers again."""
    shop = house.with_purpose("measure", basis="legitimate_interest").open()
    agree(shop, "ada")
    house.clock.forward(hours=1)
    shop.rights.erase("ada")
    house.clock.forward(hours=1)
    now = shop.consent.explain("ada", "measure")
    assert now.decision == shop.consent.status("ada")["measure"]
    assert now.decision.allowed
    past = shop.consent.explain("ada", "measure", at=house.clock.ago(hours=2))
    assert past.decision.reason == "erased"


def test_the_policy_of_that_time_decides(house, clock, told):
    """A purpose that asks for more by now was allowed then, and the answer names both policies."""
    then = house.policy.digest
    house.close()
    shop = house.with_purpose("train", valid_days=1).open()
    clock.forward(days=2)
    now, past = (
        shop.consent.explain("ada", "train"),
        shop.consent.explain("ada", "train", at=told[2]),
    )
    assert (now.decision.reason, now.policy_digest) == ("expired", shop.policy.digest)
    assert (past.decision.reason, past.policy_digest) == ("granted", then)
    late = shop.consent.explain("ada", "train", at=clock.ago(hours=1))
    assert (late.decision.reason, late.policy_digest) == ("expired", shop.policy.digest)
    opened = shop.audit.policies()[0].at
    first = shop.consent.explain("ada", "train", at=opened.replace(year=2001))
    assert (first.decision.reason, first.policy_digest) == ("no_record", "")


def test_the_future_is_refused(shop, clock, told):
    """By a message that says neither who nor when."""
    with pytest.raises(InputError, match="not in the future") as caught:
        shop.consent.explain("ada", "train", at=clock.ago(seconds=-1))
    assert "ada" not in str(caught.value)
    with pytest.raises(InputError, match="purpose"):
        shop.consent.explain("ada", at=clock.now)


def test_a_device_has_answers_of_its_own(shop, clock):
    """What was chosen on it is told where it is named."""
    shop.consent.grant("ada", ["train"], notice=NOTICE, device="phone")
    assert shop.consent.explain("ada", "train").decision.reason == "no_record"
    [entry] = shop.consent.explain("ada", "train", device="phone").entries
    assert entry.facts["scope"] == "device"


def test_a_page_is_explained_with_its_entries(shop, clock, agree):
    """By its token; after an erasure the entry still stands, without details."""
    agree(shop, "ada", surface="checkout")
    page = shop.recommend("ada")
    clock.forward(hours=1)
    shop.consent.withdraw("ada")
    said = shop.consent.explain(page.decision)
    assert (said.decision.reason, said.status) == ("granted", ConsentStatus.CONSENT_GIVEN)
    assert said.at < clock.now
    assert [one.detail("surface") for one in said.entries] == ["checkout"]
    shop.rights.erase("ada")
    again = shop.consent.explain(page.decision)
    assert [(one.kind, one.details) for one in again.entries] == [("consent.grant", None)]


def test_looking_is_an_entry_of_the_person(shop, told):
    """Sealed, with what was asked; the history shows it to the next who reads."""
    staff = shop.acting_as(DPO)
    staff.consent.explain("ada", "train")
    assert [one.kind for one in staff.consent.log("ada")] == [
        "consent.grant",
        "consent.withdraw",
        "consent.grant",
        "read.explain",
    ]
    [*_, explained, logged] = shop.consent.log("ada")
    assert (explained.details["purpose"], explained.who) == ("train", DPO)
    assert (logged.kind, logged.who) == ("read.log", DPO)
    assert shop.audit.entries(since=explained.index, limit=1)[0].facts == {}


def test_the_history_of_nobody_is_refused(shop, clock, told):
    """Before and after."""
    with pytest.raises(UnknownSubjectError):
        shop.consent.log("nobody")
    shop.rights.erase("ada")
    with pytest.raises(UnknownSubjectError):
        shop.consent.log("ada")


def test_a_session_counts_as_the_accounts_from_the_merge_on(shop, clock):
    """What it agreed to must be confirmed; before the merge the account had said nothing."""
    shop.consent.grant("session", ["train"], notice=NOTICE)
    shop.consent.refuse("account", ["measure"])
    clock.forward(hours=1)
    assert shop.consent.status("account")["train"].reason == "no_record"
    clock.forward(hours=1)
    merged = shop.profiles.merge("session", into="account")
    assert merged.needs_confirmation == ("train",)
    clock.forward(hours=1)
    now = shop.consent.explain("account", "train")
    assert now.decision == shop.consent.status("account")["train"]
    assert (now.decision.reason, now.status) == (
        "needs_confirmation",
        ConsentStatus.CONSENT_REQUESTED,
    )
    then = shop.consent.explain("account", "train", at=clock.ago(hours=2))
    assert then.decision.reason == "no_record"
    assert shop.recommend("account").basis != "personal"
    shop.consent.grant("account", ["train"], notice=NOTICE)
    confirmed = shop.consent.explain("account", "train")
    assert (confirmed.decision.reason, len(confirmed.entries)) == ("granted", 1)
    kinds = [one.kind for one in shop.consent.log("account")]
    assert kinds[0] == "consent.grant"
    assert "subject.merged" in kinds


def test_a_lost_key_leaves_what_the_leaves_say(shop, house, told):
    """The answer stands; how the choice was made cannot be read any more."""
    house.run("DELETE FROM subject_keys", store="keys")
    house.close()
    again = house.open()
    said = again.consent.explain("ada", "train")
    assert said.decision.reason == "granted"
    assert [one.details for one in said.entries] == [None]


def test_details_that_the_leaf_does_not_commit_to_are_refused(shop, told):
    """Whoever has the keys cannot rewrite how a choice was made either."""
    tenancy = shop._tenancy
    with tenancy.read() as snapshot:
        index, key = snapshot.connection.exec_driver_sql(
            "SELECT min(idx), min(key_id) FROM ledger_details, subjects "
            "WHERE ledger_details.subject = subjects.subject"
        ).one()
    cipher = tenancy.keyring.cipher(key)
    name = index.to_bytes(8, "big")
    forged = cipher.seal("ledger_details", name, bytes(32) + b'{"by":"operator"}')
    with tenancy.write() as tx:
        tx.connection.exec_driver_sql(
            f"UPDATE ledger_details SET body = x'{forged.hex()}' WHERE idx = {index}"  # noqa: S608
        )
    with pytest.raises(TamperedError, match=f"entry {index}"):
        shop.consent.log("ada")


@pytest.mark.only_sqlite("its query plans are read")
def test_neither_reads_the_log_from_end_to_end(shop, house, told):
    """Every statement on the tables of the log finds its rows by an index."""
    asked = []
    page = shop.recommend("ada").decision
    with shop._tenancy.write() as tx:
        tx.connection.connection.driver_connection.set_trace_callback(asked.append)
    shop.consent.explain("ada", "train", at=told[1])
    shop.consent.explain(page)
    shop.consent.log("ada")
    reads = [one for one in asked if one.startswith("SELECT") and "ledger_" in one]
    assert len(reads) >= 3
    with sqlite3.connect(house.data) as connection:
        for statement in [one for one in asked if one.startswith("SELECT")]:
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}"):
                assert "SCAN" not in step, (statement, step)


def test_both_are_of_the_door():
    """Their values can be imported by name."""
    assert {"Explanation", "OpenedEntry"} <= set(knowingly.__all__)
