"""May this person's data be used for this purpose, now? One pure function, deny by default.

The order is law: prohibitions, restrictions and objections; the latest explicit choice of the
scope; signals; another declared basis; deny. Two rules keep doubtful clocks from allowing anything:

- A choice counts from the earlier of when it was made and when the shop learnt of it, so a clock
  that runs ahead cannot put a choice above one made after it.
- A choice dated later than its receipt, beyond the skew the policy grants, is a no from its receipt
  on, for good: otherwise a grant dated next year would allow next year, over today's refusal.

Signals come with a request, or were recorded and stand in the history; both are heard alike. An
opt-out signal is an objection: only a choice made in the knowledge of one outranks it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from knowingly.domain.consent import ACCOUNT, MERGED, Action, ConsentRecord, Decision
from knowingly.domain.moments import to_us
from knowingly.domain.signal import Signal
from knowingly.policy.model import Policy, PurposeRule, Rules
from knowingly.policy.reasons import REASONS

EVERY_PURPOSE = "*"
"""The purpose of a record that restricts, or says no to, everything at once; it grants nothing."""

_GRANT, _OBJECT = Action.GRANT, Action.OBJECT
_RESTRICT, _UNRESTRICT = Action.RESTRICT, Action.UNRESTRICT
_PLAIN = frozenset({Action.GRANT, Action.REFUSE, Action.WITHDRAW})
_SAID_NOTHING = frozenset({Action.REQUEST, Action.DEFER})
_SIGNALLED = frozenset({Action.SIGNAL_ALLOW, Action.SIGNAL_REFUSE, Action.SIGNAL_SILENT})
_NO_CHOICE = _SIGNALLED | {_RESTRICT, _UNRESTRICT}
_NO = {
    Action.OBJECT: "objected",
    Action.INVALIDATE: "invalidated",
    Action.REVOKE: "revoked",
    Action.WITHDRAW: "withdrawn",
    Action.REFUSE: "refused",
}
_ENDED = frozenset({Action.WITHDRAW, Action.REVOKE, Action.INVALIDATE})
"""A no that says how an agreement ended: it is handed on as it is, and any other as a refusal."""
_BY_GRAVITY = (
    "signal_objected",
    "invalid_signal",
    "future_dated",
    "stale_signal",
    "signal_refused",
    "signal",
)


class _Asked(NamedTuple):
    """What is asked: a purpose that the policy has, at a moment."""

    purpose: str
    rule: PurposeRule
    rules: Rules
    at_us: int


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
    scope: str | None = None,
) -> Decision:
    """Decide from what was known at ``at_us``; anything absent or doubtful denies.

    Args:
        purpose: The purpose asked for.
        records: The choices of one person, of any purpose and scope, in any order. Those received
            after ``at_us`` were not known then and do not count.
        policy: The shop's policy.
        at_us: The moment of the decision, microseconds since 1970, UTC.
        signals: What the browser or a banner said with this request.
        scope: That of the device asking, ``"device:…"``; its own choices count where the account
            has none.

    Returns:
        The decision, with a reason of ``REASONS``. It never raises.
    """
    rules = policy.rules
    rule = rules.purposes.get(purpose)
    if rule is None or not rule.enabled:
        return Decision(purpose, False, "prohibited" if rule else "unknown_purpose", at_us)
    asked, signals = _Asked(purpose, rule, rules, at_us), tuple(signals)
    account, here, plain, unconfirmed = _known(purpose, records, at_us, scope)
    since_floor = 0
    recorded: list[ConsentRecord] = []
    if not plain:
        if stopped := _stopped(account, here, rules.skew_us):
            reason, rests_on = stopped
            return Decision(purpose, False, reason, at_us, 0, rests_on)
        recorded = [r for r in (*account, *here) if r.action in _SIGNALLED]
        account, here = _choices(account), _choices(here)
        if account and here:
            since_floor = _resumed(account, here, rules.skew_us)
    if choices := account or here:
        allowed, reason, since, rests_on = _weigh(choices, rule, rules.skew_us, at_us)
        if allowed and signals and _opts_out(signals, purpose) and not _confirmed(choices):
            return Decision(purpose, False, "signal_objected", at_us, 0, rests_on)
        since = max(since, since_floor) if allowed else since
        return Decision(purpose, allowed, reason, at_us, since, rests_on)
    return _without_choice(asked, signals, recorded, unconfirmed=unconfirmed)


def _without_choice(
    asked: _Asked, signals: Iterable[Signal], recorded: _Records, *, unconfirmed: bool
) -> Decision:
    """What holds for a person who chose nothing: signals, then another basis, then a no."""
    purpose, rule, _, at_us = asked
    if signals or recorded:
        heard, rests_on = _hear(asked, signals, recorded)
        if heard is not None:
            since = _heard_since(asked, recorded) if heard == "signal" else 0
            return Decision(purpose, heard == "signal", heard, at_us, since, rests_on)
    if rule.basis != "consent":
        return Decision(purpose, True, rule.basis, at_us)
    return Decision(purpose, False, "needs_confirmation" if unconfirmed else "no_record", at_us)


def standing_no(purpose: str, records: Sequence[ConsentRecord], *, policy: Policy) -> Action | None:
    """The explicit no of a person to a purpose, as it stands; None where there is none.

    Of ``EVERY_PURPOSE`` it says only whether a restriction stands. What is doubtful, a tie or a
    choice dated in the future, is a refusal; so is a recorded signal that refuses, where there is
    no choice. It does not ask whether the policy still declares the purpose: a no outlives the
    purpose's absence.
    """
    skew_us = policy.rules.skew_us
    at_us = max((record.received_us for record in records), default=0)
    account, _, _, _ = _known(purpose, records, at_us, None)
    if purpose == EVERY_PURPOSE:
        return _RESTRICT if _standing(account, (), _RESTRICT, _UNRESTRICT, skew_us) else None
    if _standing(account, (), _OBJECT, _GRANT, skew_us):
        return _OBJECT
    # A yes that cannot count takes no earlier no away.
    choices = [r for r in _choices(account) if r.action is not _GRANT or r.flaw is None]
    if not choices:
        heard = _latest_by_source([r for r in account if r.action in _SIGNALLED])
        refuses = any(r.action is Action.SIGNAL_REFUSE and r.flaw is None for r in heard)
        return Action.REFUSE if refuses else None
    last = max(map(_moment, choices))
    latest = [r for r in choices if _moment(r) == last]
    if all(r.action is _GRANT and not _ahead(r, skew_us) for r in latest):
        return None
    said = {r.action for r in latest}
    last_no = next(iter(said)) if len(said) == 1 else Action.REFUSE
    return last_no if last_no in _ENDED else Action.REFUSE


def _known(
    purpose: str, records: Iterable[ConsentRecord], at_us: int, own: str | None
) -> tuple[list[ConsentRecord], list[ConsentRecord], bool, bool]:
    """What bears on the purpose: the account's records and this device's.

    And whether all are plain, that is grants, refusals and withdrawals, as most people's are; and
    whether a session that was merged had agreed, which the account has still to confirm.
    """
    account: list[ConsentRecord] = []
    here: list[ConsentRecord] = []
    plain, unconfirmed = True, False
    for record in records:
        if record.received_us > at_us or record.action in _SAID_NOTHING:
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
            unconfirmed |= record.action is _GRANT and record.scope.startswith(MERGED)
            continue
        if record.action not in _PLAIN:
            plain = False
    return account, here, plain, unconfirmed


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
    """When ``action`` was last recorded with a date that can be believed, and by who may."""
    moments = (
        _moment(r)
        for r in records
        if r.action is action and r.flaw is None and not _ahead(r, skew_us)
    )
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
        if r.action is _GRANT
        and r.flaw is None
        and not _ahead(r, skew_us)
        and (moment := _moment(r)) > last
    )


def _weigh(choices: _Records, rule: PurposeRule, skew_us: int, at_us: int) -> _Verdict:
    """The person's latest choice in one scope, and whether it still holds."""
    moments = [r.at_us if r.at_us < r.received_us else r.received_us for r in choices]
    last = max(moments)
    latest = [r for r, moment in zip(choices, moments, strict=True) if moment == last]
    if len(latest) > 1:
        latest = _better_evidence(latest)
    reason = _said(latest, rule, skew_us)
    if reason == "granted" and rule.valid_us is not None and at_us - last > rule.valid_us:
        reason = "expired"
    rests_on = (latest[0].index,) if len(latest) == 1 else tuple(sorted(r.index for r in latest))
    if reason != "granted":
        return False, reason, 0, rests_on
    return True, reason, last if len(choices) == 1 else _since(choices, rule, skew_us), rests_on


