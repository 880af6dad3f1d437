"""Why a purpose was allowed or denied to somebody, at any moment: decided again from the log.

What was known at a moment is what had been recorded by then, so the same pure function decides for
the past as for now. Each look is a staff read: an entry of the log in the same transaction.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from knowingly.consent.in_force import policy_at
from knowingly.consent.token import open_token
from knowingly.domain.consent import MERGED, ConsentRecord, ConsentStatus, Decision
from knowingly.domain.moments import from_us, to_us
from knowingly.domain.validate import check_id
from knowingly.errors import InputError, SealError, UnknownSubjectError
from knowingly.ledger import log
from knowingly.ledger.opened import Open, OpenedEntry, open_entry
from knowingly.policy import REASONS, Policy, decide, status_of
from knowingly.store import consents, subjects
from knowingly.store import ledger as rows
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was decided at a moment, why, and the entries of the log it rests on.

    ``why`` is the sentence of the decision's reason code, ``status`` the state of the consent in
    the words of the Data Privacy Vocabulary. ``policy_digest`` names the policy that was in force
    (of a page, its beginning; empty where it is not kept which one was, and today's decided
    instead). ``log_size`` is how many entries there were when it was decided, or decided again.
    Of a page also: ``training``, the model version (None for none), and ``signals``, the sources of
    the signals that came with the request.

    Stability: stable.
    """

    decision: Decision
    why: str
    status: ConsentStatus
    at: datetime
    policy_digest: str
    log_size: int
    entries: tuple[OpenedEntry, ...]
    training: int | None = None
    signals: tuple[str, ...] = ()


def explain_page(tenancy: Tenancy, token: str) -> Explanation:
    """What a page's decision token says, with the entries it rests on.

    Raises:
        InputError: It is no token of this tenant.
    """
    told = open_token(tenancy, token)
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        found = rows.named(tx, told.decision.rests_on)
        owner = next((subject for _, _, subject, _ in found if subject is not None), None)
        person = None if owner is None else subjects.number(tx, owner)
        records = [] if person is None else consents.of(tx, person.subject)
        entries = _opened(tenancy, person, [(index, leaf, body) for index, leaf, _, body in found])
        note_read(tenancy, tx, "explain", person, purpose=told.decision.purpose)
    return Explanation(
        told.decision,
        REASONS[told.decision.reason],
        status_of(told.decision, records),
        from_us(told.decision.at_us),
        told.policy_digest,
        told.log_size,
        entries,
        told.training,
        told.signals,
    )


def explain_person(
    tenancy: Tenancy,
    subject: str,
    purpose: str,
    *,
    at: datetime | None = None,
    device: str | None = None,
) -> Explanation:
    """What a purpose was allowed of a person at a moment, now when left out.

    Raises:
        InputError: An id is none, or the moment has no zone or is still to come.
    """
    lookup = tenancy.keyring.lookup(check_id(subject))
    check_id(purpose, "purpose")
    scope = None if device is None else tenancy.device_scope(check_id(device, "device"))
    now_us = tenancy.now_us()
    at_us = None if at is None else to_us(at)
    if at_us is not None and at_us > now_us:
        raise InputError("at", "a moment that is not in the future")
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        person, records = consents.with_person(tx, lookup)
        known = _known_at(tx, records, at_us)
        if at_us is None:
            policy: Policy | None = tenancy.policy
            decision = tenancy.decide(purpose, known, at_us=now_us, scope=scope)
        else:
            policy = policy_at(tenancy, tx, at_us)
            rules = policy or tenancy.policy
            decision = decide(purpose, known, policy=rules, at_us=at_us, scope=scope)
        if _is_erased(tx, person, lookup, known, decision):
            decision, known = Decision(purpose, False, "erased", decision.at_us), []
        found = rows.named(tx, decision.rests_on)
        told = Explanation(
            decision,
            REASONS[decision.reason],
            status_of(decision, known),
            from_us(decision.at_us),
            "" if policy is None else policy.digest,
            tx.head.ledger_size,
            _opened(tenancy, person, [(index, leaf, body) for index, leaf, _, body in found]),
        )
        note_read(tenancy, tx, "explain", person, purpose=purpose)
    return told


def history(tenancy: Tenancy, subject: str) -> list[OpenedEntry]:
    """Every entry of the log about a person, opened, oldest first.

    Raises:
        UnknownSubjectError: Nobody is known by that id.
    """
    lookup = tenancy.keyring.lookup(check_id(subject))
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        person = subjects.find(tx, lookup)
        if person is None or person.state != ACTIVE:
            raise UnknownSubjectError(subjects.count(tx))
        entries = _opened(tenancy, person, rows.details_of(tx, person.subject))
        note_read(tenancy, tx, "log", person)
    return list(entries)


def _known_at(
    snapshot: Snapshot, records: Sequence[ConsentRecord], at_us: int | None
) -> list[ConsentRecord]:
    """What had been recorded by then, without what a later merge brought."""
    if at_us is None:
        return list(records)
    known = [record for record in records if record.received_us <= at_us]
    merges = {_merge(record) for record in known if record.scope.startswith(MERGED)}
    later = {
        index
        for index, leaf, _, _ in rows.named(snapshot, sorted(merges))
        if to_us(log.as_entry(index, leaf).at) > at_us
    }
    return [
        record
        for record in known
        if not record.scope.startswith(MERGED) or _merge(record) not in later
    ]


def _merge(record: ConsentRecord) -> int:
    return int(record.scope.removeprefix(MERGED))


def _is_erased(
    snapshot: Snapshot,
    person: SubjectRow | None,
    lookup: bytes,
    known: Sequence[ConsentRecord],
    decision: Decision,
) -> bool:
    """Whether an erasure is why there is nothing to decide from.

    What was known before one cannot be decided again. After it the person is a stranger like any
    other: a purpose that needs no consent is allowed to the shop as ever.
    """
    if person is not None and person.state != ACTIVE:
        return True
    if known:
        return False
    erased_us = subjects.erased_at(snapshot, [lookup]).get(lookup)
    return erased_us is not None and (decision.at_us <= erased_us or decision.reason == "no_record")


def _opened(
    tenancy: Tenancy,
    person: SubjectRow | None,
    found: Sequence[tuple[int, bytes, bytes | None]],
) -> tuple[OpenedEntry, ...]:
    openers = openers_of(tenancy, person)
    return tuple(open_entry(index, leaf, sealed, openers) for index, leaf, sealed in found)


def openers_of(tenancy: Tenancy, person: SubjectRow | None) -> list[Open]:
    """What opens a person's entries: their key, and the shop's for what was recorded without it."""
    openers: list[Open] = [tenancy.keyring.operator.open]
    if person is not None and person.state == ACTIVE:
        # A lost key takes the details with it; what the leaves say can still be shown.
        with suppress(SealError):
            openers.insert(0, tenancy.keyring.cipher(person.key_id).open)
    return openers


def note_read(tenancy: Tenancy, tx: Tx, what: str, person: SubjectRow | None, **asked: str) -> None:
    """Record that staff looked, as an entry of the person where there is one."""
    seal, subject = tenancy.keyring.operator.seal, None
    if person is not None and person.state == ACTIVE:
        subject = person.subject
        # Where the key is lost the tenant seals, as for a no that is said without it.
        with suppress(SealError):
            seal = tenancy.keyring.cipher(person.key_id).seal
    log.append(
        tx,
        f"read.{what}",
        at_us=tenancy.now_us(),
        seal=seal,
        details={"by": "staff", **asked},
        subject=subject,
    )
