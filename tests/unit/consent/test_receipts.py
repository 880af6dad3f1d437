"""A receipt in full: a document others can read and check, which names nobody."""

import copy
import json
import pickle
import re
from dataclasses import asdict
from datetime import datetime

import jsonschema
import pytest

import knowingly
from knowingly.errors import InputError, LedgerError, UnknownSubjectError
from knowingly.ledger import verifier

NOTICE = "2026-01/en"
CONTROLLER = {
    "name": "Tea Ltd",
    "address": "1 Quay, Dublin",
    "contact": "privacy@tea.example",
    "dpo": "dpo@tea.example",
    "jurisdiction": "IE",
}
MAILER = {"name": "Mailer Ltd", "role": "processor", "country": "FR"}


@pytest.fixture
def shop(house):
    house.policy = house.policy.model_copy(
        update={"controller": CONTROLLER, "recipients": {"mailer": MAILER}}
    )
    house.with_purpose("marketing", recipients=["mailer"])
    return house.open()


@pytest.fixture
def checked():
    """Validate a document against the schema that ships; moments too."""
    schema = knowingly.receipt_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    def check(document):
        assert json.loads(json.dumps(document)) == document
        errors = [
            f"{list(one.absolute_path)}: {one.message}" for one in validator.iter_errors(document)
        ]
        assert errors == []
        datetime.fromisoformat(document["dct:created"])
        return document

    return check


def grant(shop, **how):
    return shop.consent.grant("ada", ["personalize", "marketing"], notice=NOTICE, **how)


def record_of(document):
    [record] = document["dpv:hasRecordOfActivity"]
    return record


def test_a_grant_says_who_what_told_how_and_when(shop, checked, clock):
    """Controller, purposes, data, recipients, retention, notice, jurisdiction, status."""
    receipt = grant(shop, surface="banner", method="button")
    record = record_of(checked(receipt.document()))
    assert record["dpv:hasDataController"] == {
        "@type": "dpv:DataController",
        "dpv:hasName": "Tea Ltd",
        "dpv:hasAddress": "1 Quay, Dublin",
        "dpv:hasContact": "privacy@tea.example",
        "knowingly:dataProtectionOfficer": "dpo@tea.example",
    }
    assert record["dpv:hasJurisdiction"] == "loc:IE"
    personalize, marketing = record["dpv:hasProcess"]
    assert "dpv:ProvideProductRecommendations" in personalize["dpv:hasPurpose"]
    assert personalize["dpv:hasLegalBasis"] == ["dpv:Consent", "eu-gdpr:A6-1-a"]
    assert {one["dct:title"] for one in personalize["dpv:hasPersonalData"]} == {
        "behaviour",
        "purchase",
    }
    assert personalize["dpv:hasStorageCondition"][0]["dpv:hasDuration"] == "P730D"
    assert marketing["dpv:hasRecipient"][0]["dpv:hasName"] == "Mailer Ltd"
    assert record["dpv:hasNotice"]["dct:identifier"] == NOTICE
    assert record["dpv:hasNotice"]["knowingly:sha256"] == shop.policy.notice(NOTICE).digest
    assert record["dpv:hasConsentControl"]["dpv:isExercisedAt"] == [
        "banner / button",
        "privacy@tea.example",
    ]
    first, second = record["dpv:hasConsentStatus"]
    assert {first["dct:subject"], second["dct:subject"]} == {"personalize", "marketing"}
    assert first["@type"] == ["dpv:ConsentGiven"]
    assert first["dpv:isIndicatedBy"] == "dpv:DataSubject"
    assert first["dpv:isIndicatedAtTime"] == clock.now.isoformat()
    assert first["dct:valid"] == "P395D"


@pytest.mark.parametrize(
    ("say", "state"),
    [
        (lambda shop: shop.consent.refuse("ada", ["personalize"]), "ConsentRefused"),
        (lambda shop: shop.consent.withdraw("ada", ["personalize"]), "ConsentWithdrawn"),
        (lambda shop: shop.consent.object("ada", ["personalize"]), "ConsentRefused"),
        (grant, "RenewedConsentGiven"),
        (lambda shop: shop.rights.restrict("ada"), "ConsentUnknown"),
    ],
    ids=["refuse", "withdraw", "object", "renew", "restrict"],
)
def test_the_status_history_goes_on(shop, checked, clock, say, state):
    """A no keeps the notice of the yes that it ends; the first receipt given again knows it too."""
    first = grant(shop)
    clock.forward(minutes=1)
    later = say(shop)
    record = record_of(checked(later.document()))
    assert record["dpv:hasConsentStatus"][-1]["@type"] == [f"dpv:{state}"]
    assert record["dpv:hasNotice"]["dct:identifier"] == NOTICE
    again = shop.consent.receipt("ada", first.index)
    assert again == first
    history = record_of(checked(again.document()))["dpv:hasConsentStatus"]
    assert history[0]["knowingly:entry"] == first.index


def test_a_refusal_of_somebody_new_has_no_notice(shop, checked):
    """Nobody is said to have read what they were not shown."""
    record = record_of(checked(shop.consent.refuse("bob").document()))
    assert "dpv:hasNotice" not in record


def test_outside_the_union_no_article_is_cited(house, checked):
    """Without a jurisdiction it says so; the law of another place is not guessed."""
    shop = house.open()
    record = record_of(checked(shop.consent.grant("ada", ["train"], notice=NOTICE).document()))
    assert record["dpv:hasJurisdiction"] == "knowingly:not-stated"
    assert "eu-gdpr:" not in json.dumps(record)
    receipt = shop.consent.grant("bob", ["train"], notice=NOTICE, jurisdiction="US-CA")
    assert record_of(checked(receipt.document()))["dpv:hasJurisdiction"] == "loc:US-CA"


