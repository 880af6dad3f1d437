"""``shop.consent``: where choices are recorded and looked up.

A choice, the ledger entry that records it and everything that follows from it commit together, so
there is no moment at which somebody has said no and is still being learned from.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

from knowingly.consent.choice import Actor, Choice, settled_purposes, too_young
from knowingly.consent.receipts import find_receipt
from knowingly.consent.recording import Asked, Effects, Recorder
from knowingly.consent.token import Explanation, open_token
from knowingly.domain.consent import Action, Decision, Receipt
from knowingly.domain.moments import to_us
from knowingly.domain.validate import check_id, check_iterable, check_rows
from knowingly.errors import InputError, UnknownSubjectError
from knowingly.ledger import log
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

    def explain(self, token: str) -> Explanation:
        """What a page's decision token says: purpose, outcome, reason, and the state it saw.

        Reading it is a staff read, and so a ledger entry.

        Raises:
            InputError: It is no token of this tenant.
        """
        explanation = open_token(self._tenancy, token)
        with self._tenancy.write() as tx:
            log.append(
                tx,
                "read.explain",
                at_us=self._tenancy.now_us(),
                seal=self._tenancy.keyring.operator.seal,
                details={"by": "staff"},
            )
        return explanation

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
