"""``shop.rights``: access, portability, restriction, erasure, and the hold that stops it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from knowingly.consent.desk import Consent
from knowingly.domain.consent import Action, Receipt
from knowingly.domain.notification import Notification
from knowingly.domain.validate import check_id
from knowingly.governance.certificate import Addendum, Certificate
from knowingly.governance.claims import Claims, ClaimsEvidence
from knowingly.governance.erasure import Erasures
from knowingly.governance.export import Exporter, find
from knowingly.governance.holds import Hold, every_hold, put_hold, release_hold
from knowingly.governance.horizon import DESTROYED
from knowingly.governance.recipients import Disclosure, Recipients
from knowingly.ledger import keys, log
from knowingly.ledger.log import Entry
from knowingly.store import key_acts
from knowingly.store import rights as stored
from knowingly.tenancy import Tenancy


class Rights:
    """What a person can ask of the shop.

    Stability: stable.
    """

    def __init__(
        self,
        tenancy: Tenancy,
        exporter: Exporter,
        *,
        erasures: Erasures,
        recipients: Recipients,
        consent: Consent,
    ) -> None:
        self._tenancy = tenancy
        self._consent = consent
        self._exporter = exporter
        self._erasures = erasures
        self._recipients = recipients

    def export(self, subject: str) -> dict[str, Any]:
        """Everything stored of a person, as one JSON-ready document; a ledger entry notes it.

        Raises:
            UnknownSubjectError: No such person is known.

        Privacy: holds everything; hand it to that person only.
        """
        check_id(subject)
        with self._tenancy.write() as tx:
            person = find(self._tenancy, tx, subject)
            return self._exporter.export(tx, person, subject)

    def erase(self, subject: str) -> Certificate:
        """Erase a person everywhere: models, rows, key. Returns the signed certificate.

        Raises:
            UnknownSubjectError: No such person is known.
            HoldError: A legal hold is in force; nothing was erased.
        """
        return self._erasures.erase(check_id(subject))

    def disclosed(
        self,
        subject: str,
        recipient: str,
        what: str,
        *,
        purpose: str,
        reference: str | None = None,
    ) -> Entry:
        """Record that a recipient was given data of a person; a ledger entry, its details sealed.

        The recipient is told when the person is erased (GDPR art. 19), restricts their data, or
        takes back what ``purpose`` rests on.

        Args:
            subject: The app's id of the person.
            recipient: Who was given it: one of the policy's.
            what: What was given, in words for the person and the recipient.
            purpose: What it was given for: one of the policy's.
            reference: The name the recipient knows the person by; the app's id when left out.

        Raises:
            InputError: An argument is not of the policy, or out of bounds.
            UnknownSubjectError: No such person is known.
        """
        check_id(subject)
        known_as = subject if reference is None else check_id(reference, "reference")
        given = {"recipient": recipient, "what": what, "purpose": purpose, "reference": known_as}
        with self._tenancy.write() as tx:
            self._tenancy.keyring.watch(tx.head.shred_epoch)
            person = find(self._tenancy, tx, subject)
            return self._recipients.disclose(tx, person, given)

    def recipients(self, subject: str) -> tuple[Disclosure, ...]:
        """Who was given a person's data, and what; a ledger entry notes that staff looked.

        Raises:
            UnknownSubjectError: No such person is known.
        """
        check_id(subject)
        keyring = self._tenancy.keyring
        with self._tenancy.write() as tx:
            keyring.watch(tx.head.shred_epoch)
            person = find(self._tenancy, tx, subject)
            found = self._recipients.of(tx, person)
            log.append(
                tx,
                "read.recipients",
                at_us=self._tenancy.now_us(),
                seal=keyring.cipher(person.key_id).seal,
                details={"by": "staff"},
                subject=person.subject,
            )
        return tuple(found)

    def tell_recipients(self) -> int:
        """Tell every recipient that has still to be told, where a plugin can; how many were.

        ``maintain`` does it too, and an erasure tells its own at once.
        """
        return self._recipients.tell()

    def notifications(self) -> tuple[Notification, ...]:
        """What recipients have still to be told; a ledger entry notes that staff looked.

        Where no plugin tells a recipient, do it yourself, and then ``note_told``.

        Privacy: each notification is for its recipient alone.
        """
        keyring = self._tenancy.keyring
        with self._tenancy.write() as tx:
            keyring.watch(tx.head.shred_epoch)
            found = self._recipients.waiting(tx)
            log.append(
                tx,
                "read.notifications",
                at_us=self._tenancy.now_us(),
                seal=keyring.operator.seal,
                details={"by": "staff"},
            )
        return tuple(found)

    def note_told(self, notification: str) -> Entry:
        """Record that a recipient has been told what the notification of this id says.

        Raises:
            InputError: No notification of that id waits.
        """
        return self._recipients.note_told(notification)

    def claims_evidence(self, subject: str) -> tuple[ClaimsEvidence, ...]:
        """What is kept of an erased person's choices for legal claims; a ledger entry notes it.

        One for each erasure of theirs that evidence outlived, until the date on its certificate.

        Raises:
            UnknownSubjectError: None is kept of anybody by that id.
            TamperedError: An entry of the log is not the one the evidence was taken from.

        Privacy: leads back to an erased person; for a claim, and for nothing else.
        """
        return Claims(self._tenancy).read(check_id(subject))

    def restrict(self, subject: str) -> Receipt:
        """Keep a person's data and use none of it (GDPR art. 18); models forget them.

        Raises:
            UnknownSubjectError: No such person is known.
        """
        return self._choose(subject, Action.RESTRICT)

    def lift_restriction(self, subject: str) -> Receipt:
        """End a restriction; the person's other choices hold as they are.

        Raises:
            UnknownSubjectError: No such person is known.
        """
        return self._choose(subject, Action.UNRESTRICT)

    def hold(self, subject: str, *, reason: str) -> Entry:
        """Put a person's data under a legal hold: nothing of it is deleted, and it grants nothing.

        Erasure, merge and changes that would delete raise ``HoldError`` while it stands; retention
        leaves the person out and counts them. Evidence that outlived an earlier erasure of theirs
        is held as well, past its date; of somebody erased that is all there is. The reason is
        sealed.

        Raises:
            InputError: The reason is blank, or over 1,000 characters.
            UnknownSubjectError: No such person is known, and no evidence is kept of them.
            HoldError: One is in force already.
        """
        return put_hold(self._tenancy, check_id(subject), reason)

    def release_hold(self, subject: str) -> Entry:
        """Release a legal hold.

        Raises:
            UnknownSubjectError: No such person is known, and no evidence is kept of them.
            HoldError: There is none.
        """
        return release_hold(self._tenancy, check_id(subject))

    def holds(self) -> list[Hold]:
        """Every legal hold in force, oldest person first. A staff read: the log notes it.

        Privacy: names people; for those who look after the holds.
        """
        return every_hold(self._tenancy)

    def _choose(self, subject: str, action: Action) -> Receipt:
        with self._tenancy.read() as snapshot:
            find(self._tenancy, snapshot, check_id(subject))
        return self._consent.record([{"subject": subject, "action": action}])[0]

    def certificates(self) -> list[Certificate]:
        """Every certificate of erasure, oldest first: also of those that a crash interrupted.

        Each comes with what was signed since of the root keys it names, and of the keys that sign.
        """
        with self._tenancy.read() as snapshot:
            destroyed = key_acts.documents(snapshot, DESTROYED)
            successions = [Addendum(**said) for said in keys.announcements(snapshot)]
            found = [Certificate.from_json(text) for text in stored.certificates(snapshot)]
        found = [replace(one, addenda=(*_since(successions, one.public_key),)) for one in found]
        return [replace(one, addenda=(*one.addenda, *_gone(one, destroyed))) for one in found]


def _gone(certificate: Certificate, destroyed: Mapping[str, str]) -> Iterator[Addendum]:
    """What was signed of the root keys it names, by a key that its own signer leads to.

    After a restore from before a rotation of the signing key there is no such key any more.
    """
    trusted = {certificate.public_key}.union(*(one.names_keys() for one in certificate.addenda))
    for root in certificate.root_keys:
        if root in destroyed:
            addendum = Addendum.from_json(destroyed[root])
            if addendum.public_key in trusted:
                yield addendum


def _since(successions: Sequence[Addendum], public_key: str) -> Sequence[Addendum]:
    """How the keys that sign followed one another, from this one on."""
    keys_before = [one.public_key for one in successions]
    return successions[keys_before.index(public_key) :] if public_key in keys_before else ()
