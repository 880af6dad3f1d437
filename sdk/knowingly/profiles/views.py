"""Reading a person: for a purpose, and what that purpose may not see is not there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.consent import Decision
from knowingly.domain.event import EventKind
from knowingly.domain.moments import DAY_US
from knowingly.domain.page import PageRef
from knowingly.domain.signal import Signal
from knowingly.domain.validate import check_id
from knowingly.errors import SealError
from knowingly.profiles import body
from knowingly.profiles.settling import Settled, with_places
from knowingly.profiles.traits import Trait
from knowingly.store import consents, events, subjects
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import Cipher


class KeyReplacedError(SealError):
    """A person was given a new key after the snapshot was taken: read again, in a new one."""


@dataclass(frozen=True, slots=True, repr=False)
class PastEvent:
    """One event of a person, as a profile shows it; ``item`` is empty for all of an order.

    ``after`` is the page after which it was done, where the app passed its decision on.

    Privacy: leaves the profile room only for the purpose it was read for.
    Stability: stable.
    """

    kind: EventKind
    item: str
    title: str
    at_us: int
    quantity: int
    price: float | None
    order: str | None
    after: PageRef | None = None

    def __repr__(self) -> str:
        return "PastEvent()"


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """What one purpose may see of a person.

    ``traits`` are by field. ``withheld`` counts what is stored and not shown, by reason.

    Stability: stable.
    """

    decision: Decision
    events: tuple[PastEvent, ...] = ()
    traits: Mapping[str, Trait] = field(default_factory=dict)
    withheld: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Profile(purpose={self.decision.purpose!r}, allowed={self.decision.allowed})"


@dataclass(frozen=True, slots=True, repr=False)
class PastRecords:
    """A person's history for a purpose as records, with the decision that let it be read.

    ``records`` (``body.RECORD``) are as they were kept, the newest first. ``ranks`` says which each
    is of all that were read, where some may not be used: how far a page looks back must not depend
    on how much was read for the others.
    """

    decision: Decision
    person: SubjectRow | None
    records: NDArray[np.void]
    ranks: NDArray[np.intp]
    _settled: dict[int, Settled] = field(default_factory=dict, init=False, compare=False)

    def newest(self, limit: int) -> Settled:
        """What the newest events, at most ``limit``, come to, and the record that each one is."""
        found = self._settled.get(limit)
        if found is None:
            looked_at = self.records[: np.searchsorted(self.ranks, limit)]
            found = self._settled[limit] = with_places(looked_at)
        return found

    def without(self, place: int) -> "PastRecords":
        """The same if one of ``records`` were not stored: an older one moves up."""
        ranks = np.delete(self.ranks, place)
        ranks[place:] -= 1
        return PastRecords(self.decision, self.person, np.delete(self.records, place), ranks)


def no_past(decision: Decision, person: SubjectRow | None = None) -> PastRecords:
    """A history with nothing in it."""
    return PastRecords(decision, person, body.to_records([]), np.zeros(0, np.intp))


def decide_for(
    tenancy: Tenancy,
    snapshot: Snapshot,
    subject: str,
    purpose: str,
    *,
    at_us: int,
    signals: Sequence[Signal] = (),
    device: str | None = None,
) -> tuple[SubjectRow | None, Decision]:
    """The person's row, if there is one, and what they allow this purpose now, on this device."""
    tenancy.keyring.watch(snapshot.head.shred_epoch)
    person, known = consents.with_person(snapshot, tenancy.keyring.lookup(check_id(subject)))
    if person is not None and person.state != ACTIVE:
        return person, Decision(purpose, False, "erased", at_us)
    scope = None if device is None else tenancy.device_scope(device)
    return person, tenancy.decide(purpose, known, at_us=at_us, signals=signals, scope=scope)


def read_records(
    tenancy: Tenancy,
    snapshot: Snapshot,
    subject: str,
    purpose: str,
    *,
    at_us: int,
    limit: int,
    signals: Sequence[Signal] = (),
    device: str | None = None,
) -> PastRecords:
    """A person's newest events for a purpose, opened: the one way history leaves this room.

    Consent and events are read from one snapshot, so that no withdrawal falls in between. There may
    be more of them than ``limit``.

    Raises:
        KeyReplacedError: The person was given a new key meanwhile: read again.
    """
    person, decision = decide_for(
        tenancy, snapshot, subject, purpose, at_us=at_us, signals=signals, device=device
    )
    if person is None or not decision.allowed:
        return no_past(decision, person)
    try:
        return _opened(tenancy, snapshot, person, decision, limit)
    except KeyReplacedError:
        raise
    except SealError:
        # A lost key or a damaged event must not take their page from them; staff calls do raise.
        lost = Decision(purpose, False, "key_lost", at_us)
        return no_past(lost, person)