def _better_evidence(latest: list[ConsentRecord]) -> list[ConsentRecord]:
    """Choices of one moment without those that were imported again with evidence that is enough."""
    return [r for r in latest if r.flaw != "weak_evidence"] or latest


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
    if flawed := min((r.flaw for r in latest if r.flaw is not None), default=None):
        return flawed if flawed in REASONS else "invalidated"
    return "granted" if all(r.notice in rule.covering for r in latest) else "reconsent"


def _confirmed(choices: _Records) -> bool:
    """Whether the latest choices are grants made in the knowledge of an opt-out signal."""
    last = max(map(_moment, choices))
    return all(r.confirmed for r in choices if _moment(r) == last)


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


def _opts_out(signals: Iterable[Signal], purpose: str) -> bool:
    return any(purpose in signal.objects for signal in signals)


def _hear(
    asked: _Asked, signals: Iterable[Signal], recorded: _Records
) -> tuple[str | None, tuple[int, ...]]:
    """What the signals say together: the gravest no, else an accepted yes, else nothing.

    Of one source only what was recorded last is heard, beside what comes with the request.
    """
    said = {_hear_one(signal, asked) for signal in signals}
    heard = {r.index: _hear_recorded(r, asked) for r in _latest_by_source(recorded)}
    said |= set(heard.values())
    reason = next((reason for reason in _BY_GRAVITY if reason in said), None)
    return reason, tuple(sorted(index for index, one in heard.items() if one == reason))


