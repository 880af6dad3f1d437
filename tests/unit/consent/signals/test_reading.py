"""``shop.signals.read``: one call for each request, and what comes of it."""

from datetime import UTC, datetime

import pytest

import bitstrings as bits
import knowingly
from knowingly import PluginError, Said, SignalDecoder, hookimpl

AGREED = {"preferences": "yes", "analytics": "yes"}


def by_source(signals):
    return {signal.source: signal for signal in signals}


def test_nothing_given_is_nothing_said(shop):
    """Absent is not malformed: no signal, so nothing allows and nothing is doubted."""
    assert shop.signals.read() == []
    assert shop.signals.read(headers={"Host": "shop"}, jurisdiction="DE") == []
    assert shop.signals.read(tcf=None, gpp=None, shopify=None, others={"anything": None}) == []


def test_everything_at_once(shop, clock):
    """Each signal has its source, its decoder's version, its time and its raw value."""
    found = by_source(
        shop.signals.read(
            headers={"Sec-GPC": "1", "Cookie": "session=secret"},
            shopify=AGREED,
            shopify_customer={
                "email": "ada@example.org",
                "email_marketing_consent": {
                    "state": "subscribed",
                    "consent_updated_at": "2026-01-02T03:04:05Z",
                },
                "smsMarketingConsent": {"marketingState": "NOT_SUBSCRIBED"},
            },
            consent_mode=[["update", {"personalization_storage": "granted"}]],
            tcf=bits.tc_string(),
            gpp="DBABTA~1YYN",
        )
    )
    assert {source: signal.decoder for source, signal in found.items()} == {
        source: f"{source} 1"
        for source in (
            *("gpc", "shopify", "consent_mode", "tcf", "gpp"),
            *("shopify_email", "shopify_sms"),
        )
    }
    assert not any(signal.problem for signal in found.values())
    assert found["gpc"].objects == found["gpp"].objects == {"share"}
    assert found["gpc"].raw == "1"
    assert found["shopify"].allows == {"personalize", "train", "measure"}
    assert found["shopify"].raw == '{"analytics":"yes","preferences":"yes"}'
    assert found["consent_mode"].allows == {"personalize"}
    assert found["tcf"].allows == {"personalize", "train", "measure", "contextual"}
    assert (found["shopify_email"].allows, found["shopify_email"].scope) == (
        {"marketing"},
        "account",
    )
    assert found["tcf"].at == bits.CREATED
    assert found["shopify_email"].at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found["shopify"].at == found["gpc"].at == clock.now
    assert not any("ada" in signal.raw or "secret" in signal.raw for signal in found.values())


def test_a_signal_shows_its_raw_value_to_nobody(shop):
    """It identifies a browser; what could not be understood is not repeated either."""
    signals = shop.signals.read(tcf="zqx.secret", gpp="zqx~secret", shopify='{"zqx": "secret"}')
    assert [signal.raw for signal in signals] == ['{"zqx": "secret"}', "zqx.secret", "zqx~secret"]
    assert "zqx" not in repr(signals)
    assert all(signal.problem for signal in signals if signal.source != "shopify")


def test_when_it_was_said_can_be_told(shop):
    """For what does not tell itself; a time needs a zone."""
    at = datetime(2026, 2, 1, tzinfo=UTC)
    assert {one.at for one in shop.signals.read(shopify=AGREED, gpp="DBABTA~1YYN", at=at)} == {at}
    with pytest.raises(knowingly.InputError, match="a time with a zone"):
        shop.signals.read(shopify=AGREED, at=datetime(2026, 2, 1))  # noqa: DTZ001 - the point


def test_a_tc_string_inside_gpp_is_read_as_one(shop):
    """With the version of its own decoder; its own parts, if it had any, are not."""
    inside = bits.tc_string()
    gpp, tcf = shop.signals.read(gpp=f"DBACNYA~{inside}~1YNN")
    assert (gpp.source, gpp.allows | gpp.objects) == ("gpp", frozenset())
    assert (tcf.source, tcf.decoder, tcf.raw) == ("tcf", "tcf 1", inside)
    assert "personalize" in tcf.allows
    _, bad = shop.signals.read(gpp="DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA")
    assert "ended on 30 September 2023" in bad.problem


class Mirror(SignalDecoder):
    """Says that there is one more of itself inside."""

    source = "mirror"
    version = "1"

    def decode(self, raw, context):
        return Said({}, parts={"mirror": raw, "nobodys": raw})


def test_what_is_inside_another_is_read_once(shop):
    """And where no decoder reads it, that is a problem of its own."""

    class Mirrors:
        @hookimpl
        def knowingly_signals(self):
            return [Mirror]

    shop.plugins.add("mirrors", Mirrors())
    found = shop.signals.read(others={"mirror": "x"})
    assert [(one.source, one.problem) for one in found] == [
        ("mirror", None),
        ("mirror", None),
        ("nobodys", "has no decoder in this shop"),
    ]


def test_a_missing_plugin_says_what_to_do(house):
    """Not a signal: the app asked for what the shop was not given."""
    house.with_policy(plugins={"allow": ("popularity", "item_item", "gpp")})
    shop = house.open()
    cure = r"plugin 'tcf': .*not allowed by the policy file.*\[plugins\] allow"
    with pytest.raises(PluginError, match=cure):
        shop.signals.read(tcf="x")
    with pytest.raises(PluginError, match="no plugin of that name is installed"):
        shop.signals.read(others={"brand_new": "x"})
    (gpp, tcf) = shop.signals.read(gpp="DBABMA~whatever")
    assert gpp.problem is None
    assert tcf.problem == "has no decoder in this shop"


