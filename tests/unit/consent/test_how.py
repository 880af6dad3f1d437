"""How a choice was made: on which device, where, by whom, and despite what."""

import pytest
from sqlalchemy import text

import knowingly
from knowingly import Choice, Signal
from knowingly.errors import ConsentError, InputError

NOTICE = "2026-01/en"
EVERY = {
    "surface": "checkout",
    "method": "button",
    "jurisdiction": "US-CA",
    "age": 41,
    "by": "guardian",
}


def reasons(shop, subject="ada", **where):
    return {name: said.reason for name, said in shop.consent.status(subject, **where).items()}


def test_a_device_decides_for_itself_until_the_account_does(shop, clock):
    """Its own yes stays on it; the account's no reaches it, and its own no not the account."""
    shop.consent.grant("ada", ["personalize"], notice=NOTICE, device="tablet")
    assert reasons(shop, device="tablet")["personalize"] == "granted"
    assert reasons(shop, device="phone")["personalize"] == "no_record"
    assert reasons(shop)["personalize"] == "no_record"
    clock.forward(minutes=1)
    shop.consent.withdraw("ada", ["personalize"])
    assert reasons(shop, device="tablet")["personalize"] == "withdrawn"
    clock.forward(minutes=1)
    shop.consent.grant("ada", ["personalize"], notice=NOTICE)
    shop.consent.refuse("ada", ["personalize"], device="phone")
    assert reasons(shop)["personalize"] == "granted"
    assert reasons(shop, device="phone")["personalize"] == "granted"
    clock.forward(minutes=1)
    shop.consent.object("ada", ["personalize"], device="phone")
    assert reasons(shop, device="phone")["personalize"] == "objected"
    assert reasons(shop, device="tablet")["personalize"] == "granted"
    assert shop.audit.verify()


def test_a_page_asks_for_its_device(tea, clock):
    """An objection made on a shared device holds on it, and nowhere else."""
    tea.consent.object("t001", ["personalize"], device="kiosk")
    assert tea.recommend("t001").why == "granted"
    assert tea.recommend("t001", device="kiosk").why == "objected"
    with pytest.raises(InputError, match="device"):
        tea.recommend("t001", device="a\nb")


def test_how_a_choice_was_made_is_in_the_export_and_not_in_the_leaf(shop):
    """Age, method and actor are sealed; place and law can be counted."""
    receipt = shop.consent.grant("ada", ["train"], notice=NOTICE, **EVERY)
    choice = shop.rights.export("ada")["consent_records"][0]
    assert (choice["surface"], choice["jurisdiction"]) == ("checkout", "US-CA")
    assert choice["took_effect_at"] == choice["recorded_at"]
    facts = shop.audit.entries(since=receipt.index)[0].facts
    assert facts.keys() == {"purposes", "scope", "chosen", "policy", "notice", "notice_digest"}


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("surface", "Check out"),
        ("method", "x" * 41),
        ("jurisdiction", "Germany"),
        ("age", -1),
        ("age", 41.0),
        ("by", "nobody"),
        ("device", ""),
        ("despite", ("GPC!",)),
    ],
)
def test_what_is_said_of_a_choice_is_checked(shop, field, bad):
    """The field is named, the value is not repeated, and nothing is written."""
    size = shop.audit.verify().size
    with pytest.raises(InputError) as caught:
        shop.consent.grant("ada", ["train"], notice=NOTICE, **{field: bad})
    assert caught.value.field.startswith(field)
    assert shop.audit.verify().size == size


def test_a_no_needs_nothing_that_a_yes_does_not(shop):
    """One call with the person alone is enough, and it may say as much as a yes may."""
    shop.consent.withdraw("ada")
    shop.consent.withdraw("ada", ["train"], **EVERY)
    shop.consent.object("ada", **EVERY)
    shop.consent.refuse("ada", **EVERY)


def test_a_yes_over_an_opt_out_is_confirmed(shop, clock):
    """One that was made in the knowledge of it holds against the same signal on every request."""
    gpc = Signal("gpc", objects=frozenset({"share"}))
    shop.consent.grant("ada", ["share"], notice=NOTICE)

    def why():
        known = shop.consent._tenancy
        with known.read() as snapshot:
            from knowingly.profiles.views import decide_for  # noqa: PLC0415 - looked at from inside

            at_us = known.now_us()
            return decide_for(known, snapshot, "ada", "share", at_us=at_us, signals=[gpc])[1].reason

    assert why() == "signal_objected"
    clock.forward(minutes=1)
    receipt = shop.consent.grant("ada", ["share", "train"], notice=NOTICE, despite=("gpc",))
    assert why() == "granted"
    assert shop.audit.entries(since=receipt.index)[0].facts["confirmed"] == ["share", "train"]
    assert shop.audit.verify()


def test_a_signal_is_no_choice(shop):
    """It has a call of its own, that keeps what was said."""
    with pytest.raises(ConsentError, match="evidence"):
        shop.consent.record([Choice(subject="ada", action="signal_allow", purposes=("train",))])


@pytest.mark.only_sqlite("edits the file")
@pytest.mark.parametrize(
    ("column", "value"),
    [("flaw", "'under_age'"), ("source", "'gpc'"), ("confirmed", "true")],
)
def test_what_decides_is_held_to_the_log(shop, column, value):
    """A column that changes a decision cannot be edited unseen."""
    from knowingly.errors import TamperedError  # noqa: PLC0415 - used here alone

    receipt = shop.consent.grant("ada", ["train"], notice=NOTICE)
    shop.audit.verify()
    with shop._tenancy.write() as tx:
        tx.connection.execute(text(f"UPDATE consent_records SET {column} = {value}"))  # noqa: S608 - of this test
    with pytest.raises(TamperedError) as caught:
        shop.audit.verify()
    assert caught.value.index == receipt.index


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"age": 13}, "under_age"),
        ({"age": 13, "jurisdiction": "US"}, "granted"),
        ({"age": 12, "jurisdiction": "US-CA"}, "under_age"),
        ({"age": 13, "jurisdiction": "ZZ"}, "under_age"),
        ({"age": 13, "by": "guardian"}, "granted"),
        ({"age": 13, "by": "agent"}, "under_age"),
        ({"age": 40}, "granted"),
        ({}, "granted"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
def test_who_is_too_young_agrees_with_a_guardian(shop, how, reason):
    """The yes is on record and allows nothing; where, and who agreed, counts."""
    shop.consent.grant("ada", ["train"], notice=NOTICE, **how)
    assert reasons(shop)["train"] == reason
    assert shop.audit.verify()


def test_a_purpose_can_ask_for_more_years_than_the_law(house, clock):
    """One yes then counts for what the person is old enough for, and for nothing else."""
    policy = knowingly.load_policy()
    marketing = {**policy.purposes["marketing"].model_dump(), "minimum_age": 18}
    purposes = {**policy.purposes, "marketing": marketing}
    shop = house.open(policy=policy.model_copy(update={"purposes": purposes}))
    receipt = shop.consent.grant("ada", ["train", "marketing"], notice=NOTICE, age=17)
    assert (reasons(shop)["train"], reasons(shop)["marketing"]) == ("granted", "under_age")
    assert shop.audit.entries(since=receipt.index)[0].facts["under_age"] == ["marketing"]
    shop.audit.verify()
    clock.forward(minutes=1)
    shop.consent.grant("ada", ["marketing"], notice=NOTICE, age=18)
    assert reasons(shop)["marketing"] == "granted"
