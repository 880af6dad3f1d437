"""Traits: what is known of a person apart from what they did, field by field.

A trait is kept as an event is: only for those purposes of its field that the person allows when it
comes in. The field's name is a keyed hash, its value sealed with its source and moment.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from knowingly.domain.consent import Decision
from knowingly.domain.intake import Intake
from knowingly.domain.moments import DAY_US, day_of, to_us
from knowingly.errors import HoldError, InputError, SealError, UnknownSubjectError
from knowingly.ledger import log
from knowingly.policy import DataField
from knowingly.profiles.fields import Fields, Value, mask_of, may_see
from knowingly.store import consents, holds, ledger, subjects
from knowingly.store import traits as stored
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.store.traits import TraitRow
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import Cipher

TABLE = "traits"
REMOVED = "profile.removed"
_REMOVED = f'"kind":"{REMOVED}"'.encode()
HELD = "a legal hold is in force, so nothing was deleted or replaced: release it first"


@dataclass(frozen=True, slots=True, repr=False)
class Trait:
    """One thing known of a person, and where it came from.

    ``source`` is that of the data map: provided, observed, derived or inferred; ``origin`` what the
    app said of it.

    Privacy: leaves the profile room only for the purpose it was read for.
    Stability: stable.
    """

    field: str
    value: Value
    source: str
    origin: str
    at_us: int

    def __repr__(self) -> str:
        return "Trait()"


class Corrected(Protocol):
    """Passes on that a person's fields were corrected; who was given them is known above."""

    def __call__(
        self,
        tx: Tx,
        person: SubjectRow,
        kind: Literal["rectification", "removal"],
        fields: Mapping[str, Collection[str] | None],
    ) -> object:
        """Tell, in the transaction, those who were given data for a purpose of these fields.

        Each field comes with its purposes, or with None where it may have been for any.
        """


class Setting(NamedTuple):
    """Checked values of one person, and the moment and origin they share."""

    values: Mapping[str, Value]
    at_us: int
    origin: str


def name_of(tenancy: Tenancy, person: SubjectRow, field: str) -> bytes:
    """The keyed hash that finds a person's value of a field."""
    return tenancy.keyring.trait_name(person.name_salt, field)


def names(tenancy: Tenancy, person: SubjectRow, fields: Iterable[str]) -> dict[bytes, str]:
    """Which field each keyed hash of a person stands for."""
    return {name_of(tenancy, person, field): field for field in fields}


def seal(cipher: Cipher, name: bytes, trait: Trait) -> bytes:
    """A trait as it is stored."""
    said = {
        "at": trait.at_us,
        "field": trait.field,
        "origin": trait.origin,
        "source": trait.source,
        "value": trait.value,
    }
    return cipher.seal(TABLE, name, json.dumps(said, separators=(",", ":")).encode())


def unseal(cipher: Cipher, row: TraitRow) -> Trait:
    """The trait of a stored row."""
    said = json.loads(cipher.open(TABLE, row.trait, row.body))
    return Trait(said["field"], said["value"], said["source"], said["origin"], said["at"])


def checked_moment(tenancy: Tenancy, at: datetime | None) -> int:
    """When a value was so, now when left out.

    Raises:
        InputError: In the future, before 1970, or no aware time.
    """
    now_us = tenancy.now_us()
    at_us = now_us if at is None else to_us(at)
    if not 0 <= at_us <= now_us + tenancy.skew_us:
        raise InputError("at", "a time after 1970 that is not in the future")
    return at_us