@pytest.mark.parametrize("others", [5, "tcf", ["tcf"], {5: "x"}, {str(n): "x" for n in range(21)}])
def test_others_are_a_mapping_of_sources(shop, others):
    """Anything else is the app's mistake."""
    with pytest.raises(knowingly.InputError, match="raw values by their source"):
        shop.signals.read(others=others)


def test_a_source_with_its_own_name_can_come_among_others(shop):
    """Both are read where both are given: neither hides the other."""
    found = shop.signals.read(tcf="broken", others={"tcf": bits.tc_string(), "gpc": "1"})
    assert [(one.source, bool(one.problem)) for one in found] == [
        ("tcf", True),
        ("tcf", False),
        ("gpc", False),
    ]


HOSTILE = (5, 1.5, True, b"x", "x", "A" * 1_000_000, [], [5], {}, {5: 5}, object(), ("a",), set())


@pytest.mark.parametrize("place", ["headers", "shopify", "shopify_customer", "consent_mode"])
def test_whatever_is_given_never_raises_and_never_allows(shop, place):
    """In any place."""
    for raw in HOSTILE:
        for signal in shop.signals.read(**{place: raw}):
            assert not signal.allows
            assert len(signal.raw) <= 16_384


@pytest.mark.parametrize("place", ["tcf", "gpp"])
def test_whatever_string_is_given_is_a_problem(shop, place):
    """Absent is None; every other value is wrong and says so."""
    for raw in HOSTILE:
        (signal,) = shop.signals.read(**{place: raw})
        assert signal.problem
        assert not signal.allows


PLACES = {
    "de": {"share", "personalize"},
    "DE": {"share", "personalize"},
    "UK": {"share", "personalize"},
    "EL": {"share", "personalize"},
    "EU": {"share", "personalize"},
    "US-CA": {"share"},
    "XX": {"share", "personalize"},
    "T1": {"share", "personalize"},
    "": {"share", "personalize"},
    "Germany": {"share", "personalize"},
    "DE\n": {"share", "personalize"},
}


@pytest.mark.parametrize("place", [*PLACES, None, 5])
def test_a_place_that_cannot_be_one_is_unknown(house, place):
    """And then the stricter rule holds: here, that GPC objects to a legitimate interest."""
    house.with_purpose("personalize", basis="legitimate_interest")
    (signal,) = house.open().signals.read(headers={"Sec-GPC": "1"}, jurisdiction=place)
    assert signal.objects == PLACES.get(place, {"share", "personalize"})


def test_a_customer_can_come_as_json(shop):
    """As a webhook has it; without a consent in it nothing is said."""
    raw = '{"email_marketing_consent": {"state": "unsubscribed", "consent_updated_at": null}}'
    (signal,) = shop.signals.read(shopify_customer=raw)
    assert signal.refuses == {"marketing"}
    assert shop.signals.read(shopify_customer={"id": 5, "email_marketing_consent": None}) == []
    broken = shop.signals.read(shopify_customer="{")
    assert [bool(one.problem) for one in broken] == [True, True]


def test_marketing_consent_never_personalizes(house):
    """Even where a policy accepts everything from everybody."""
    every = ("personalize", "train", "measure", "marketing", "share")
    house.with_policy(
        signals={"accept": dict.fromkeys(("shopify", "shopify_email", "consent_mode"), every)}
    )
    shop = house.open()
    signals = shop.signals.read(
        shopify={"marketing": "yes", "sale_of_data": "yes"},
        shopify_customer={
            "email_marketing_consent": {
                "state": "subscribed",
                "consent_updated_at": "2026-02-01T00:00Z",
            }
        },
        consent_mode=[
            [
                "update",
                dict.fromkeys(("ad_storage", "ad_user_data", "ad_personalization"), "granted"),
            ]
        ],
    )
    assert not any("personalize" in one.allows or "train" in one.allows for one in signals)
    assert shop.recommend("ada", signals=signals).why == "no_record"


def test_a_site_that_abides_is_no_signal_of_a_person(shop):
    """``gpc.json`` is read by its own door."""
    assert shop.signals.gpc_support('{"gpc": true}').gpc is True
    assert shop.signals.gpc_support(None).gpc is None


def test_a_page_hears_what_was_read(house):
    """Accepted, it allows; with GPC beside it, share alone is denied."""
    house.with_policy(signals={"accept": {"shopify": ("personalize",), "tcf": ("personalize",)}})
    shop = house.open()
    read = shop.signals.read
    assert shop.recommend("ada", signals=read(shopify=AGREED)).why == "signal"
    both = read(shopify=AGREED, headers={"Sec-GPC": "1"}, jurisdiction="US-CA")
    assert shop.recommend("ada", signals=both).why == "signal"
    contrary = read(shopify=AGREED, tcf=bits.tc_string(bits.disclosed(), bits.publisher([])))
    assert shop.recommend("ada", signals=contrary).why == "signal_refused"
    broken = read(shopify=AGREED, tcf="broken")
    assert shop.recommend("ada", signals=broken).why == "invalid_signal"
