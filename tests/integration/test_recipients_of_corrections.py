"""Recipients are told when data is put right, taken away or restricted (GDPR art. 19)."""

import pytest

import knowingly
from houses import House

NOTICE = "2026-01/en"
RECIPIENTS = {
    name: {"name": f"{name.title()} Ltd", "role": "processor", "country": "IE"}
    for name in ("mailer", "printer")
}
FIELDS = {
    "nickname": {"title": "Nickname", "purposes": ["marketing", "measure"]},
    "shoe_size": {"title": "Shoe size", "purposes": ["measure"], "kind": "number"},
}


@pytest.fixture
def shop(house: House) -> knowingly.Shop:
    """Ada's address was given to a mailer for one purpose, and to a printer for another."""
    house.policy = house.policy.model_copy(
        update={
            "recipients": RECIPIENTS,
            "data": {name: knowingly.DataField(**said) for name, said in FIELDS.items()},
        }
    )
    shop = house.with_purpose("measure", valid_days=30).open()
    shop.consent.grant("ada", ["marketing", "measure"], notice=NOTICE)
    house.clock.forward(minutes=1)
    shop.rights.disclosed("ada", "mailer", "letters", purpose="marketing", reference="a-17")
    shop.rights.disclosed("ada", "printer", "a survey", purpose="measure")
    assert shop.profiles.set("ada", {"nickname": "zqxada", "shoe_size": 36}).kept == 2
    house.clock.forward(minutes=1)
    return shop


def told(shop: knowingly.Shop) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What waits to be told, by recipient."""
    waiting = shop.rights.notifications()
    assert len({one.recipient for one in waiting}) == len(waiting)
    return {one.recipient: (one.kind, one.fields) for one in waiting}


def test_a_rectification_is_told_to_who_may_have_the_field(shop, house):
    """Which field, and under which name they know the person; never a value."""
    shop.profiles.rectify("ada", {"nickname": "zqxAda L."})
    assert told(shop) == {
        "mailer": ("rectification", ("nickname",)),
        "printer": ("rectification", ("nickname",)),
    }
    mailer = next(one for one in shop.rights.notifications() if one.recipient == "mailer")
    assert (mailer.references, mailer.what) == (("a-17",), ("letters",))
    assert '"fields": [\n    "nickname"\n  ]' in mailer.to_json()
    assert "zqx" not in mailer.to_json()
    for name, held in house.place.files().items():
        assert b"zqxAda" not in held, name


def test_nobody_is_told_of_a_field_they_cannot_have_been_given(shop):
    """The mailer was given data for another purpose than that of the field."""
    shop.profiles.rectify("ada", {"shoe_size": 37})
    assert told(shop) == {"printer": ("rectification", ("shoe_size",))}


def test_a_field_that_was_removed_is_told_too(shop):
    """Of those that were there, and only once."""
    assert shop.profiles.remove("ada", ["nickname", "shoe_size", "zqx no field"]) == 2
    assert told(shop) == {
        "mailer": ("removal", ("nickname",)),
        "printer": ("removal", ("nickname", "shoe_size")),
    }
    assert shop.profiles.remove("ada", ["nickname"]) == 0
    assert len(shop.rights.notifications()) == 2


def test_a_field_that_is_not_declared_any_more_is_told_to_all(shop, house):
    """Nothing says any more what it was for."""
    house.policy = house.policy.model_copy(update={"data": {}})
    later = house.open()
    assert later.profiles.remove("ada", ["shoe_size"]) == 1
    assert told(later) == {
        "mailer": ("removal", ("shoe_size",)),
        "printer": ("removal", ("shoe_size",)),
    }


def test_a_value_that_is_only_newer_corrects_nothing(shop, clock):
    """A person moves on; what was true then was no error."""
    shop.profiles.set("ada", {"shoe_size": 37})
    assert shop.rights.notifications() == ()


def test_a_correction_that_is_not_made_is_not_told(shop):
    """The notification is of the transaction of what it tells."""
    shop.rights.hold("ada", reason="a claim")
    with pytest.raises(knowingly.HoldError):
        shop.profiles.rectify("ada", {"nickname": "Ada L."})
    with pytest.raises(knowingly.UnknownSubjectError):
        shop.profiles.rectify("bob", {"nickname": "Bob"})
    assert shop.rights.notifications() == ()


def test_a_restriction_is_told_to_all_also_where_consent_ran_out(shop, clock):
    """They may have the data still; once, however often it is asked for."""
    clock.forward(days=31)
    assert shop.consent.status("ada")["measure"].reason == "expired"
    receipt = shop.rights.restrict("ada")
    assert receipt.effects["recipients_to_tell"] == 2
    clock.forward(minutes=1)
    shop.rights.restrict("ada")
    assert told(shop) == {"mailer": ("restriction", ()), "printer": ("restriction", ())}


def test_what_retention_deletes_is_not_told(shop, house, clock):
    """Days that are over are no request of the person; recipients have days of their own."""
    clock.forward(days=4_000)
    done = shop.retain(apply=True)
    assert done.deleted["traits"] == 2
    assert shop.rights.notifications() == ()


def test_one_tenant_tells_nobody_of_another(shop):
    """Each has its own people and recipients."""
    shop.profiles.rectify("ada", {"nickname": "Ada L."})
    assert shop.tenant("acme").rights.notifications() == ()


def test_the_log_says_that_it_was_told_and_holds_no_field(shop):
    """As of an erasure."""
    shop.profiles.rectify("ada", {"shoe_size": 37})
    [waiting] = shop.rights.notifications()
    entry = shop.rights.note_told(waiting.id)
    assert entry.kind == "recipient.told"
    assert "shoe_size" not in str(entry.facts)
    assert shop.audit.verify()
