"""Legal holds: what must not be deleted, whatever else says so; they let nobody read."""

import json
from dataclasses import asdict, dataclass

from knowingly.domain.moments import from_us
from knowingly.errors import (
    HoldError,
    InputError,
    InternalError,
    SealError,
    UnknownSubjectError,
)
from knowingly.ledger import log
from knowingly.ledger.log import Entry
from knowingly.store import holds as stored
from knowingly.store import subjects
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy

TABLE = "holds"
MAX_REASON_CHARS = 1_000
ROW = b"hold"
"""The place of a person's hold, for sealing: there is one at most."""


@dataclass(frozen=True, slots=True, repr=False)
class Hold:
    """A legal hold: the app's id of the person, since when it stands, and why.

    All are None where the person's key is lost: the hold stands, and nobody can say whose it is.

    Stability: stable.
    """

    subject: str | None
    since: str | None
    reason: str | None

    def __repr__(self) -> str:
        return "Hold()"


def put_hold(tenancy: Tenancy, subject: str, reason: str) -> Entry:
    """Put a person under a hold; see ``Rights.hold``."""
    if not isinstance(reason, str) or not reason.strip() or len(reason) > MAX_REASON_CHARS:
        raise InputError("reason", f"1 to {MAX_REASON_CHARS:,} characters")
    with tenancy.write() as tx:
        person = _known(tenancy, tx, subject)
        if stored.of(tx, person.subject) is not None:
            raise HoldError("a legal hold is in force already: release it first")
        now_us = tenancy.now_us()
        # The id is told nowhere else: a list of holds that names nobody would be of no use.
        said = json.dumps(asdict(Hold(subject, from_us(now_us).isoformat(), reason)))
        cipher = tenancy.keyring.cipher(person.key_id)
        stored.add(tx, person.subject, cipher.seal(TABLE, ROW, said.encode()))
        return _note(tenancy, tx, person, "hold.placed")


def release_hold(tenancy: Tenancy, subject: str) -> Entry:
    """Release a person from their hold; see ``Rights.release_hold``."""
    with tenancy.write() as tx:
        person = _known(tenancy, tx, subject)
        if stored.of(tx, person.subject) is None:
            raise HoldError("there is no legal hold to release")
        stored.remove(tx, person.subject)
        return _note(tenancy, tx, person, "hold.released")


def held(tenancy: Tenancy, snapshot: Snapshot, person: SubjectRow) -> list[Hold]:
    """The hold on a person, if there is one."""
    sealed = stored.of(snapshot, person.subject)
    return [] if sealed is None else [_opened(tenancy, person, sealed)]


def every_hold(tenancy: Tenancy) -> list[Hold]:
    """Every hold there is; see ``Rights.holds``."""
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        found = []
        for subject, sealed in stored.every(tx):
            person = subjects.number(tx, subject)
            if person is None:
                raise InternalError("a legal hold is there without its person")
            try:
                found.append(_opened(tenancy, person, sealed))
            except SealError:
                found.append(Hold(None, None, None))
        log.append(
            tx,
            "read.holds",
            at_us=tenancy.now_us(),
            seal=tenancy.keyring.operator.seal,
            facts={"held": len(found)},
            details={"by": "staff"},
        )
    return found


def _opened(tenancy: Tenancy, person: SubjectRow, sealed: bytes) -> Hold:
    plain = tenancy.keyring.cipher(person.key_id).open(TABLE, ROW, sealed)
    # Holds that were placed before lists were made do not say whose they are.
    return Hold(**{"subject": None, **json.loads(plain)})


def _known(tenancy: Tenancy, tx: Tx, subject: str) -> SubjectRow:
    tenancy.keyring.watch(tx.head.shred_epoch)
    person = subjects.find(tx, tenancy.keyring.lookup(subject))
    if person is None or person.state != ACTIVE:
        raise UnknownSubjectError(subjects.count(tx))
    return person


def _note(tenancy: Tenancy, tx: Tx, person: SubjectRow, kind: str) -> Entry:
    return log.append(
        tx,
        kind,
        at_us=tenancy.now_us(),
        seal=tenancy.keyring.cipher(person.key_id).seal,
        details={"by": "staff"},
        subject=person.subject,
    )
