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
from knowingly.errors import InternalError, SealError
from knowingly.profiles import body
from knowingly.profiles.settling import settle, with_places
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

    Where one event more was read, ``read`` has all of them as they are stored, and ``places`` which
    of those each of ``records`` is.
    """

    decision: Decision
    person: SubjectRow | None
    records: NDArray[np.void]
    read: NDArray[np.void] | None = None
    places: NDArray[np.intp] | None = None

    def without(self, place: int) -> NDArray[np.void]:
        """What ``records`` would be if one of them were not stored: an older event moves in."""
        if self.read is None or self.places is None:  # pragma: no cover - a caller of ours reads it
            raise InternalError("a history without one of its events needs one event more")
        return settle(np.delete(self.read, self.places[place]))


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
    one_more: bool = False,
) -> PastRecords:
    """A person's newest events for a purpose, opened: the one way history leaves this room.

    Consent and events are read from one snapshot, so that no withdrawal falls in between. With
    ``one_more`` than ``limit`` it can be told what the history would be without each of them.

    Raises:
        KeyReplacedError: The person was given a new key meanwhile: read again.
    """
    person, decision = decide_for(
        tenancy, snapshot, subject, purpose, at_us=at_us, signals=signals, device=device
    )
    if person is None or not decision.allowed:
        return PastRecords(decision, person, body.to_records([]))
    try:
        return _opened(tenancy, snapshot, person, decision, limit=limit, one_more=one_more)
    except KeyReplacedError:
        raise
    except SealError:
        # A lost key or a damaged event must not take their page from them; staff calls do raise.
        lost = Decision(purpose, False, "key_lost", at_us)
        return PastRecords(lost, person, body.to_records([]))


def _opened(
    tenancy: Tenancy,
    snapshot: Snapshot,
    person: SubjectRow,
    decision: Decision,
    *,
    limit: int,
    one_more: bool,
) -> PastRecords:
    purpose = decision.purpose
    cipher = cipher_of(tenancy, person)
    if cipher is None:
        erased = Decision(purpose, False, "erased", decision.at_us)
        return PastRecords(erased, person, body.to_records([]))
    mask, past = tenancy.masks.get(purpose, 0), tenancy.past_mask(purpose)
    most = limit + one_more
    rows: Sequence[tuple[Any, ...]]
    if past:
        rows = events.history_with_purposes(snapshot, person.subject, mask | past, most)
        records = body.to_records(cipher.open_all(body.TABLE, [row[:2] for row in rows]))
        usable = records["at_us"] >= oldest(tenancy, decision, [row[2] for row in rows])
    else:
        rows = events.history(snapshot, person.subject, mask, most)
        records = body.to_records(cipher.open_all(body.TABLE, rows) if rows else [])
        usable = records["at_us"] >= first_us(tenancy, decision)
    newest_first = np.argsort(-records["at_us"], kind="stable")
    own = newest_first[usable[newest_first]]
    if not one_more:
        return PastRecords(decision, person, settle(records[own]))
    looked_at = np.arange(len(own))
    if len(rows) > limit:
        looked_at = np.flatnonzero(own != _beyond(rows, records))
    settled, places = with_places(records[own[looked_at]])
    return PastRecords(decision, person, settled, records[own], looked_at[places])


def _beyond(rows: Sequence[tuple[Any, ...]], records: NDArray[np.void]) -> int:
    """The place of the event that one fewer would have left out: see ``events.history``."""
    days = (records["at_us"] // DAY_US).tolist()
    return max(range(len(rows)), key=lambda place: (-days[place], rows[place][0]))


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
