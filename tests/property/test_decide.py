"""``decide`` over random histories, signals, devices and times."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from knowingly.domain.consent import ACCOUNT, MERGED, Action, ConsentRecord
from knowingly.domain.signal import Signal
from knowingly.policy import EVERY_PURPOSE, REASONS, Notice, Policy, Purpose, decide, standing_no

PURPOSES = ("train", "news", "order", "off")
NOTICES = ("new", "old")
TEXT = {"title": "A purpose", "description": "A purpose."}
POLICY = Policy(
    purposes={
        "train": Purpose(**TEXT, version=2, valid_days=1),
        "news": Purpose(**TEXT, valid_days="never"),
        "order": Purpose(**TEXT, basis="contract"),
        "off": Purpose(**TEXT, enabled=False),
    },
    notices=(
        Notice(id="new", text="New.", covers={"train": 2, "news": 1, "order": 1, "off": 1}),
        Notice(id="old", text="Old.", covers={"train": 1}),
    ),
    signals={"accept": {"banner": ("train", "off")}, "stale_after_days": 1},
    intake={"clock_skew_seconds": 3_600},
)
HOUR_US = 3_600_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=1)))

# Few distinct hours, so that ties, expiry, skew and dates ahead all come up often.
hours = st.integers(0, 40).map(lambda hour: hour * HOUR_US)
moments = hours | st.integers(-(2**70), 2**70)
purposes = st.sampled_from((*PURPOSES, "unknown", "*"))
devices = st.sampled_from((None, "device:a", "device:b", "device:"))
scopes = st.sampled_from((ACCOUNT, ACCOUNT, "device:a", "device:b", "device:", f"{MERGED}7", "odd"))


def histories_over(times):
    return st.lists(
        st.builds(
            ConsentRecord,
            purpose=st.sampled_from(("train", "train", "order", "*")),
            action=st.sampled_from(Action),
            at_us=times,
            received_us=times,
            index=st.integers(0, 99),
            notice=st.sampled_from(("new", "new", "old", "none", None)),
            scope=scopes,
            source=st.sampled_from((None, None, "banner", "gpc")),
            flaw=st.sampled_from((None, None, None, "under_age", "odd")),
            confirmed=st.booleans(),
        ),
        max_size=7,
    )


histories = histories_over(hours) | histories_over(moments)
some_purposes = st.frozensets(st.sampled_from(PURPOSES))
signal_lists = st.lists(
    st.builds(
        Signal,
        source=st.sampled_from(("banner", "gpc")),
        allows=some_purposes,
        refuses=some_purposes,
        at=st.none() | st.datetimes() | hours.map(lambda us: EPOCH + timedelta(microseconds=us)),
        problem=st.sampled_from((None, None, None, "x")),
        objects=st.just(frozenset()) | some_purposes,
    ),
    max_size=3,
)


scenes = st.fixed_dictionaries(
    {"policy": st.just(POLICY), "at_us": hours, "signals": signal_lists, "scope": devices}
)


CHOSEN = set(Action) - {
    *(Action.RESTRICT, Action.UNRESTRICT, Action.REQUEST, Action.DEFER),
    *(Action.SIGNAL_ALLOW, Action.SIGNAL_REFUSE),
}


def explicit(record):
    return record.action in CHOSEN


def in_scope(records, scene):
    return [record for record in records if record.scope in {ACCOUNT, scene["scope"]}]


def grant(at_us, purpose="train"):
    """A yes that knows of whatever a browser said."""
    return ConsentRecord(purpose, Action.GRANT, at_us, at_us, 100, notice="new", confirmed=True)


@given(purposes, histories, scenes, moments)
def test_any_history_gets_an_answer(purpose, records, scene, now):
    decision = decide(purpose, records, **{**scene, "at_us": now})
    assert decision.reason in REASONS
    assert set(decision.rests_on) <= {record.index for record in records}
    assert decision.since_us <= now or decision.since_us == 0
    assert decision.allowed is (decision.reason in {"granted", "signal", "contract"})


@given(st.sampled_from(PURPOSES), histories, scenes)
def test_nothing_is_allowed_without_a_ground(purpose, records, scene):
    decision = decide(purpose, records, **scene)
    if not decision.allowed:
        return
    assert POLICY.purposes[purpose].enabled
    choices = [
        record
        for record in in_scope(records, scene)
        if record.received_us <= scene["at_us"] and record.purpose == purpose and explicit(record)
    ]
    if decision.reason == "granted":
        deciding = [r for r in choices if r.action is Action.GRANT and r.index in decision.rests_on]
        assert any(
            r.notice == "new" and r.flaw is None and r.at_us <= r.received_us + HOUR_US
            for r in deciding
        )
        if any(purpose in signal.objects for signal in scene["signals"]):
            assert all(r.confirmed for r in deciding)
        return
    assert choices == []
    signals = scene["signals"]
    for signal in signals:
        assert signal.problem is None
        assert purpose not in signal.refuses | signal.objects
    if decision.reason == "signal":
        heard = [r for r in records if r.index in decision.rests_on]
        assert any(
            signal.source == "banner" and purpose in signal.allows for signal in signals
        ) or any(
            (r.action, r.source, r.flaw) == (Action.SIGNAL_ALLOW, "banner", None) for r in heard
        )
    else:
        assert POLICY.purposes[purpose].basis == decision.reason


@given(histories, scenes)
def test_a_person_who_said_no_can_always_say_yes_again(records, scene):
    now = scene["at_us"]
    before = [r for r in records if explicit(r) and r.received_us < now]
    decision = decide("train", [*before, grant(now)], **scene)
    assert (decision.allowed, decision.reason, decision.rests_on) == (True, "granted", (100,))


@given(histories, scenes)
def test_an_opt_out_signal_outranks_a_yes_that_did_not_know_of_one(records, scene):
    """And allows again as soon as the person says yes over it."""
    now = scene["at_us"]
    opted_out = Signal("gpc", objects=frozenset({"train"}))
    scene["signals"] = [*scene["signals"], opted_out]
    before = [replace(r, confirmed=False) for r in records if explicit(r) and r.received_us < now]
    plain = replace(grant(now), confirmed=False)
    assert decide("train", [*before, plain], **scene).reason == "signal_objected"
    assert not decide("train", before, **scene).allowed
    assert decide("train", [*before, plain, replace(grant(now), index=101)], **scene).reason == (
        "signal_objected"
    )
    assert decide("train", [*before, grant(now)], **scene).allowed


@given(histories, scenes)
def test_being_asked_says_nothing(records, scene):
    asked = [
        ConsentRecord("train", action, scene["at_us"], scene["at_us"], 100)
        for action in (Action.REQUEST, Action.DEFER)
    ]
    assert decide("train", [*records, *asked], **scene) == decide("train", records, **scene)


@given(histories, scenes, st.sampled_from(("under_age", "weak_evidence", "odd")))
def test_a_grant_with_a_flaw_never_allows(records, scene, flaw):
    """Alone, on top of other choices, or as what would lift an objection."""
    now = scene["at_us"]
    flawed = replace(grant(now), flaw=flaw)
    decision = decide("train", [*records, flawed], **scene)
    assert not decision.allowed or 100 not in decision.rests_on
    before = [r for r in records if r.received_us < now and r.scope == ACCOUNT]
    assert not decide("train", [*before, flawed], **scene).allowed


@given(st.lists(st.sampled_from((Action.SIGNAL_ALLOW, Action.SIGNAL_REFUSE)), max_size=4), scenes)
def test_a_recorded_signal_counts_as_one_that_comes_with_the_request(said, scene):
    """The last one of its source; and any choice of the person counts before it."""
    now, scene["signals"], scene["scope"] = scene["at_us"], [], None
    records = [
        ConsentRecord("train", action, now - len(said) + i, now, i, source="banner")
        for i, action in enumerate(said)
    ]
    decision = decide("train", records, **scene)
    last = said[-1] if said else None
    sent = Signal(
        "banner",
        allows=frozenset({"train"}) if last is Action.SIGNAL_ALLOW else frozenset(),
        refuses=frozenset({"train"}) if last is Action.SIGNAL_REFUSE else frozenset(),
    )
    assert decision.reason == decide("train", [], **{**scene, "signals": [sent]}).reason
    assert decide("train", [*records, grant(now)], **scene).reason == "granted"
    refusal = replace(grant(now), action=Action.REFUSE)
    assert decide("train", [*records, refusal], **scene).reason == "refused"


@given(
    st.sampled_from((*PURPOSES, "*")),
    histories,
    scenes,
    st.sampled_from(
        (
            *(Action.REFUSE, Action.WITHDRAW, Action.OBJECT, Action.RESTRICT),
            *(Action.REVOKE, Action.INVALIDATE),
        )
    ),
)
def test_a_no_said_now_always_denies(said_of, records, scene, action):
    now = scene["at_us"]
    said = ConsentRecord(said_of, action, now, now, 100)
    for purpose in PURPOSES if said_of == "*" else [said_of]:
        assert not decide(purpose, [*records, said], **scene).allowed


@given(st.data(), purposes, histories, scenes)
def test_order_does_not_matter(data, purpose, records, scene):
    turned = {**scene, "signals": iter(data.draw(st.permutations(scene["signals"])))}
    shuffled = iter(data.draw(st.permutations(records)))
    assert decide(purpose, shuffled, **turned) == decide(purpose, records, **scene)


@given(purposes, histories, scenes)
def test_what_other_devices_said_does_not_matter(purpose, records, scene):
    assert decide(purpose, in_scope(records, scene), **scene) == decide(purpose, records, **scene)


@given(purposes, histories, histories, scenes)
def test_what_came_later_does_not_change_what_was_known(purpose, records, later, scene):
    now = scene["at_us"]
    known = [record for record in records if record.received_us <= now]
    unknown = [replace(record, received_us=max(record.received_us, now + 1)) for record in later]
    assert decide(purpose, [*known, *unknown], **scene) == decide(purpose, known, **scene)


@given(histories, scenes, st.sampled_from((Action.REFUSE, Action.WITHDRAW)))
def test_a_tie_denies(records, scene, no):
    now = scene["at_us"]
    before = [r for r in records if explicit(r) and r.received_us < now]
    against = replace(grant(now), action=no, index=101)
    decision = decide("train", [grant(now), *before, against], **scene)
    assert (decision.allowed, decision.reason, decision.rests_on) == (False, "tie", (100, 101))


@given(histories, scenes, st.integers(0, 40))
def test_a_choice_dated_ahead_never_allows_even_when_its_day_comes(records, scene, wait):
    ahead = [replace(record, at_us=record.received_us + HOUR_US + 1) for record in records]
    choices = [record for record in ahead if record.action is Action.GRANT]
    for at_us in (scene["at_us"], scene["at_us"] + wait * HOUR_US):
        decision = decide("train", choices, **{**scene, "at_us": at_us, "signals": ()})
        assert not decision.allowed


@given(histories_over(hours), scenes)
def test_since_is_the_start_of_an_unbroken_permission(records, scene):
    now = scene["at_us"]
    told = [replace(r, received_us=r.at_us) for r in records if explicit(r) and r.at_us < now]
    told.append(grant(now))
    scene["signals"] = ()
    since = decide("train", told, **scene).since_us
    turns = {r.at_us for r in told if since <= r.at_us <= now}
    for moment in turns | {turn - 1 for turn in turns if turn > since}:
        assert decide("train", told, **{**scene, "at_us": moment}).allowed
    # A device's own earlier yes does not lengthen what the account's yes then carries.
    if scene["scope"] is None:
        assert not decide("train", told, **{**scene, "at_us": since - 1}).allowed


SAID_NO = {
    *("objected", "withdrawn", "refused", "tie", "future_dated"),
    *("revoked", "invalidated", "signal_refused"),
}


@given(st.sampled_from(("train", "news", "order")), histories)
def test_a_standing_no_is_the_no_that_decide_gives(purpose, records):
    """What stands is denied, what is denied for a no stands, and an allowed purpose has none."""
    # A restriction is recorded of everything; a signal is believed while it is fresh.
    restricting = (Action.RESTRICT, Action.UNRESTRICT)
    records = [
        replace(one, purpose="*" if one.action in restricting else one.purpose, flaw=None)
        for one in records
        if explicit(one) or one.action in restricting
    ]
    at_us = max([record.received_us for record in records], default=0)
    decision = decide(purpose, records, policy=POLICY, at_us=at_us)
    no = standing_no(purpose, records, policy=POLICY)
    restricted = standing_no(EVERY_PURPOSE, records, policy=POLICY) is not None
    assert restricted == (decision.reason == "restricted")
    if decision.allowed:
        assert no is None
    if not restricted:
        assert (no is not None) == (decision.reason in SAID_NO)
    if no is not None:
        assert no in CHOSEN - {Action.GRANT}


def test_a_signal_that_refused_is_a_no_where_nobody_chose():
    """A session's banner is heard when its person signs in."""
    told = [ConsentRecord("order", Action.SIGNAL_REFUSE, 1, 1, 0, source="banner")]
    assert standing_no("order", told, policy=POLICY) is Action.REFUSE
    again = ConsentRecord("order", Action.SIGNAL_ALLOW, 2, 2, 1, source="banner")
    assert standing_no("order", [*told, again], policy=POLICY) is None


@given(st.sampled_from(("train", "order")), histories)
def test_a_no_stands_without_a_restriction_as_with_one(purpose, records):
    """A restriction hides it from ``decide`` and not from a merge."""
    restricting = (Action.RESTRICT, Action.UNRESTRICT)
    plain = [record for record in records if record.action not in restricting]
    assert standing_no(purpose, records, policy=POLICY) == standing_no(
        purpose, plain, policy=POLICY
    )


def test_a_yes_that_cannot_count_takes_no_earlier_no_away():
    """A session's no, and then a yes of somebody too young, is still a no for the account."""
    said = [
        ConsentRecord("train", Action.REFUSE, 1, 1, 0),
        ConsentRecord("train", Action.GRANT, 2, 2, 1, notice="new", flaw="under_age"),
    ]
    assert standing_no("train", said, policy=POLICY) is Action.REFUSE
    assert standing_no("train", said[1:], policy=POLICY) is None
