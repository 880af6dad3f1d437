"""Google Consent Mode: only an update is something a person did."""

from datetime import UTC, datetime

import pytest

from knowingly import SignalContext
from knowingly.consent.signals.consent_mode import TYPES, ConsentMode
from knowingly.consent.signals.decoder import decode

MINE = "personalization_storage"
OTHER = {"ad_storage": "granted"}
GRANTED, DENIED = {MINE: "granted"}, {MINE: "denied"}


def said(*commands, place="DE"):
    context = SignalContext(datetime(2026, 3, 1, tzinfo=UTC), place)
    found, problem, _ = decode(ConsentMode(), list(commands), context)
    assert not problem, problem
    return found.answers[MINE]


def default(values, *region):
    return ["default", {**values, "region": list(region), "wait_for_update": 500}]


CASES = {
    "nothing": ([], ""),
    "an update that grants": ([["update", GRANTED]], "yes"),
    "an update that denies": ([["update", DENIED]], "no"),
    "as gtag has it": ([["consent", "default", DENIED], ["consent", "update", GRANTED]], "yes"),
    "a default that grants is nobody's choice": ([["default", GRANTED]], ""),
    "a default that denies": ([["default", DENIED]], "no"),
    "an update of another type": (
        [["default", DENIED], ["update", OTHER]],
        "no",
    ),
    "the last update": ([["update", GRANTED], ["update", DENIED]], "no"),
    "yes again": ([["update", DENIED], ["update", GRANTED]], "yes"),
    "the last default": ([["default", DENIED], ["default", GRANTED]], ""),
    "a nearer default": ([default(DENIED, "DE"), ["default", GRANTED]], "no"),
    "a farther default": ([["default", DENIED], default(GRANTED, "DE", "FR")], ""),
    "another country's": ([default(DENIED, "US-CA", "FR")], ""),
}


@pytest.mark.parametrize("name", CASES)
def test_defaults_and_updates_in_their_order(name):
    """The nearer default, or else the later; an update answers them all."""
    commands, answer = CASES[name]
    assert said(*commands) == answer


@pytest.mark.parametrize(
    ("place", "answer"), [("US-CA", "no"), ("US-NY", ""), ("US", "no"), (None, "no"), ("CA", "")]
)
def test_a_region_counts_where_the_person_is_or_may_be(place, answer):
    """Where nobody knows, what denies somewhere may deny here."""
    assert said(["default", GRANTED], default(DENIED, "US-CA"), place=place) == answer


def test_a_country_holds_for_its_parts():
    """And a part is nearer than its country."""
    assert said(default(DENIED, "US"), place="US-CA") == "no"
    assert said(default(DENIED, "US"), default(GRANTED, "US-CA"), place="US-CA") == ""


def test_each_type_is_a_term():
    """Advertising is another answer than personalization."""
    context = SignalContext(datetime(2026, 3, 1, tzinfo=UTC))
    found, _, _ = decode(ConsentMode(), [["update", {"ad_personalization": "granted"}]], context)
    assert found.answers == {**dict.fromkeys(TYPES, ""), "ad_personalization": "yes"}


BAD = {
    "state": GRANTED,
    "default_after_update": [["update", GRANTED], ["default", DENIED]],
    "update_with_region": [["update", {**GRANTED, "region": ["DE"]}]],
    "value": [["update", {MINE: "Granted"}]],
    "bool": [["update", {MINE: True}]],
    "region_text": [["default", {**DENIED, "region": "DE"}]],
    "region_number": [["default", {**DENIED, "region": [5]}]],
    "word": [["set", GRANTED]],
    "list_word": [[["update"], GRANTED]],
    "no_values": [["update"]],
    "more": [["update", GRANTED, GRANTED]],
    "text_values": [["update", "granted"]],
    "text": "granted",
    "many": [["update", GRANTED]] * 51,
    "none": None,
    "bytes": b"[]",
    "a_megabyte_of_a": "A" * 1_000_000,
    "twice": f'[["update", {{"{MINE}": "denied", "{MINE}": "granted"}}]]',
}


@pytest.mark.parametrize("name", BAD)
def test_what_gtag_never_takes_is_a_problem(name):
    """Never an exception, and never an answer."""
    context = SignalContext(datetime(2026, 3, 1, tzinfo=UTC))
    found, problem, _ = decode(ConsentMode(), BAD[name], context)
    assert found is None
    assert problem
    assert problem != "could not be decoded"