def keep(tenancy: Tenancy, fields: Fields, subject: str, new: Setting) -> Intake:
    """Keep the values for what is allowed, in one transaction; count the others by reason."""
    lookup = tenancy.keyring.lookup(subject)
    dropped: Counter[str] = Counter()
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        person = subjects.find(tx, lookup)
        if person is None or person.state != ACTIVE:
            return Intake(dropped={"no_record" if person is None else "erased": len(new.values)})
        if new.at_us <= subjects.erased_at(tx, [lookup]).get(lookup, -1):
            return Intake(dropped={"erased": len(new.values)})
        decisions = _decisions(tenancy, tx, person)
        cipher = tenancy.keyring.cipher(person.key_id)
        known = {row.trait: row for row in stored.of(tx, person.subject)}
        held = holds.of(tx, person.subject) is not None
        # Nothing that is so now was taken away before.
        gone = removed(tx, person, cipher) if new.at_us < tenancy.now_us() else {}
        rows = []
        for name, value in new.values.items():
            field = fields.named(name)
            mask, why_not = _allowed(tenancy, field, decisions, new.at_us)
            old = known.get(name_of(tenancy, person, name))
            if not mask:
                dropped[why_not] += 1
            elif old is not None and unseal(cipher, old).at_us > new.at_us:
                dropped["superseded"] += 1
            elif old is None and new.at_us <= gone.get(name, -1):
                dropped["removed"] += 1
            elif old is not None and held:
                dropped["held"] += 1
            else:
                rows.append(_row(tenancy, person, (name, field, value), new, mask))
        stored.replace(tx, person.subject, rows)
    return Intake(len(rows), dropped=dict(dropped))


def rectify(
    tenancy: Tenancy, fields: Fields, subject: str, new: Setting, *, tell: Corrected
) -> Intake:
    """Put right what is stored: no old value survives, and a ledger entry notes it.

    What was kept for a purpose stays kept for it, so that a restricted person's data can be put
    right too.

    Raises:
        UnknownSubjectError: No such person is known.
        HoldError: A legal hold is in force.
    """
    dropped: Counter[str] = Counter()
    with tenancy.write() as tx:
        person = changeable(tenancy, tx, subject)
        decisions = _decisions(tenancy, tx, person)
        known = {row.trait: row.purposes for row in stored.of(tx, person.subject)}
        rows = []
        for name, value in new.values.items():
            field = fields.named(name)
            mask, why_not = _allowed(tenancy, field, decisions, new.at_us)
            mask |= known.get(name_of(tenancy, person, name), 0) & mask_of(tenancy, field)
            if mask:
                rows.append(_row(tenancy, person, (name, field, value), new, mask))
            else:
                dropped[why_not] += 1
        stored.remove(tx, person.subject, list(names(tenancy, person, new.values)))
        stored.replace(tx, person.subject, rows)
        _note(tenancy, tx, person, "profile.rectified", list(new.values))
        tell(tx, person, "rectification", _with_purposes(fields, new.values))
    return Intake(len(rows), dropped=dict(dropped))


def remove(
    tenancy: Tenancy, declared: Fields, subject: str, fields: Sequence[str], *, tell: Corrected
) -> int:
    """Delete a person's values of some fields, declared or not; how many there were.

    Raises:
        UnknownSubjectError: No such person is known.
        HoldError: A legal hold is in force.
    """
    with tenancy.write() as tx:
        person = changeable(tenancy, tx, subject)
        known = {row.trait for row in stored.of(tx, person.subject)}
        there = [name for name in fields if name_of(tenancy, person, name) in known]
        gone = stored.remove(tx, person.subject, list(names(tenancy, person, there)))
        if gone:
            _note(tenancy, tx, person, REMOVED, there)
            tell(tx, person, "removal", _with_purposes(declared, there))
    return gone


def removed(snapshot: Snapshot, person: SubjectRow, cipher: Cipher) -> dict[str, int]:
    """When each field that was taken away from a person was so last, by their log entries."""
    found: dict[str, int] = {}
    for index, leaf, sealed in ledger.details_of(snapshot, person.subject):
        if _REMOVED in leaf:
            plain = cipher.open(log.DETAILS, log.row_name(index), sealed)
            at_us = to_us(log.as_entry(index, leaf).at)
            found |= dict.fromkeys(json.loads(plain[log.SECRET_BYTES :])["fields"], at_us)
    return found


def _with_purposes(declared: Fields, names: Iterable[str]) -> dict[str, Collection[str] | None]:
    """Fields with the purposes they are for; None for one that is not declared any more."""
    known = declared.all()
    return {name: known[name].purposes if name in known else None for name in sorted(names)}


