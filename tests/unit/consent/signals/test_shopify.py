"""Shopify's three answers, its customers' consent to marketing, and what is neither."""

from datetime import UTC, datetime

import pytest

from knowingly import SignalContext
from knowingly.consent.signals.decoder import decode
from knowingly.consent.signals.shopify import Shopify
from knowingly.consent.signals.shopify_marketing import STATES, ShopifyEmail, ShopifySms

NOW = SignalContext(datetime(2026, 3, 1, tzinfo=UTC))
NOTHING = {"preferences": "", "analytics": "", "marketing": "", "sale_of_data": ""}


def said(raw):
    found, problem, _ = decode(Shopify(), raw, NOW)
    assert not problem, problem
    return found.answers


WAYS = {
    "visitor": (
        {"preferences": "yes", "analytics": "no", "marketing": "", "sale_of_data": "yes"},
        {"preferences": "yes", "analytics": "no", "marketing": "", "sale_of_data": "yes"},
    ),
    "storefront": (
        {"preferences": True, "analytics": False, "marketing": None, "saleOfData": True},
        {"preferences": "yes", "analytics": "no", "marketing": "", "sale_of_data": "yes"},
    ),
    "event": (
        {
            "preferencesAllowed": True,
            "analyticsAllowed": True,
            "marketingAllowed": False,
            "firstPartyMarketingAllowed": True,
            "thirdPartyMarketingAllowed": False,
            "saleOfDataAllowed": False,
        },
        {"preferences": "yes", "analytics": "yes", "marketing": "no", "sale_of_data": "no"},
    ),
    "json": ('{"preferences": "no", "region": "CA-ON"}', NOTHING | {"preferences": "no"}),
    "empty": ({}, NOTHING),
    "other_keys": ({"metafields": [{"key": "abc", "value": "yes"}]}, NOTHING),
    "agreeing": (
        {"preferences": "yes", "preferencesAllowed": True},
        NOTHING | {"preferences": "yes"},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_three_ways_of_saying_the_same(way):
    """Yes, no, and nothing, which is neither."""
    raw, answers = WAYS[way]
    assert said(raw) == answers


BAD = {
    "upper": {"preferences": "YES"},
    "word_true": {"preferences": "true"},
    "one": {"preferences": 1},
    "zero": {"analytics": 0},
    "space": {"preferences": "yes "},
    "list": {"preferences": ["yes"]},
    "two_things": {"preferences": "yes", "preferencesAllowed": False},
    "silence_and_yes": {"sale_of_data": "", "saleOfData": True},
    "twice_in_json": '{"preferences": "no", "preferences": "yes"}',
    "no_object": [{"preferences": "yes"}],
    "word": '"yes"',
    "empty_text": "",
    "true": True,
    "none": None,
    "number": 5,
    "bytes": b'{"preferences": "yes"}',
    "object": object(),
    "key": {5: "yes"},
    "value": {"preferences": object()},
    "nan": '{"preferences": NaN}',
    "large_number": {"preferences": 10**400},
    "digits": '{"preferences": ' + "9" * 5_000 + "}",
    "nested": '{"a":' * 50 + "1" + "}" * 50,
    "very_nested": "[" * 16_000,
    "wide": {"a": list(range(5_000))},
    "long": {"a": "A" * 20_000},
    "a_megabyte_of_a": "A" * 1_000_000,
}


@pytest.mark.parametrize("name", BAD)
def test_what_shopify_never_says_is_a_problem(name):
    """Never an exception, never an answer, and nobody's mistake but the sender's."""
    found, problem, raw = decode(Shopify(), BAD[name], NOW)
    assert found is None
    assert problem
    assert problem != "could not be decoded"
    assert len(raw) <= 16_384


class Endless(dict):
    def items(self):
        while True:
            yield "preferences", "yes"


class Raising(dict):
    def items(self):
        raise ValueError("zqx-secret")


@pytest.mark.parametrize("raw", [Endless(a=1), Raising(a=1)], ids=["endless", "raising"])
def test_a_mapping_that_misbehaves_is_a_problem(raw, caplog):
    """A framework's own mapping can do what it likes."""
    found, problem, _ = decode(Shopify(), raw, NOW)
    assert found is None
    assert problem
    assert "zqx" not in problem + caplog.text


def change(state="subscribed", at="2026-01-01T00:00:00Z", **more):
    return {"state": state, "consent_updated_at": at, **more}


def email(raw):
    return decode(ShopifyEmail(), raw, NOW)


@pytest.mark.parametrize("state", STATES)
def test_each_state_of_marketing_has_its_answer(state):
    """Pending and not subscribed say nothing; redacted and invalid are a no."""
    found, _, _ = email(change(state))
    assert found.answers == {"email": STATES[state]}
    found, _, _ = email({"marketingState": state.upper(), "consentUpdatedAt": "2026-01-01T00:00Z"})
    assert found.answers == {"email": STATES[state]}
    assert found.at == datetime(2026, 1, 1, tzinfo=UTC)
    found, _, _ = decode(ShopifySms(), change(state, consent_collected_from="SHOPIFY"), NOW)
    assert found.answers == {"sms": STATES[state]}


def test_the_latest_change_decides_in_whatever_order_they_come():
    """By its own time, not by when it was delivered."""
    older, newer = (
        change("subscribed", "2026-01-01T00:00:00Z"),
        change("unsubscribed", "2026-01-01T00:00:00.5Z"),
    )
    for changes in ([older, newer], [newer, older], [older, newer, older]):
        found, _, _ = email(changes)
        assert found.answers == {"email": "no"}
        assert found.at == datetime(2026, 1, 1, 0, 0, 0, 500_000, UTC)
    found, _, _ = email([change("unsubscribed"), change("subscribed", "2026-02-01T00:00:00Z")])
    assert found.answers == {"email": "yes"}


@pytest.mark.parametrize("other", ["unsubscribed", "pending", "redacted"])
def test_a_tie_is_a_no(other):
    """Two states at one moment, the same in another zone."""
    found, _, _ = email([change(), change(other, "2026-01-01T01:00:00+01:00")])
    assert found.answers == {"email": "no"}


def test_a_no_needs_no_date_and_a_yes_does():
    """A yes since no time could be older than any no."""
    assert email(change("unsubscribed", None))[0].answers == {"email": "no"}
    assert email([change("unsubscribed", None), change()])[0].answers == {"email": "no"}
    assert email(change("not_subscribed", None))[0].answers == {"email": ""}
    assert "no time" in email(change("subscribed", None))[1]
    assert email([])[0].answers == {}


@pytest.mark.parametrize(
    "raw",
    [
        change("SUBSCRIBED!"),
        change(None),
        change(at="2026-01-01T00:00:00"),
        change(at=5),
        change(at="soon"),
        change(marketingState="UNSUBSCRIBED"),
        change(consentUpdatedAt="2026-02-01T00:00:00Z"),
        [change(), "subscribed"],
        "subscribed",
        True,
        None,
    ],
    ids=range(11),
)
def test_a_change_that_is_none_is_a_problem(raw):
    """Never an exception, never an answer."""
    found, problem, _ = email(raw)
    assert found is None
    assert problem
    assert problem != "could not be decoded"