def test_the_verifier_accepts_its_proof(shop, tmp_path, capsys, clock):
    """As a file, with the key that the shop publishes; a changed entry or key is refused."""
    receipt = grant(shop)
    clock.forward(minutes=1)
    for person in range(5):
        shop.consent.refuse(f"p{person}")
    proof = receipt.document()["knowingly:hasProof"]
    key = proof["knowingly:verifierKey"]
    path = tmp_path / "receipt.tlog-proof"
    for text in (proof["knowingly:proof"], receipt.proof()):
        path.write_text(text, encoding="utf-8")
        assert verifier.main([str(path), "--key", key]) == 0
        assert f"Entry {receipt.index} is in the log" in capsys.readouterr().out
    read = verifier.TlogProof.parse(receipt.proof())
    assert verifier.leaf_hash(read.extra).hex() == proof["knowingly:leafHash"] == receipt.leaf_hash
    other = tmp_path / "entry"
    other.write_bytes(read.extra.replace(b"personalize", b"share"))
    assert verifier.main([str(path), "--key", key, "--entry", str(other)]) == 4


def test_nobody_is_named_unless_the_app_says_so(shop, checked):
    """The random handle stands for the person."""
    receipt = grant(shop, device="zqxdevice", age=44)
    document = checked(receipt.document())
    # As a word: a random handle can have these three letters in it.
    assert not re.search(r"\bada\b", json.dumps(document).replace(receipt.proof(), ""))
    assert "zqxdevice" not in json.dumps(document)
    assert "44" not in json.dumps(record_of(document)["dpv:hasConsentStatus"][0])
    person = record_of(document)["dpv:hasDataSubject"]
    assert person["@id"] == f"knowingly:handle:{receipt.handle}"
    printed = checked(receipt.document(subject="Ada L."))
    assert record_of(printed)["dpv:hasDataSubject"]["dct:identifier"] == "Ada L."
    assert printed["dct:identifier"] == document["dct:identifier"]
    assert printed["dct:identifier"] != record_of(printed)["dct:identifier"]


def test_it_is_written_by_the_policy_of_its_day(house, shop, checked):
    """A later policy does not change what the person agreed to."""
    receipt = grant(shop)
    house.close()
    house.with_purpose("personalize", title="Something else entirely", keep_days=10)
    later = house.open()
    [process, _] = record_of(checked(later.consent.receipt("ada", receipt.index).document()))[
        "dpv:hasProcess"
    ]
    assert process["dct:title"] == "Recommendations for you"
    assert process["dpv:hasStorageCondition"][0]["dpv:hasDuration"] == "P730D"


def test_a_guardian_is_said_to_have_agreed(shop, checked):
    """By kind: no receipt names who acted."""
    receipt = shop.acting_as("mia@x.example").consent.grant(
        "kid", ["train"], notice=NOTICE, by="guardian", age=9
    )
    document = checked(receipt.document())
    [event] = record_of(document)["dpv:hasConsentStatus"]
    assert event["dpv:isIndicatedBy"] == "dpv:GuardianOfDataSubject"
    assert "mia@" not in json.dumps(document)


def test_a_receipt_is_given_again_to_whom_it_belongs(shop):
    """Not of another person's entry, nor of an entry that is no choice."""
    receipt = grant(shop)
    shop.consent.refuse("bob")
    shop.audit.note_read("view", "ada")
    for index in (0, receipt.index + 1, receipt.index + 2, 10_000, -1, True, "3"):
        with pytest.raises(InputError):
            shop.consent.receipt("ada", index)
    with pytest.raises(UnknownSubjectError):
        shop.consent.receipt("nobody", receipt.index)
    assert repr(receipt) == repr(shop.consent.receipt("ada", receipt.index))


def test_after_an_erasure_there_is_none(shop):
    """The one in the person's hands still proves its entry."""
    receipt = grant(shop)
    shop.rights.erase("ada")
    with pytest.raises(UnknownSubjectError):
        receipt.document()
    with pytest.raises(UnknownSubjectError):
        shop.consent.receipt("ada", receipt.index)
    assert receipt.proof().startswith("c2sp.org/tlog-proof@v1\n")


def test_a_receipt_that_left_its_shop_says_so(shop):
    """It can be copied and stored; the full document is asked of the shop again."""
    receipt = grant(shop)
    assert copy.deepcopy(receipt) == receipt
    assert asdict(receipt)["index"] == receipt.index
    stored = pickle.loads(pickle.dumps(receipt))  # noqa: S301 - our own bytes
    assert stored == receipt
    for ask in (stored.document, stored.proof):
        with pytest.raises(LedgerError, match=r"shop\.consent\.receipt"):
            ask()


@pytest.mark.parametrize(
    "break_it",
    [
        lambda one: one.pop("knowingly:hasProof"),
        lambda one: one.update({"dct:identifier": "1"}),
        lambda one: one.update({"more": 1}),
        lambda one: record_of(one).pop("dpv:hasDataController"),
        lambda one: record_of(one).pop("dpv:hasNotice"),
        lambda one: record_of(one)["dpv:hasProcess"].clear(),
        lambda one: record_of(one)["dpv:hasProcess"][0].pop("dpv:hasStorageCondition"),
        lambda one: record_of(one)["dpv:hasConsentStatus"][0].update({"@type": ["dpv:Yes"]}),
        lambda one: record_of(one)["dpv:hasConsentStatus"][0].pop("dpv:isIndicatedAtTime"),
    ],
    ids=["proof", "id", "more", "who", "notice", "purposes", "retention", "state", "when"],
)
def test_the_schema_refuses_what_is_no_receipt(shop, checked, break_it):
    """It can fail."""
    document = checked(grant(shop).document())
    break_it(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, knowingly.receipt_schema())