def _hear_one(signal: Signal, asked: _Asked) -> str | None:
    if asked.purpose in signal.objects:
        return "signal_objected"
    if signal.problem is not None:
        return "invalid_signal"
    if signal.at is not None and (doubt := _doubted(signal.at, asked)):
        return doubt
    if asked.purpose in signal.refuses:
        return "signal_refused"
    if asked.purpose in signal.allows and signal.source in asked.rule.sources:
        return "signal"
    return None


def _latest_by_source(recorded: _Records) -> list[ConsentRecord]:
    last: dict[str | None, int] = {}
    for record in recorded:
        last[record.source] = max(last.get(record.source, _moment(record)), _moment(record))
    return [r for r in recorded if _moment(r) == last[r.source]]


def _hear_recorded(record: ConsentRecord, asked: _Asked) -> str | None:
    if record.action is Action.SIGNAL_SILENT:
        return None
    if record.flaw is not None:
        return "invalid_signal"
    if doubt := _out_of_date(record.at_us, asked):
        return doubt
    if record.action is Action.SIGNAL_REFUSE:
        return "signal_refused"
    return "signal" if record.source in asked.rule.sources else None


def _heard_since(asked: _Asked, recorded: _Records) -> int:
    """When what recorded signals allow began; 0 where only those of the request allow.

    That is when the oldest unbroken run of one source began, but not before any source's last no.
    """
    runs = [run for source in asked.rule.sources if (run := _run_of(source, asked, recorded))]
    noes = [_moment(r) for r in recorded if r.action is Action.SIGNAL_REFUSE or r.flaw is not None]
    return max([min(runs), *noes]) if runs else 0


def _run_of(source: str, asked: _Asked, recorded: _Records) -> int:
    """When a source began to allow without a break; 0 where it does not allow."""
    start = 0
    # At one moment what does not allow comes first.
    said = [(-_moment(r), r.action is Action.SIGNAL_ALLOW) for r in recorded if r.source == source]
    for minus_moment, allows in sorted(said):
        if not allows or (start and start + minus_moment > asked.rules.stale_us):
            break
        start = -minus_moment
    return start


def _doubted(at: datetime, asked: _Asked) -> str | None:
    """Why a signal's date cannot be believed; None if it can."""
    try:
        moment = to_us(at)
    except Exception:  # no zone, or a stranger's tzinfo that raises anything: deny, do not fail
        return "invalid_signal"
    return _out_of_date(moment, asked)


def _out_of_date(moment_us: int, asked: _Asked) -> str | None:
    if moment_us > asked.at_us + asked.rules.skew_us:
        return "future_dated"
    return "stale_signal" if asked.at_us - moment_us > asked.rules.stale_us else None


def _choices(records: _Records) -> list[ConsentRecord]:
    return [r for r in records if r.action not in _NO_CHOICE]


def _moment(record: ConsentRecord) -> int:
    """When the choice counts from: no one chose after the shop had received the choice."""
    return record.at_us if record.at_us < record.received_us else record.received_us


def _holds(record: ConsentRecord, rule: PurposeRule, skew_us: int) -> bool:
    """Whether the choice alone is a grant of the purpose as it is today, whatever its age."""
    return (
        record.action is _GRANT
        and record.flaw is None
        and record.notice in rule.covering
        and record.at_us <= record.received_us + skew_us
    )


def _ahead(record: ConsentRecord, skew_us: int) -> bool:
    """Whether the choice is dated later than it was received, beyond the skew."""
    return record.at_us > record.received_us + skew_us
