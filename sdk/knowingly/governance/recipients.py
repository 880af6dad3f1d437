"""Who was given a person's data, and telling them what became of it.

A disclosure is an entry of the log whose details, sealed under the person's key, say to whom. When
an erasure begins, an agreement ends, data is restricted or put right, what must be told is written
down in the same transaction, each notification under a key of its own, because the person's goes.
Telling comes after, and can fail and be repeated for as long as it takes: it never stops the
deletion of our own data. Once a recipient has been told, the notification and its key are deleted,
and the log and the certificate say when.
"""

import json
import logging
import math
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from knowingly.domain.moments import from_us
from knowingly.domain.notification import Destination, Notification, NotificationKind
from knowingly.errors import InputError, SealError
from knowingly.governance.certificate import Certificate
from knowingly.ledger import log
from knowingly.ledger.log import Entry
from knowingly.store import ledger
from knowingly.store import notifications as stored
from knowingly.store import rights as erasures
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.notifications import NotificationRow
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

logger = logging.getLogger("knowingly")

TABLE = "notifications"
MADE = "disclosure.made"
EVERY_RECIPIENT = "*"
"""A destination of this name takes the notifications that no other one does."""
MAX_WHAT_CHARS = 1_000
TOLD_SINCE = "after the backup that this data is from"
_MADE = f'"kind":"{MADE}"'.encode()


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What one recipient was given of a person: what, for which purpose, and known by which name.

    Stability: stable.
    """

    recipient: str
    what: str
    purpose: str
    reference: str
    at: datetime
    entry: int

    def __repr__(self) -> str:
        return "Disclosure()"


class Recipients:
    """The disclosures and notifications of one tenant."""

    def __init__(
        self, tenancy: Tenancy, destinations: Mapping[str, Destination] = MappingProxyType({})
    ) -> None:
        self._tenancy = tenancy
        self._destinations = destinations

    def disclose(self, tx: Tx, person: SubjectRow, given: Mapping[str, str]) -> Entry:
        """Record that a recipient was given something; ``given`` is checked here.

        Raises:
            InputError: The recipient or the purpose is not in the policy, or ``what`` is no text.
        """
        policy = self._tenancy.policy
        for field, known in (("recipient", policy.recipients), ("purpose", policy.purposes)):
            if not isinstance(given[field], str) or given[field] not in known:
                raise InputError(field, f"a {field} of the policy: {', '.join(known) or 'none'}")
        what = given["what"]
        if not isinstance(what, str) or not what.strip() or len(what) > MAX_WHAT_CHARS:
            raise InputError("what", f"1 to {MAX_WHAT_CHARS:,} characters")
        return log.append(
            tx,
            MADE,
            at_us=self._tenancy.now_us(),
            seal=self._tenancy.keyring.cipher(person.key_id).seal,
            details={"by": "staff", **given},
            subject=person.subject,
        )

    def of(self, snapshot: Snapshot, person: SubjectRow) -> list[Disclosure]:
        """What was disclosed of a person, oldest first; nothing where their key is lost."""
        found = []
        with suppress(SealError):
            cipher = self._tenancy.keyring.cipher(person.key_id)
            for index, leaf, sealed in ledger.details_of(snapshot, person.subject):
                if _MADE not in leaf:
                    continue
                plain = cipher.open(log.DETAILS, log.row_name(index), sealed)
                said = json.loads(plain[log.SECRET_BYTES :])
                told = {name: said[name] for name in ("recipient", "what", "purpose", "reference")}
                found.append(Disclosure(**told, at=log.as_entry(index, leaf).at, entry=index))
        return found

    def count(self, snapshot: Snapshot, person: SubjectRow) -> int:
        """How many disclosures of a person are on record, whether or not their key is there."""
        entries = ledger.details_of(snapshot, person.subject)
        return sum(_MADE in leaf for _, leaf, _ in entries)

    def queue(
        self,
        tx: Tx,
        person: SubjectRow,
        kind: NotificationKind,
        *,
        purposes: Collection[str] | None = None,
        erasure: str | None = None,
    ) -> list[tuple[str, str]]:
        """Write down what recipients must be told, in the transaction of what they are told of.

        Args:
            tx: The transaction.
            person: Whose data they were given.
            kind: What became of it.
            purposes: Only what was given for these; everything when left out.
            erasure: The erasure whose certificate says when they were told.

        Returns:
            ``(recipient, notification)`` of each.
        """
        given = self._given(tx, person, purposes)
        said = {recipient: _said(kind, disclosed) for recipient, disclosed in given.items()}
        return self._write_down(tx, said, erasure)

    def corrected(
        self,
        tx: Tx,
        person: SubjectRow,
        kind: NotificationKind,
        fields: Mapping[str, Collection[str] | None],
    ) -> list[tuple[str, str]]:
        """Write down that fields were put right or removed, for who was given data they are in.

        That is data given for a purpose of the field, or any where none is known. A recipient is
        told of no field that it cannot have been given.
        """
        said = {}
        for recipient, disclosed in self._given(tx, person, None).items():
            given_for = {one.purpose for one in disclosed}
            named = [
                name
                for name, purposes in fields.items()
                if purposes is None or given_for.intersection(purposes)
            ]
            if named:
                said[recipient] = _said(kind, disclosed) | {"fields": named}
        return self._write_down(tx, said, None)

    def _given(
        self, tx: Tx, person: SubjectRow, purposes: Collection[str] | None
    ) -> dict[str, list[Disclosure]]:
        """What each recipient was given for some purposes, or for any."""
        given: dict[str, list[Disclosure]] = {}
        for one in self.of(tx, person):
            if purposes is None or one.purpose in purposes:
                given.setdefault(one.recipient, []).append(one)
        return given

    def _write_down(
        self, tx: Tx, said: Mapping[str, Mapping[str, Any]], erasure: str | None
    ) -> list[tuple[str, str]]:
        """A notification for each recipient, under a key of its own."""
        now_us = self._tenancy.now_us()
        keys = self._tenancy.keyring.create(len(said), at_us=now_us) if said else []
        queued = []
        for recipient, key_id in zip(sorted(said), keys, strict=True):
            name = uuid.uuid4().hex
            cipher = self._tenancy.keyring.cipher(key_id)
            body = cipher.seal(TABLE, name.encode(), json.dumps(said[recipient]).encode())
            stored.add(tx, NotificationRow(name, erasure, recipient, key_id, now_us, 0, body))
            queued.append((recipient, name))
        return queued

    def tell(self, erasure: str | None = None) -> int:
        """Try to tell every recipient that waits, of one erasure or of all; how many were told."""
        with self._tenancy.read() as snapshot:
            self._tenancy.keyring.watch(snapshot.head.shred_epoch)
            waiting = [row for row in stored.waiting(snapshot, erasure) if _is_due(snapshot, row)]
        return sum(self._tell(row) for row in waiting)

    def waiting(self, snapshot: Snapshot) -> list[Notification]:
        """The notifications that wait, oldest first."""
        return [self._opened(row) for row in stored.waiting(snapshot)]

    def note_told(self, notification: str) -> Entry:
        """Record that a recipient was told by other means.

        Raises:
            InputError: No notification of that id waits.
        """
        is_id = isinstance(notification, str) and notification.isascii()
        with self._tenancy.read() as snapshot:
            row = stored.find(snapshot, notification) if is_id else None
        entry = None if row is None else self._done(row)
        if entry is None:
            raise InputError("notification", "the id of a notification that waits")
        return entry

    def end_lost(self) -> None:
        """Remove notifications without a key: a restored backup has some that were told since."""
        with self._tenancy.write() as tx:
            waiting = stored.waiting(tx)
            lost = self._tenancy.keyring.missing([row.key_id for row in waiting])
            for row in waiting:
                if row.key_id in lost:
                    stored.remove(tx, row.notification)
                    if row.erasure is not None:
                        self._certify(tx, row, TOLD_SINCE)

    def _tell(self, row: NotificationRow) -> bool:
        found = self._destinations.get(row.recipient) or self._destinations.get(EVERY_RECIPIENT)
        if found is None:
            return False
        try:
            found.tell(self._opened(row))
        except Exception as error:
            # Its words may hold what the notification says.
            logger.warning("recipient %r was not told (%s)", row.recipient, type(error).__name__)
            with self._tenancy.write() as tx:
                stored.tried(tx, row.notification)
            return False
        return self._done(row) is not None

    def _done(self, row: NotificationRow) -> Entry | None:
        """Delete what was told, and say when; None where another process has done it."""
        now_us = self._tenancy.now_us()
        waited = math.ceil((now_us - row.created_us) / 1_000_000)
        facts: dict[str, Any] = {
            "recipient": row.recipient,
            "delivery": row.notification,
            "waited_seconds": max(waited, 0),
        }
        if row.erasure is not None:
            facts["erasure"] = row.erasure
        with self._tenancy.write() as tx:
            if not stored.remove(tx, row.notification):
                return None
            seal = self._tenancy.keyring.operator.seal
            entry = log.append(tx, "recipient.told", at_us=now_us, seal=seal, facts=facts)
            if row.erasure is not None:
                self._certify(tx, row, from_us(now_us).isoformat())
        # After a crash here the key is one that nothing uses, and the sweep takes it.
        self._tenancy.keyring.destroy(row.key_id)
        self._tenancy.keyring.overwrite()
        return entry

    def _certify(self, tx: Tx, row: NotificationRow, told: str) -> None:
        """Sign the erasure's certificate anew, with when this recipient was told."""
        old = Certificate.from_json(erasures.certificate(tx, row.erasure or "") or "")
        recipients = [
            {**one, "told": told} if one["notification"] == row.notification else one
            for one in old.statement["recipients"]
        ]
        statement: dict[str, Any] = {**old.statement, "recipients": recipients}
        renewed = Certificate(statement, *self._tenancy.sign(tx, statement))
        erasures.renew_certificate(tx, row.erasure or "", renewed.to_json())

    def _opened(self, row: NotificationRow) -> Notification:
        cipher = self._tenancy.keyring.cipher(row.key_id)
        said = json.loads(cipher.open(TABLE, row.notification.encode(), row.body))
        return Notification(
            row.notification,
            said["kind"],
            row.recipient,
            self._tenancy.name,
            from_us(row.created_us),
            tuple(said["references"]),
            tuple(said["what"]),
            tuple(said["purposes"]),
            tuple(said.get("fields", ())),
        )


def _said(kind: NotificationKind, disclosed: Sequence[Disclosure]) -> dict[str, Any]:
    """What a notification says of what one recipient was given."""
    return {
        "kind": kind,
        "references": _unlike(one.reference for one in disclosed),
        "what": _unlike(one.what for one in disclosed),
        "purposes": _unlike(one.purpose for one in disclosed),
    }


def _unlike(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _is_due(snapshot: Snapshot, row: NotificationRow) -> bool:
    """Nobody is told of an erasure before it is done."""
    return row.erasure is None or erasures.certificate(snapshot, row.erasure) is not None
