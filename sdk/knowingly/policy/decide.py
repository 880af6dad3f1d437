"""May this person's data be used for this purpose, now? One pure function, deny by default.

The order is law: prohibitions, restrictions and objections; the latest explicit choice of the
scope; signals; another declared basis; deny. Two rules keep doubtful clocks from allowing anything:

- A choice counts from the earlier of when it was made and when the shop learnt of it, so a clock
  that runs ahead cannot put a choice above one made after it.
- A choice dated later than its receipt, beyond the skew the policy grants, is a no from its receipt
  on, for good: otherwise a grant dated next year would allow next year, over today's refusal.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from knowingly.domain.consent import ACCOUNT, Action, ConsentRecord, Decision, Signal
from knowingly.domain.moments import to_us
from knowingly.policy.model import Policy, PurposeRule, Rules

EVERY_PURPOSE = "*"
"""The purpose of a record that restricts, or says no to, everything at once; it grants nothing."""

REASONS: dict[str, str] = {
    "granted": "The person agreed, to a notice that covers the purpose as it is today.",
    "signal": "A signal that the shop accepts for this purpose allows it.",
    "contract": "The shop declares a contract as the basis of this purpose.",
    "legitimate_interest": "The shop declares a legitimate interest as the basis of this purpose.",
    "legal_obligation": "The shop declares a legal obligation as the basis of this purpose.",
    "unknown_purpose": "The policy file does not declare this purpose.",
    "prohibited": "The shop has switched this purpose off.",
    "restricted": "A restriction on the person's data is in force.",
    "objected": "The person objected, and has not agreed since.",
    "refused": "The person said no.",
    "withdrawn": "The person withdrew their agreement.",
    "tie": "The person's latest choices were made at the same moment and contradict each other.",
    "reconsent": "The person agreed to a notice that does not cover the purpose as it is today.",
    "expired": "The person agreed so long ago that they must be asked again.",
    "future_dated": "The latest choice, or a signal, is dated in the future.",
    "invalid_signal": "A signal could not be understood.",
    "stale_signal": "A signal is too old to be believed.",
    "signal_refused": "A signal refuses this purpose.",
    "no_record": "Nothing on record allows this purpose.",
}
"""Every reason a decision can give, with what it means. The codes are stable."""

_GRANT, _OBJECT = Action.GRANT, Action.OBJECT
_RESTRICT, _UNRESTRICT = Action.RESTRICT, Action.UNRESTRICT
_PLAIN = frozenset({Action.GRANT, Action.REFUSE, Action.WITHDRAW})
_NO = {Action.OBJECT: "objected", Action.WITHDRAW: "withdrawn", Action.REFUSE: "refused"}
_BY_GRAVITY = ("invalid_signal", "future_dated", "stale_signal", "signal_refused", "signal")

_Records = Sequence[ConsentRecord]
_Verdict = tuple[bool, str, int, tuple[int, ...]]
"""Allowed, reason, since, rests on."""


def decide(
    purpose: str,
    records: Iterable[ConsentRecord],
    *,
    policy: Policy,
    at_us: int,
    signals: Iterable[Signal] = (),
    device: str | None = None,
) -> Decision:
    """Decide from what was known at ``at_us``; anything absent or doubtful denies.

    Args:
        purpose: The purpose asked for.
        records: The choices of one person, of any purpose and scope, in any order. Those received
            after ``at_us`` were not known then and do not count.
        policy: The shop's policy.
        at_us: The moment of the decision, microseconds since 1970, UTC.
        signals: What the browser or a banner said with this request.
        device: The device asking; its own choices count where the account has none.

    Returns:
        The decision, with a reason of ``REASONS``. It never raises.
    """
    rules = policy.rules
    rule = rules.purposes.get(purpose)
    if rule is None or not rule.enabled:
        return Decision(purpose, False, "prohibited" if rule else "unknown_purpose", at_us)
    own = None if device is None else f"device:{device}"
    account, here, plain = _known(purpose, records, at_us, own)
    since_floor = 0
    if not plain:
        if stopped := _stopped(account, here, rules.skew_us):
            reason, rests_on = stopped
            return Decision(purpose, False, reason, at_us, 0, rests_on)
        account, here = _choices(account), _choices(here)
        if account and here:
            since_floor = _resumed(account, here, rules.skew_us)
    if choices := account or here:
        allowed, reason, since, rests_on = _weigh(choices, rule, rules.skew_us, at_us)
        if allowed and since < since_floor:
            since = since_floor
        return Decision(purpose, allowed, reason, at_us, since, rests_on)
    if signals and (heard := _hear(signals, purpose, rule, rules, at_us)):
        return Decision(purpose, heard == "signal", heard, at_us)
    if rule.basis != "consent":
        return Decision(purpose, True, rule.basis, at_us)
    return Decision(purpose, False, "no_record", at_us)


def standing_no(purpose: str, records: Sequence[ConsentRecord], *, policy: Policy) -> Action | None:
    """The explicit no of a person to a purpose, as it stands; None where there is none.

    Of ``EVERY_PURPOSE`` it says only whether a restriction stands. What is doubtful, a tie or a
    choice dated in the future, is a refusal. It does not ask whether the policy still declares the
    purpose: a no outlives the purpose's absence.
    """
    skew_us = policy.rules.skew_us
    at_us = max((record.received_us for record in records), default=0)
    account, _, _ = _known(purpose, records, at_us, None)
    if purpose == EVERY_PURPOSE:
        return _RESTRICT if _standing(account, (), _RESTRICT, _UNRESTRICT, skew_us) else None
    if _standing(account, (), _OBJECT, _GRANT, skew_us):
        return _OBJECT
    choices = _choices(account)
    if not choices:
        return None
    last = max(map(_moment, choices))
    latest = [r for r in choices if _moment(r) == last]
    if all(r.action is _GRANT and not _ahead(r, skew_us) for r in latest):
        return None
    said = {r.action for r in latest}
    return Action.WITHDRAW if said == {Action.WITHDRAW} else Action.REFUSE


def _known(
    purpose: str, records: Iterable[ConsentRecord], at_us: int, own: str | None
) -> tuple[list[ConsentRecord], list[ConsentRecord], bool]:
    """What bears on the purpose: the account's records, this device's, and whether all are plain.

    Plain are grants, refusals and withdrawals: what most people's histories are made of.
    """
    account: list[ConsentRecord] = []
    here: list[ConsentRecord] = []
    plain = True
    for record in records:
        if record.received_us > at_us:
            continue
        if record.purpose != purpose and (
            record.purpose != EVERY_PURPOSE or record.action is _GRANT
        ):
            continue
        if record.scope == ACCOUNT:
            account.append(record)
        elif own is not None and record.scope == own:
            here.append(record)
        else:
            continue
        if record.action not in _PLAIN:
            plain = False
    return account, here, plain


def _stopped(account: _Records, here: _Records, skew_us: int) -> tuple[str, tuple[int, ...]] | None:
    """The restriction, or else the objection, that stands whatever else was chosen."""
    said = {r.action for r in (*account, *here)}
    for reason, no, yes in (("restricted", _RESTRICT, _UNRESTRICT), ("objected", _OBJECT, _GRANT)):
        if no in said and (standing := _standing(account, here, no, yes, skew_us)):
            return reason, standing
    return None


def _standing(
    account: _Records, here: _Records, no: Action, yes: Action, skew_us: int
) -> tuple[int, ...]:
    """The latest ``no`` that no later ``yes`` has lifted; a device lifts only what it said."""
    lifted = _latest(account, yes, skew_us)
    lifted_here = max(lifted, _latest(here, yes, skew_us))
    standing = [r for r in account if r.action is no and _moment(r) >= lifted]
    standing += [r for r in here if r.action is no and _moment(r) >= lifted_here]
    if not standing:
        return ()
    last = max(map(_moment, standing))
    return tuple(sorted(r.index for r in standing if _moment(r) == last))


def _latest(records: _Records, action: Action, skew_us: int) -> float:
    """When ``action`` was last recorded with a date that can be believed."""
    moments = (_moment(r) for r in records if r.action is action and not _ahead(r, skew_us))
    return max(moments, default=float("-inf"))


def _resumed(account: _Records, here: _Records, skew_us: int) -> int:
    """When a grant first lifted this device's last objection; 0 if it never objected.

    Under an account's grant the device's other choices do not count, but an objection does: the
    permission has been whole on this device only since then.
    """
    objections = [_moment(r) for r in here if r.action is _OBJECT]
    if not objections:
        return 0
    last = max(objections)
    return min(
        moment
        for r in (*account, *here)
        if r.action is _GRANT and not _ahead(r, skew_us) and (moment := _moment(r)) > last
    )


def _weigh(choices: _Records, rule: PurposeRule, skew_us: int, at_us: int) -> _Verdict:
    """The person's latest choice in one scope, and whether it still holds."""
    moments = [r.at_us if r.at_us < r.received_us else r.received_us for r in choices]
    last = max(moments)
    latest = [r for r, moment in zip(choices, moments, strict=True) if moment == last]
    reason = _said(latest, rule, skew_us)
    if reason == "granted" and rule.valid_us is not None and at_us - last > rule.valid_us:
        reason = "expired"
    rests_on = (latest[0].index,) if len(latest) == 1 else tuple(sorted(r.index for r in latest))
    if reason != "granted":
        return False, reason, 0, rests_on
    return True, reason, last if len(choices) == 1 else _since(choices, rule, skew_us), rests_on


