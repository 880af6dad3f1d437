"""``shop.consent``: where choices are recorded and looked up.

A choice, the ledger entry that records it and everything that follows from it commit together, so
there is no moment at which somebody has said no and is still being learned from.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack, overload

from knowingly.consent.choice import Actor, Choice, settled_purposes, too_young
from knowingly.consent.explaining import Explanation, explain_page, explain_person, history
from knowingly.consent.receipts import find_receipt
from knowingly.consent.recording import Asked, Effects, Recorder
from knowingly.consent.signals.evidence import Evidence, as_asked, check_signals
from knowingly.domain.consent import ACCOUNT, Action, Decision, Receipt
from knowingly.domain.moments import to_us
from knowingly.domain.signal import Signal
from knowingly.domain.validate import check_id, check_iterable, check_rows
from knowingly.errors import InputError, UnknownSubjectError
from knowingly.ledger.opened import OpenedEntry
from knowingly.store import consents, subjects
from knowingly.store.subjects import ACTIVE
from knowingly.tenancy import Tenancy

MAX_INDEX = 2**62


class How(TypedDict, total=False):
    """How a choice was made, each part optional; see ``Choice``."""

    at: datetime | None
    device: str | None
    surface: str | None
    jurisdiction: str | None
    method: str | None
    age: int | None
    by: Actor
    despite: tuple[str, ...]


class Consent:
    """Choices of people.

    Every method takes the app's own id of a person, records when they chose (``at``, now when left
    out) and returns a receipt that names the ledger entry and no person. All take the same optional
    fields of how the choice was made (``device``, ``surface``, ``jurisdiction``, ``method``,
    ``age``, ``by``; see ``Choice``): a no asks for nothing that a yes does not.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy, effects: Effects) -> None:
        self._tenancy = tenancy
        self._recorder = Recorder(tenancy, effects)

    def grant(
        self, subject: str, purposes: Sequence[str], *, notice: str, **how: Unpack[How]
    ) -> Receipt:
        """Record that a person agreed to ``purposes`` after reading ``notice``.

        Raises:
            ConsentError: A purpose or the notice is unknown, or the notice does not cover it.
        """
        return self._one(subject, Action.GRANT, purposes, notice, how)

    def refuse(
        self,
        subject: str,
        purposes: Sequence[str] = (),
        *,
        notice: str | None = None,
        **how: Unpack[How],
    ) -> Receipt:
        """Record that a person said no when asked; every purpose when none is named."""
        return self._one(subject, Action.REFUSE, purposes, notice, how)

    def withdraw(self, subject: str, purposes: Sequence[str] = (), **how: Unpack[How]) -> Receipt:
        """Record that a person took their agreement back; every purpose when none is named.

        In the same transaction their events lose those purposes and trained models forget them.
        """
        return self._one(subject, Action.WITHDRAW, purposes, None, how)

    def object(self, subject: str, purposes: Sequence[str] = (), **how: Unpack[How]) -> Receipt:
        """Record an objection (GDPR art. 21); it stands until the person grants again."""
        return self._one(subject, Action.OBJECT, purposes, None, how)

    def record(self, choices: Iterable[Choice | Mapping[str, Any]]) -> list[Receipt]:
        """Record many choices in one transaction: all of them, or none.

        Raises:
            InputError: A row is bad; nothing was written.
            ConsentError: A choice does not fit the policy; nothing was written.
        """
        check_iterable(choices, "choices", "many choices, as values or mappings")
        good, _ = check_rows(Choice, choices, strict=True)
        policy = self._tenancy.policy
        asked = []
        for _, choice in good:
            purposes = settled_purposes(choice, policy)
            asked.append(Asked(choice, purposes, too_young(choice, purposes, policy)))
        now_us = self._tenancy.now_us()
        for number, one in enumerate(asked):
            at = one.choice.at
            if at is not None and to_us(at) > now_us + self._tenancy.skew_us:
                raise InputError("at", "a time that is not in the future", row=number)
        return self._recorder.record(asked, now_us=now_us)

    def signal(
        self, subject: str, signals: Signal | Iterable[Signal], *, device: str | None = None
    ) -> list[Receipt]:
        """Record what signals of a person said, as evidence that every later decision hears.

        Each is a log entry that names its source and decoder; the raw value is sealed under the
        person's key. What is said already, and was recorded within a day, is not recorded again.
        An opt-out such as GPC is an objection of the account: it outranks what was agreed to
        before, and a grant made after it is recorded as confirmed.

        Args:
            subject: The app's id of the person.
            signals: As ``shop.signals.read`` returns them.
            device: The app's id of the device they came from, if they should speak for it alone.

        Raises:
            InputError: They are no signals, or one has a source that is no name.
        """
        tenancy, subject = self._tenancy, check_id(subject)
        heard = check_signals(signals)
        scope = ACCOUNT if device is None else tenancy.device_scope(check_id(device, "device"))
        with tenancy.read() as snapshot:
            person = subjects.find(snapshot, tenancy.keyring.lookup(subject))
            known = consents.of(snapshot, person.subject) if person is not None else []
        now_us = tenancy.now_us()
        asked = []
        for one in heard:
            said = Evidence(one, scope, known, now_us).said(tenancy.policy.purposes)
            asked += as_asked(said, one, subject, device)
        return self._recorder.record(asked, now_us=now_us) if asked else []

    def status(self, subject: str, *, device: str | None = None) -> dict[str, Decision]:
        """What a person allows now, purpose by purpose; unknown people allow nothing.

        With ``device``, the app's id of one, what they allow on that device.
        """
        tenancy = self._tenancy
        scope = None if device is None else tenancy.device_scope(check_id(device, "device"))
        at_us = tenancy.now_us()
        with tenancy.read() as snapshot:
            person = subjects.find(snapshot, tenancy.keyring.lookup(check_id(subject)))
            known = consents.of(snapshot, person.subject) if person is not None else []
        if person is not None and person.state != ACTIVE:
            return {
                name: Decision(name, False, "erased", at_us) for name in tenancy.policy.purposes
            }
        return {
            name: tenancy.decide(name, known, at_us=at_us, scope=scope)
            for name in tenancy.policy.purposes
        }

    def receipt(self, subject: str, index: int) -> Receipt:
        """The receipt of a choice, again: of a person, by the number of its entry.

        Its ``effects`` are not told again.

        Raises:
            UnknownSubjectError: No such person is known.
            InputError: No choice of theirs has this entry.
        """
        check_id(subject)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < MAX_INDEX:
            raise InputError("index", "the number of an entry")
        with self._tenancy.read() as snapshot:
            person = subjects.find(snapshot, self._tenancy.keyring.lookup(subject))
            if person is None or person.state != ACTIVE:
                raise UnknownSubjectError(subjects.count(snapshot))
            return find_receipt(self._tenancy, snapshot, person, index)

    @overload
    def explain(self, subject: str, /) -> Explanation: ...

    @overload
    def explain(
        self,
        subject: str,
        purpose: str,
        *,
        at: datetime | None = None,
        device: str | None = None,
    ) -> Explanation: ...

    def explain(
        self,
        subject: str,
        purpose: str | None = None,
        *,
        at: datetime | None = None,
        device: str | None = None,
    ) -> Explanation:
        """Why a purpose was allowed or denied, with the entries of the log it rests on.

        Of a person it is decided again from what had been recorded at that moment, under the policy
        that was in force then. After an erasure the reason is ``erased``, also for moments before
        it. Reading it is a staff read, and so a ledger entry.

        Args:
            subject: The app's id of a person; or, on its own, a page's decision token.
            purpose: The purpose asked about.
            at: The moment (aware), now when left out.
            device: The app's id of a device: what held on it.

        Raises:
            InputError: It is no token of this tenant, or an argument is out of bounds.
        """
        if purpose is None:
            if at is not None or device is not None:
                raise InputError("purpose", "a purpose, where a moment or a device is asked about")
            return explain_page(self._tenancy, subject)
        return explain_person(self._tenancy, subject, purpose, at=at, device=device)

    def log(self, subject: str) -> list[OpenedEntry]:
        """Every entry of the log about a person, with its details, oldest first.

        Reading it is a staff read, and so an entry itself, which the next reading shows.

        Raises:
            UnknownSubjectError: Nobody is known by that id; so it is after an erasure.
        """
        return history(self._tenancy, subject)

    def _one(
        self,
        subject: str,
        action: Action,
        purposes: Sequence[str],
        notice: str | None,
        how: How,
    ) -> Receipt:
        if isinstance(purposes, str):
            purposes = (purposes,)
        is_list = isinstance(purposes, Sequence) and not isinstance(purposes, bytes | bytearray)
        if not is_list or not all(isinstance(purpose, str) for purpose in purposes):
            raise InputError("purposes", "a purpose of the policy, or a list of them")
        choice = {
            "subject": subject,
            "action": action,
            "purposes": tuple(purposes),
            "notice": notice,
            **how,
        }
        return self.record([choice])[0]
