"""Recording signals: which rows of a person's history a signal adds, and which it need not.

Of one source what was recorded last holds, so a purpose that it does not speak of any more gets a
row that says so. An opt-out is an objection of the account, whichever device it came from.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowingly.consent.choice import Choice
from knowingly.consent.recording import Asked
from knowingly.domain.consent import ACCOUNT, Action, ConsentRecord
from knowingly.domain.moments import DAY_US, from_us, to_us
from knowingly.domain.signal import DEVICE, MAX_PROBLEM_CHARS, MAX_RAW_CHARS, Signal, check_signal
from knowingly.domain.validate import check_iterable
from knowingly.errors import InputError
from knowingly.policy import EVERY_PURPOSE

MAX_SIGNALS = 20
INVALID = "invalid_signal"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_DECODER = re.compile(r"([a-z][a-z0-9_]{0,39} [A-Za-z0-9._-]{1,20})?\Z")
_SIGNALLED = frozenset({Action.SIGNAL_ALLOW, Action.SIGNAL_REFUSE, Action.SIGNAL_SILENT})

Said = dict[tuple[Action, str], list[str]]
"""The purposes to be recorded, by what was said of them and in which scope."""


def check_signals(signals: object) -> list[Signal]:
    """One or many signals, fit to stand in the log.

    Raises:
        InputError: They are none, or a name in one is not a name: a leaf holds no other text.
    """
    if isinstance(signals, Signal):
        signals = [signals]
    check_iterable(signals, "signals", "a list of signals")
    found = [check_signal(one) for one in signals]  # type: ignore[attr-defined]  # just checked
    if len(found) > MAX_SIGNALS:
        raise InputError("signals", f"at most {MAX_SIGNALS} signals")
    for one in found:
        if not _NAME.match(one.source):
            raise InputError("signals", "a source of small letters, digits and _, at most 40")
        if not isinstance(one.decoder, str) or not _DECODER.match(one.decoder):
            raise InputError("signals", "a decoder such as 'gpc 1'")
        if not isinstance(one.raw, str) or len(one.raw) > MAX_RAW_CHARS:
            raise InputError("signals", f"raw text of at most {MAX_RAW_CHARS:,} characters")
        if one.problem is not None and not (
            isinstance(one.problem, str) and len(one.problem) <= MAX_PROBLEM_CHARS
        ):
            raise InputError("signals", f"a problem of at most {MAX_PROBLEM_CHARS} characters")
        if one.at is not None:
            to_us(one.at)
    return found


@dataclass(frozen=True, slots=True, repr=False)
class Evidence:
    """A signal beside what is known of the person already."""

    signal: Signal
    scope: str
    known: Sequence[ConsentRecord]
    now_us: int

    def said(self, purposes: Iterable[str]) -> Said:
        """What is to be recorded: what is new, or was last recorded more than a day ago."""
        own = self.scope if self.signal.scope == DEVICE else ACCOUNT
        if self.signal.problem is not None:
            before = self._last(None, own)
            known = before is not None and before.flaw is not None and self._is_fresh(before)
            return {} if known else {(Action.SIGNAL_REFUSE, own): [EVERY_PURPOSE]}
        found: Said = {}
        for purpose in purposes:
            if purpose in self.signal.objects:
                if not (self._is_answered(purpose) or self._is_objected(purpose)):
                    found.setdefault((Action.OBJECT, ACCOUNT), []).append(purpose)
                continue
            action, before = self._action(purpose), self._last(purpose, own)
            if before is None and action is Action.SIGNAL_SILENT:
                continue
            if before is None or _differs(before, action) or not self._is_fresh(before):
                found.setdefault((action, own), []).append(purpose)
        return found

    def _action(self, purpose: str) -> Action:
        if purpose in self.signal.refuses:
            return Action.SIGNAL_REFUSE
        allowed = purpose in self.signal.allows
        return Action.SIGNAL_ALLOW if allowed else Action.SIGNAL_SILENT

    def _last(self, purpose: str | None, scope: str) -> ConsentRecord | None:
        """What this source last said of the purpose (any where None), understood or not."""
        mine = (
            record
            for record in self.known
            if record.source == self.signal.source
            and record.action in _SIGNALLED
            and record.scope == scope
            and (purpose is None or record.purpose in {purpose, EVERY_PURPOSE})
        )
        return max(mine, key=lambda record: record.index, default=None)

    def _is_fresh(self, before: ConsentRecord) -> bool:
        if before.action is Action.SIGNAL_SILENT:
            return True
        return before.received_us > self.now_us - DAY_US

    def _choices(self, purpose: str) -> list[ConsentRecord]:
        return [
            record
            for record in self.known
            if record.purpose == purpose
            and record.scope == ACCOUNT
            and record.action in {Action.GRANT, Action.OBJECT}
        ]

    def _is_answered(self, purpose: str) -> bool:
        """Whether the person has agreed since, in the knowledge of an opt-out signal."""
        last = max(self._choices(purpose), key=lambda record: record.index, default=None)
        return last is not None and last.action is Action.GRANT and last.confirmed

    def _is_objected(self, purpose: str) -> bool:
        """Whether this source's objection stands on record already."""
        last = max(self._choices(purpose), key=lambda record: record.index, default=None)
        return (
            last is not None and last.action is Action.OBJECT and last.source == self.signal.source
        )


def _differs(before: ConsentRecord, action: Action) -> bool:
    return before.action is not action or before.flaw is not None


def as_asked(said: Said, signal: Signal, subject: str, device: str | None) -> list[Asked]:
    """What is to be recorded, as the recorder takes it."""
    found = []
    for (action, scope), purposes in said.items():
        choice = Choice(
            subject=subject,
            action=action,
            purposes=tuple(purposes),
            at=None if signal.at is None else from_us(to_us(signal.at)),
            device=None if scope == ACCOUNT else device,
            by="signal",
        )
        flaw = None if signal.problem is None else INVALID
        found.append(Asked(choice, tuple(purposes), frozenset(), flaw, signal=signal))
    return found