def _opened(
    tenancy: Tenancy, snapshot: Snapshot, person: SubjectRow, decision: Decision, limit: int
) -> PastRecords:
    purpose = decision.purpose
    cipher = cipher_of(tenancy, person)
    if cipher is None:
        return no_past(Decision(purpose, False, "erased", decision.at_us), person)
    mask, past = tenancy.masks.get(purpose, 0), tenancy.past_mask(purpose)
    rows: Sequence[tuple[Any, ...]]
    if past:
        rows = events.history_with_purposes(snapshot, person.subject, mask | past, limit)
        records = body.to_records(cipher.open_all(body.TABLE, [row[:2] for row in rows]))
        usable = records["at_us"] >= oldest(tenancy, decision, [row[2] for row in rows])
    else:
        rows = events.history(snapshot, person.subject, mask, limit)
        records = body.to_records(cipher.open_all(body.TABLE, rows) if rows else [])
        usable = records["at_us"] >= first_us(tenancy, decision)
    newest_first = np.argsort(-records["at_us"], kind="stable")
    ranks = np.flatnonzero(usable[newest_first])
    return PastRecords(decision, person, records[newest_first[ranks]], ranks)


def cipher_of(tenancy: Tenancy, person: SubjectRow) -> Cipher | None:
    """A person's cipher; None where they were erased after the caller's snapshot was taken.

    Raises:
        KeyReplacedError: They were given a new key after it was taken.
        SealError: The key of someone who was not erased is not there, or does not open.
    """
    try:
        return tenancy.keyring.cipher(person.key_id)
    except SealError:
        with tenancy.read() as snapshot:
            now = subjects.number(snapshot, person.subject)
        if now is None or now.state != ACTIVE:
            return None
        if now.key_id != person.key_id:
            raise KeyReplacedError("the person has a new key: read again") from None
        raise


def first_us(tenancy: Tenancy, decision: Decision) -> int:
    """The oldest event that may be used: within retention, and under the permission in force."""
    return max(decision.since_us, kept_from_us(tenancy, decision))


def kept_from_us(tenancy: Tenancy, decision: Decision) -> int:
    """The oldest event that retention keeps for the purpose."""
    keep_us = tenancy.policy.purposes[decision.purpose].keep_days * DAY_US
    return decision.at_us - keep_us


def oldest(
    tenancy: Tenancy, decision: Decision, purposes: Sequence[int]
) -> NDArray[np.int64] | int:
    """``first_us`` for events kept for these purposes: a past order may be older than consent."""
    past = tenancy.past_mask(decision.purpose)
    if not past:
        return first_us(tenancy, decision)
    is_past = (np.array(purposes, np.int64) & past) != 0
    return np.where(is_past, kept_from_us(tenancy, decision), first_us(tenancy, decision))


def open_events(
    tenancy: Tenancy, snapshot: Snapshot, person: SubjectRow, rows: Sequence[events.EventRow]
) -> list[PastEvent]:
    """What one person did, opened, with the items' ids and titles; marks are left out."""
    if not rows:
        return []
    catalogue = tenancy.catalogue.at(snapshot)
    cipher = tenancy.keyring.cipher(person.key_id)
    opened = cipher.open_all(body.TABLE, [(row.event, row.body) for row in rows])
    every = [body.to_event(plain) for plain in opened]
    return [past_event(one, catalogue.ids, catalogue.titles) for one in every if not one.is_mark]


def past_event(event: body.StoredEvent, ids: Sequence[str], titles: Sequence[str]) -> PastEvent:
    """A stored event with its item's id and title."""
    if not body.NO_ITEM <= event.item < len(ids):
        raise SealError("a sealed event names no item of this shop")
    whole = event.item == body.NO_ITEM
    return PastEvent(
        event.kind,
        "" if whole else ids[event.item],
        "" if whole else titles[event.item],
        event.at_us,
        event.quantity,
        event.price,
        event.order,
        event.after,
    )


def withheld_events(
    decision: Decision, stored: Sequence[events.EventRow], mask: int, shown: int
) -> Counter[str]:
    """Why stored events are not shown to a purpose."""
    counts: Counter[str] = Counter()
    meant = sum(1 for row in stored if row.purposes & mask)
    counts["other_purpose"] = sum(1 for row in stored if row.purposes and not row.purposes & mask)
    counts["no_purpose"] = sum(1 for row in stored if not row.purposes)
    counts[decision.reason if not decision.allowed else "expired"] += meant - shown
    return counts
