"""What an access request gives is what is stored, by the data map."""

import json

import pytest

from knowingly.errors import UnknownSubjectError
from knowingly.profiles.datamap import FIELDS, tables_to_export


@pytest.fixture
def ada(house, agree):
    """A person with choices, events and traits, an identity, a hold, and a trained model."""
    size = {"title": "Shoe size", "purposes": ["personalize"], "kind": "number"}
    score = {
        "title": "Fraud score",
        "purposes": ["personalize"],
        "kind": "number",
        "source": "inferred",
        "export": False,
        "export_note": "would show how fraud is found",
    }
    fields = {"shoe_size": size, "fraud_score": score}
    house.policy = house.policy.model_copy(update={"data": fields})
    house.with_policy(evidence={"keep_days_after_erasure": 30})
    shop = house.open()
    # An earlier self of hers was erased.
    agree(shop, "ada")
    house.clock.forward(minutes=1)
    shop.rights.erase("ada")
    house.clock.forward(minutes=1)
    shop.items.upsert([{"id": "tea", "title": "A tea"}, {"id": "mug"}])
    for name in ("ada", "b", "c", "d", "e", "f"):
        agree(shop, name)
        shop.track(name, "purchase", "tea", order="o1", price=2.5, quantity=2)
        shop.track(name, "like", "mug")
    shop.train()
    shop.profiles.set("ada", {"shoe_size": 42, "fraud_score": 0.5}, origin="checkout")
    shop.profiles.link("ada", "email", "ada@example.org")
    shop.rights.hold("ada", reason="a claim about an order")
    shop.consent.withdraw("ada", ["measure"])
    return shop


def test_the_document_is_json_and_has_every_exported_table(ada):
    """And says of every other personal column why it is not in it."""
    document = ada.rights.export("ada")
    assert json.loads(json.dumps(document)) == document
    assert document["about"] == "ada"
    for table in tables_to_export():
        assert document[table], table
    justified = {(field.table, field.column) for field in FIELDS if field.personal} - {
        (field.table, field.column) for field in FIELDS if field.exported
    }
    said = {(one["table"], one["column"]) for one in document["not_included"]}
    assert said == justified
    assert all(one["why"] for one in document["not_included"])


def test_events_choices_entries_and_learning_are_told(ada):
    """Each in words that a person can read."""
    document = ada.rights.export("ada")
    bought = next(event for event in document["events"] if event["what"] == "purchase")
    assert (bought["item"], bought["title"], bought["order"]) == ("tea", "A tea", "o1")
    assert (bought["price"], bought["quantity"]) == (2.5, 2)
    assert bought["kept_for"] == ["personalize", "train"]
    assert {event["what"] for event in document["events"]} == {"purchase", "like"}
    choices = [(one["purpose"], one["choice"]) for one in document["consent_records"]]
    assert sorted(choices) == [
        ("measure", "grant"),
        ("measure", "withdraw"),
        ("personalize", "grant"),
        ("train", "grant"),
    ]
    assert [one["kind"] for one in document["ledger_details"]] == [
        "consent.grant",
        "identity.linked",
        "hold.placed",
        "consent.withdraw",
    ]
    [learned] = document["manifests"]
    assert {(one["what"], one["item"]) for one in learned["events"]} == {
        ("purchase", "tea"),
        ("like", "mug"),
    }
    allowed = {one["purpose"]: one["allowed_now"] for one in document["purposes"]}
    assert allowed["train"]
    assert not allowed["measure"]


def test_traits_identities_and_holds_are_told(ada):
    """With what the data map says of the field; one that is not shown says why."""
    document = ada.rights.export("ada")
    score, size = document["traits"]
    assert (size["field"], size["title"], size["value"]) == ("shoe_size", "Shoe size", 42)
    assert (size["source"], size["origin"]) == ("provided", "checkout")
    assert size["kept_for"] == ["personalize"]
    assert (score["field"], score["source"]) == ("fraud_score", "inferred")
    assert "value" not in score
    assert score["not_shown"] == "would show how fraud is found"
    assert document["identities"] == [{"kind": "email", "value": "ada@example.org"}]
    [hold] = document["holds"]
    assert hold["reason"] == "a claim about an order"


def test_an_export_is_a_staff_read_in_the_log(ada):
    """And shows in the next one."""
    size = ada.audit.verify().size
    ada.rights.export("ada")
    assert ada.audit.entries(since=size)[0].kind == "read.export"
    kinds = [one["kind"] for one in ada.rights.export("ada")["ledger_details"]]
    assert kinds[-1] == "read.export"


def test_events_without_a_purpose_are_exported_until_they_are_deleted(ada):
    """They are stored: an access request is owed them; nothing else reads them."""
    ada.consent.withdraw("ada")
    assert ada.profiles.view("ada", "personalize").events == ()
    events = ada.rights.export("ada")["events"]
    assert [event["kept_for"] for event in events] == [[], []]
    ada.rights.release_hold("ada")
    ada.maintain(skip=["train", "release"])
    assert ada.rights.export("ada")["events"] == []


def test_nobody_is_exported_who_is_not_known(ada):
    """A stranger, someone of another tenant, someone erased: the same error, without the id."""
    ada.rights.erase("b")
    for call in (
        lambda: ada.rights.export("zelda"),
        lambda: ada.rights.export("b"),
        lambda: ada.tenant("acme").rights.export("ada"),
        lambda: ada.rights.erase("zelda"),
        lambda: ada.rights.erase("b"),
    ):
        with pytest.raises(UnknownSubjectError) as caught:
            call()
        assert "zelda" not in str(caught.value)
