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
from knowingly.governance.claims import Claims
from knowingly.ledger import log
from knowingly.ledger.log import Entry
from knowingly.store import claims as stored_claims
from knowingly.store import holds as stored
from knowingly.store import subjects
from knowingly.store.claims import ClaimRow
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
    claims = Claims(tenancy)
    with tenancy.write() as tx:
        person, evidence = _found(tenancy, tx, claims, subject)
        if _is_held(tx, person, evidence):
            raise HoldError("a legal hold is in force already: release it first")
        since = from_us(tenancy.now_us()).isoformat()
        claims.put_hold(tx, evidence, json.dumps({"since": since, "reason": reason}).encode())
        if person is not None:
            # The id is told nowhere else: a list of holds that names nobody would be of no use.
            said = json.dumps(asdict(Hold(subject, since, reason))).encode()
            cipher = tenancy.keyring.cipher(person.key_id)
            stored.add(tx, person.subject, cipher.seal(TABLE, ROW, said))
        return _note(tenancy, tx, person, "hold.placed")


def release_hold(tenancy: Tenancy, subject: str) -> Entry:
    """Release a person from their hold; see ``Rights.release_hold``."""
    with tenancy.write() as tx:
        person, evidence = _found(tenancy, tx, Claims(tenancy), subject)
        if not _is_held(tx, person, evidence):
            raise HoldError("there is no legal hold to release")
        for row in evidence:
            stored_claims.set_hold(tx, row.erasure, None)
        if person is not None:
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


def _found(
    tenancy: Tenancy, tx: Tx, claims: Claims, subject: str
) -> tuple[SubjectRow | None, list[ClaimRow]]:
    """The person, if they are there, and the evidence kept of them from before an erasure."""
    tenancy.keyring.watch(tx.head.shred_epoch)
    person = subjects.find(tx, tenancy.keyring.lookup(subject))
    if person is not None and person.state != ACTIVE:
        person = None
    evidence = claims.rows(tx, subject)
    if person is None and not evidence:
        raise UnknownSubjectError(subjects.count(tx))
    return person, evidence


def _is_held(tx: Tx, person: SubjectRow | None, evidence: list[ClaimRow]) -> bool:
    if person is not None:
        return stored.of(tx, person.subject) is not None
    return any(row.hold is not None for row in evidence)


def _note(tenancy: Tenancy, tx: Tx, person: SubjectRow | None, kind: str) -> Entry:
    keyring = tenancy.keyring
    return log.append(
        tx,
        kind,
        at_us=tenancy.now_us(),
        seal=(keyring.operator if person is None else keyring.cipher(person.key_id)).seal,
        details={"by": "staff"},
        subject=None if person is None else person.subject,
    )
