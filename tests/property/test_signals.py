"""Signals nobody has looked at: never an exception, and never an allow that nobody gave."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

import bitstrings as bits
from knowingly.consent.signals.decoder import decode
from knowingly.consent.signals.desk import CORE
from knowingly.domain.consent import ACCOUNT, Action, ConsentRecord
from knowingly.domain.moments import to_us
from knowingly.domain.signal import Signal, SignalContext
from knowingly.policy import decide, load_policy, normalise
from knowingly_plugins.gpp import Gpp
from knowingly_plugins.tcf import Tcf
from oracles import faults

DECODERS = {**CORE, "tcf": Tcf, "gpp": Gpp}
SHIPPED = load_policy()
PURPOSES = tuple(SHIPPED.purposes)
POLICY = SHIPPED.model_copy(
    update={"signals": {"accept": dict.fromkeys(DECODERS, PURPOSES), "vendors": (755,)}}
)
INTEREST = POLICY.model_copy(
    update={
        "purposes": {
            name: {**purpose.model_dump(), "basis": "legitimate_interest"}
            for name, purpose in POLICY.purposes.items()
        }
    }
)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTEXT = SignalContext(NOW, None, frozenset({755}))

VALID_TCF = (
    bits.tc_string(),
    bits.tc_string(bits.disclosed(bits.bitfield([755])), bits.publisher([5, 6], [11], 3, [2])),
    bits.tc_string(vendors=bits.ranged([(1, 10), 755], 755), restrictions=[(3, 1, [(2, 9)])]),
)
VALID_GPP = (
    f"DBACNYA~{bits.tc_string()}~1YNN",
    bits.gpp_string({7: bits.us_core(2, bits.USNAT_2, {6: 1, 7: 2})}),
    "DBABBg~BVqqqqpY.YA",
)
LETTERS = f"{bits.ALPHABET}.~=+/ é\x00"


def hear(source, raw, policy=POLICY):
    """What the shop's door does with one value: the signal, and those inside it."""
    decoder = DECODERS[source]()
    said, problem, text = decode(decoder, raw, CONTEXT)
    evidence = Signal(source, at=NOW, scope=decoder.scope, raw=text)
    if said is None:
        assert problem
        return [(source, raw, replace(evidence, problem=problem))]
    basis_of = {name: purpose.basis for name, purpose in policy.purposes.items()}
    found = normalise(said, evidence, CONTEXT, signals=policy.signals, basis_of=basis_of)
    inside = [one for part, given in said.parts.items() for one in hear(part, given, policy)]
    return [(source, raw, found), *inside]


def check(source, raw):
    for heard, given_raw, signal in hear(source, raw):
        assert not faults(heard, given_raw, signal.allows, NOW)
        assert signal.objects <= signal.refuses
        assert not signal.allows & signal.refuses
        assert "raw" not in repr(signal)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["yes", "no", "", "granted", "denied", "default", "update", "subscribed"])
    | st.binary(max_size=4)
    | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("preferences", "analytics", "marketing", "saleOfData", "preferencesAllowed"),
                    *("analyticsAllowed", "personalization_storage", "ad_storage", "region"),
                    *("state", "marketingState", "consent_updated_at", "consentUpdatedAt"),
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
anything = json_values | st.text(max_size=200) | st.text(LETTERS, max_size=200)


@given(st.sampled_from(sorted(DECODERS)), anything)
def test_any_value_is_decoded_or_a_problem(source, raw):
    """Whatever it is."""
    check(source, raw)


@st.composite
def mutated(draw, strings):
    """A valid string with some of it changed, cut out, doubled or put in."""
    text = draw(st.sampled_from(strings))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(text) - 1, 0)))
        to = min(len(text), at + draw(st.integers(0, 6)))
        new = draw(st.text(LETTERS, max_size=4) | st.just(text[at:to] * 2))
        text = text[:at] + new + text[to:]
    return text


@given(mutated(VALID_TCF))
def test_a_changed_tc_string_allows_nothing_it_does_not_carry(raw):
    """Its own bits, read another way, must carry every allow."""
    check("tcf", raw)


@given(mutated(VALID_GPP))
def test_a_changed_gpp_string_allows_nothing_it_does_not_carry(raw):
    """Nor does the TC string inside it."""
    check("gpp", raw)


@given(st.data())
def test_a_string_of_valid_fields_says_what_they_say(data):
    """Written bit by bit and read back: no field shifts another."""
    numbers = st.frozensets(st.integers(1, 11))
    consents, purposes = data.draw(numbers), data.draw(numbers)
    interests = data.draw(st.frozensets(st.sampled_from([2, 7, 8, 9, 10, 11])))
    vendors = data.draw(st.frozensets(st.integers(1, 900), max_size=20))
    shown = data.draw(st.frozensets(st.integers(1, 900), max_size=20))
    in_bits = data.draw(st.booleans())
    written = bits.bitfield if in_bits else lambda ids: bits.ranged(sorted(ids))
    raw = bits.tc_string(
        bits.disclosed(written(shown)),
        bits.publisher(consents, interests),
        purposes=purposes,
        interests=interests,
        vendors=written(vendors),
        restrictions=[(2, 1, [(1, 3), 7])] * data.draw(st.integers(0, 3)),
    )
    vendor = data.draw(st.sampled_from(sorted({755, *vendors, *shown})))
    context = SignalContext(NOW, None, frozenset({vendor}))
    answers = Tcf().decode(raw, context).answers
    for number in range(1, 12):
        assert (answers[f"purpose-{number}"] == "yes") == (number in purposes)
        assert (answers[f"publisher-consent-{number}"] == "yes") == (number in consents)
        assert (answers[f"publisher-li-{number}"] == "yes") == (number in interests)
    assert (answers["vendors"] == "yes") == (vendor in vendors & shown)