def changeable(tenancy: Tenancy, tx: Tx, subject: str) -> SubjectRow:
    """The active person with this id, whose data is under no hold.

    Raises:
        UnknownSubjectError: No such person is known.
        HoldError: A legal hold is in force.
    """
    tenancy.keyring.watch(tx.head.shred_epoch)
    person = subjects.find(tx, tenancy.keyring.lookup(subject))
    if person is None or person.state != ACTIVE:
        raise UnknownSubjectError(subjects.count(tx))
    if holds.of(tx, person.subject) is not None:
        raise HoldError(HELD)
    return person


def shown(
    tenancy: Tenancy,
    snapshot: Snapshot,
    fields: Fields,
    person: SubjectRow,
    *,
    decision: Decision,
    oldest_us: int,
) -> tuple[dict[str, Trait], Counter[str]]:
    """The traits that an allowed purpose may see now, by field, and why others are withheld."""
    declared = fields.all()
    known = names(tenancy, person, declared)
    bit = tenancy.masks.get(decision.purpose, 0)
    seen: dict[str, Trait] = {}
    withheld: Counter[str] = Counter()
    cipher = tenancy.keyring.cipher(person.key_id)
    for row in stored.of(snapshot, person.subject):
        field = declared.get(known.get(row.trait, ""))
        if why_not := _withheld(row, field, decision, bit):
            withheld[why_not] += 1
            continue
        trait = unseal(cipher, row)
        if field is None or trait.field != known[row.trait]:
            raise SealError("a sealed trait is not that of its field")
        if trait.at_us < max(oldest_us, _oldest_us(field, decision.at_us)):
            withheld["expired"] += 1
        else:
            seen[trait.field] = trait
    return seen, withheld


def withheld_from_all(snapshot: Snapshot, person: SubjectRow, decision: Decision) -> Counter[str]:
    """Why each trait of a person is withheld from a purpose that is not allowed."""
    rows = stored.of(snapshot, person.subject)
    return Counter(decision.reason if row.purposes else "no_purpose" for row in rows)


def _withheld(row: TraitRow, field: DataField | None, decision: Decision, bit: int) -> str:
    if not row.purposes:
        return "no_purpose"
    if field is None:
        return "undeclared"
    if not row.purposes & bit or decision.purpose not in field.purposes:
        return "other_purpose"
    return "" if may_see(field, decision) else "not_explicit"


def _oldest_us(field: DataField, now_us: int) -> int:
    return 0 if field.keep_days is None else now_us - field.keep_days * DAY_US


def _decisions(tenancy: Tenancy, tx: Tx, person: SubjectRow) -> dict[str, Decision]:
    known, now_us = consents.of(tx, person.subject), tenancy.now_us()
    return {
        purpose: tenancy.decide(purpose, known, at_us=now_us) for purpose in tenancy.policy.purposes
    }


def _allowed(
    tenancy: Tenancy, field: DataField, decisions: Mapping[str, Decision], at_us: int
) -> tuple[int, str]:
    """The purposes that a value of this moment may be kept for, and why where there is none."""
    mask, why_not = 0, ""
    for purpose in field.purposes:
        decision = decisions.get(purpose)
        if decision is None:
            why_not = why_not or "unknown_purpose"
        elif not may_see(field, decision):
            why_not = why_not or ("not_explicit" if decision.allowed else decision.reason)
        elif at_us < decision.since_us:
            why_not = why_not or "before_consent"
        else:
            mask |= tenancy.masks[purpose]
    return mask, why_not


def _row(
    tenancy: Tenancy,
    person: SubjectRow,
    one: tuple[str, DataField, Value],
    new: Setting,
    mask: int,
) -> TraitRow:
    name, field, value = one
    row = name_of(tenancy, person, name)
    trait = Trait(name, value, field.source, new.origin, new.at_us)
    cipher = tenancy.keyring.cipher(person.key_id)
    return TraitRow(row, day_of(new.at_us), mask, seal(cipher, row, trait))


def _note(tenancy: Tenancy, tx: Tx, person: SubjectRow, kind: str, fields: list[str]) -> None:
    log.append(
        tx,
        kind,
        at_us=tenancy.now_us(),
        seal=tenancy.keyring.cipher(person.key_id).seal,
        facts={"fields": len(fields)},
        details={"by": "staff", "fields": sorted(fields)},
        subject=person.subject,
    )