def _said(latest: _Records, rule: PurposeRule, skew_us: int) -> str:
    """What choices made at one moment come to, before their age counts."""
    if len(latest) == 1 and _holds(latest[0], rule, skew_us):
        return "granted"
    if any(_ahead(r, skew_us) for r in latest):
        return "future_dated"
    grants = sum(r.action is _GRANT for r in latest)
    if grants == 0:
        said = {_NO.get(r.action, "refused") for r in latest}
        return next(reason for reason in _NO.values() if reason in said)
    if grants < len(latest):
        return "tie"
    return "granted" if all(r.notice in rule.covering for r in latest) else "reconsent"


def _since(choices: _Records, rule: PurposeRule, skew_us: int) -> int:
    """When the unbroken run of grants that ends in the latest one began.

    It breaks at any no, at a tie, at a grant whose notice does not cover the purpose as it is
    today, and at one that had run out before the next was given.
    """
    run = sorted([(-_moment(r), _holds(r, rule, skew_us)) for r in choices])
    start = -run[0][0]
    for minus_moment, holds in run:
        # At one moment what does not hold sorts first, so a tie breaks the run before it counts.
        if not holds or (rule.valid_us is not None and start + minus_moment > rule.valid_us):
            break
        start = -minus_moment
    return start


def _hear(
    signals: Iterable[Signal], purpose: str, rule: PurposeRule, rules: Rules, at_us: int
) -> str | None:
    """What the signals say together: the gravest no, else an accepted yes, else nothing."""
    said = {_hear_one(signal, purpose, rule, rules, at_us) for signal in signals}
    return next((reason for reason in _BY_GRAVITY if reason in said), None)