FRESH, OLD, AHEAD = NOW, NOW - timedelta(days=396), NOW + timedelta(days=1)
AGREED = {"preferences": "yes", "analytics": "yes", "marketing": "yes", "saleOfData": True}
ADVERTISING = ("ad_storage", "ad_user_data", "ad_personalization")
GRANTED = dict.fromkeys(("personalization_storage", "analytics_storage", *ADVERTISING), "granted")
CLEAN = {
    "shopify": AGREED,
    "consent_mode": [["update", GRANTED]],
    "tcf": bits.tc_string(),
    "shopify_email": {"state": "subscribed", "consent_updated_at": "2026-02-01T00:00:00Z"},
}
SILENT = {"shopify": {}, "consent_mode": [], "gpp": "DBABVg~BVVVVVVg.YA", "shopify_sms": []}
REFUSING = {
    "shopify": dict.fromkeys(("preferences", "analytics", "marketing", "saleOfData"), False),
    "consent_mode": [["default", dict.fromkeys(GRANTED, "denied")]],
    "tcf": bits.tc_string(bits.disclosed(), bits.publisher([]), purposes=()),
}
OPTED_OUT = {"gpc": "1", "gpp": "DBABTA~1YYN"}
BROKEN = {
    "shopify": "yes",
    "consent_mode": GRANTED,
    "tcf": bits.tc_string(service=0),
    "gpp": "D",
    "shopify_email": "subscribed",
}


def pairs(values):
    return st.sampled_from(sorted(values.items(), key=lambda pair: pair[0]))


evidence = st.lists(
    st.one_of(
        st.tuples(st.just("clean"), pairs(CLEAN), st.just(FRESH)),
        st.tuples(st.just("silent"), pairs(SILENT), st.just(FRESH)),
        st.tuples(st.just("bad"), pairs(REFUSING), st.just(FRESH)),
        st.tuples(st.just("opt-out"), pairs(OPTED_OUT), st.just(FRESH)),
        st.tuples(st.just("bad"), pairs(BROKEN), st.sampled_from([FRESH, OLD, AHEAD])),
        st.tuples(st.just("bad"), pairs(CLEAN), st.sampled_from([OLD, AHEAD])),
    ),
    max_size=5,
)


def signals_of(given_evidence, policy):
    found = []
    for _, (source, raw), at in given_evidence:
        found += [
            replace(signal, at=at if at is not FRESH else signal.at)
            for _, _, signal in hear(source, raw, policy)
        ]
    return found


@given(evidence, st.sampled_from(PURPOSES), st.sampled_from([POLICY, INTEREST, SHIPPED]))
def test_no_doubtful_evidence_yields_an_allow(given_evidence, purpose, policy):
    """Absent, contradictory, malformed or stale: only a clean yes, unopposed, that is accepted."""
    signals = signals_of(given_evidence, policy)
    decision = decide(purpose, [], policy=policy, at_us=to_us(NOW), signals=signals)
    kinds = {kind for kind, _, _ in given_evidence}
    refused = any(purpose in one.refuses | one.objects for one in signals)
    if "bad" in kinds and any(one.problem or one.at in (OLD, AHEAD) for one in signals):
        assert not decision.allowed
    if refused:
        assert not decision.allowed
    if policy is SHIPPED or not any(purpose in one.allows for one in signals):
        assert not decision.allowed or decision.reason == "legitimate_interest"
    if "opt-out" in kinds and purpose == "share":
        assert not decision.allowed
    if decision.reason == "signal":
        assert "clean" in kinds
        assert any(purpose in one.allows and one.problem is None for one in signals)


@given(evidence, st.sampled_from(PURPOSES), st.booleans())
def test_after_any_signals_a_person_can_say_yes_in_their_knowledge(
    given_evidence, purpose, recorded_objection
):
    """And a yes said without it does not outlive an opt-out that comes with the request."""
    signals = signals_of(given_evidence, POLICY)
    now_us = to_us(NOW)
    known = [
        ConsentRecord(purpose, Action.OBJECT, now_us - 2, now_us - 2, 1, source="gpc"),
        ConsentRecord(purpose, Action.SIGNAL_REFUSE, now_us - 2, now_us - 2, 2, source="tcf"),
    ][: 2 if recorded_objection else 0]
    grant = ConsentRecord(
        purpose, Action.GRANT, now_us - 1, now_us - 1, 3, "2026-01/en", ACCOUNT, confirmed=True
    )
    asked = {"policy": POLICY, "at_us": now_us, "signals": signals}
    assert decide(purpose, [*known, grant], **asked).allowed
    unaware = replace(grant, confirmed=False)
    opted_out = any(purpose in one.objects for one in signals)
    assert decide(purpose, [*known, unaware], **asked).allowed is not opted_out


@given(evidence, st.sampled_from(PURPOSES))
def test_a_no_of_the_person_stands_over_any_signal(given_evidence, purpose):
    """However many say yes."""
    no = ConsentRecord(purpose, Action.REFUSE, 1, 1, 1)
    signals = signals_of(given_evidence, POLICY)
    decision = decide(purpose, [no], policy=POLICY, at_us=to_us(NOW), signals=signals)
    assert not decision.allowed