def _hear_one(
    signal: Signal, purpose: str, rule: PurposeRule, rules: Rules, at_us: int
) -> str | None:
    if signal.problem is not None:
        return "invalid_signal"
    if signal.at is not None and (doubt := _doubted(signal.at, rules, at_us)):
        return doubt
    if purpose in signal.refuses:
        return "signal_refused"
    if purpose in signal.allows and signal.source in rule.sources:
        return "signal"
    return None


def _doubted(at: datetime, rules: Rules, at_us: int) -> str | None:
    """Why a signal's date cannot be believed; None if it can."""
    try:
        moment = to_us(at)
    except Exception:  # no zone, or a stranger's tzinfo that raises anything: deny, do not fail
        return "invalid_signal"
    if moment > at_us + rules.skew_us:
        return "future_dated"
    return "stale_signal" if at_us - moment > rules.stale_us else None


def _choices(records: _Records) -> list[ConsentRecord]:
    return [r for r in records if r.action is not _RESTRICT and r.action is not _UNRESTRICT]


def _moment(record: ConsentRecord) -> int:
    """When the choice counts from: no one chose after the shop had received the choice."""
    return record.at_us if record.at_us < record.received_us else record.received_us


def _holds(record: ConsentRecord, rule: PurposeRule, skew_us: int) -> bool:
    """Whether the choice alone is a grant of the purpose as it is today, whatever its age."""
    return (
        record.action is _GRANT
        and record.notice in rule.covering
        and record.at_us <= record.received_us + skew_us
    )


def _ahead(record: ConsentRecord, skew_us: int) -> bool:
    """Whether the choice is dated later than it was received, beyond the skew."""
    return record.at_us > record.received_us + skew_us
