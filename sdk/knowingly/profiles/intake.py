"""``track``: events come in, and only what the person agreed to is kept."""

import math
import os
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from itertools import repeat
from typing import Any, NamedTuple, cast

from knowingly.consent.token import A_PAGES_DECISION, open_token
from knowingly.domain.event import KIND_CODE, Event, EventKind
from knowingly.domain.event_rows import EventFields, check_events
from knowingly.domain.intake import Intake, Refusal
from knowingly.domain.moments import DAY_US, EPOCH, MICROSECOND
from knowingly.domain.order import HEAD, Order
from knowingly.domain.page import PageRef
from knowingly.errors import InputError, SealError, StoreError, UnknownItemError
from knowingly.ledger import log
from knowingly.profiles.body import NO_ITEM, TABLE, order_code, with_edition, with_page
from knowingly.profiles.editions import Arrived, Older, without_older
from knowingly.profiles.people import NEVER_ERASED, People, Person
from knowingly.profiles.permission import Permission
from knowingly.profiles.permissions import OnDevice
from knowingly.profiles.undone import UNDOING, Undone
from knowingly.store import events, subjects
from knowingly.store.doors import Then, Tx
from knowingly.store.subjects import ACTIVE
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import Cipher, seal_each
from knowingly.vault.subject_keys import KEY_LOST

_RECORD = struct.Struct("<BqiIdq")
_NO_ORDER = order_code(None)
_NO_SUCH_ITEM = "an item of this shop (add it with items.upsert first)"
_WHOSE_KEY_IS_LOST = f"somebody else: this one's {KEY_LOST}"
_OF_ORDERS = frozenset({EventKind.PURCHASE, EventKind.RETURN, EventKind.CANCEL})


class _Batch(NamedTuple):
    """The valid events of a batch, by place; where each person's are; what was not kept so far.

    ``page`` has the pages after which some of them were done.
    """

    row: Sequence[int]
    fields: Sequence[EventFields]
    at_us: Mapping[int, int]
    page: Mapping[int, PageRef]
    of_person: dict[str, list[int]]
    refused: list[Refusal]
    dropped: Counter[str]


class _Known(NamedTuple):
    """A person in the batch, and what they allow."""

    person: Person
    permission: Permission
    cipher: Cipher


_Group = tuple[_Known | None, Sequence[int]]
"""Somebody, and the places of those events of theirs that the same permission is asked for."""


class _Kept(NamedTuple):
    """The events that may be kept, as parallel lists: no object for each, which would be slow."""

    place: list[int]
    known: list[_Known]
    item: list[int]
    mask: list[int]


def track(
    tenancy: Tenancy,
    people: People,
    rows: Iterable[Event | Order | Mapping[str, Any]],
    undone: Undone,
    *,
    strict: bool,
    then: Then | None = None,
    to_the_second: bool = False,
) -> Intake:
    """Keep what is valid and allowed, in one transaction; count the rest by reason.

    Consent is asked in the transaction that stores the event: a withdrawal either comes before and
    the event is dropped, or after and takes the event with it. ``undone`` is told, in that
    transaction too, who undid something by it; ``then`` is done last. ``to_the_second`` is how
    exactly orders say how new they are: of two editions within one second the one that comes in
    last stays.

    Raises:
        InputError: ``strict`` is set and a row is bad; nothing was written.
    """
    now_us = tenancy.now_us()
    batch = _read(tenancy, rows, now_us, strict=strict)
    if not batch.of_person:
        intake = Intake(dropped=dict(batch.dropped), refused=tuple(batch.refused))
        if then is not None:
            with tenancy.write() as tx:
                then(tx, intake)
        return intake
    lookup = tenancy.keyring.lookup
    lookups = [lookup(subject) for subject in batch.of_person]
    nobody = people.permissions.nobody(tenancy, now_us)
    fresh = _prepare_keys(tenancy, _to_open(batch, lookups, nobody), now_us)
    if undoing := _who_undoes(batch, lookups):
        undone.prepare(undoing)
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        asked, lost = _ask(tenancy, people, tx, lookups, fresh)
        if lost:
            _refuse_lost(batch, [lookup in lost for lookup in lookups], strict=strict)
        groups = _by_device(tenancy, people, tx, batch, asked)
        keep = _allowed(batch, groups, tenancy.catalogue.at(tx).row_of)
        if strict and batch.refused:
            first = batch.refused[0]
            raise UnknownItemError(first.field, first.expected, row=first.row)
        older = _without_older(tenancy, tx, batch, keep, to_the_second)
        stored = _sealed(tenancy, batch, keep)
        added = events.add(tx, stored)
        if undoing or older.replaced:
            undone(tx, {*older.replaced, *_undoing(batch, keep)})
        batch.refused.sort(key=lambda refusal: refusal.row)
        intake = Intake(
            added - older.heads - older.repeated,
            len(stored) - added + older.repeated + older.skipped,
            dict(batch.dropped),
            tuple(batch.refused),
        )
        if then is not None:
            then(tx, intake)
    return intake


def would_refuse(
    tenancy: Tenancy, rows: Iterable[Event | Order | Mapping[str, Any]]
) -> list[Refusal]:
    """The rows that ``track`` would refuse; writes nothing.

    An unknown item is refused of everybody, also of those whose events would be dropped: whoever
    asks beforehand wants to know of it.
    """
    batch = _read(tenancy, rows, tenancy.now_us(), strict=False)
    items = tenancy.ask(tenancy.catalogue.at).row_of
    unknown = [
        Refusal(batch.row[place], _field(event), _NO_SUCH_ITEM)
        for place in batch.at_us
        if (event := batch.fields[place])["item"] is not None and event["item"] not in items
    ]
    return sorted([*batch.refused, *unknown], key=lambda refusal: refusal.row)


def _read(
    tenancy: Tenancy,
    rows: Iterable[Event | Order | Mapping[str, Any]],
    now_us: int,
    *,
    strict: bool,
) -> _Batch:
    """Valid events by person; a date in the future is refused, what a known bot did is dropped.

    Raises:
        InputError: ``strict`` is set and a row is bad.
    """
    numbers, fields, refused = check_events(rows, strict=strict)
    of_person: dict[str, list[int]] = {}
    moments: dict[int, int] = {}
    pages: dict[int, PageRef] = {}
    dropped: Counter[str] = Counter()
    latest = now_us + tenancy.skew_us
    page_of = cache(partial(_page, tenancy))
    for place, event in enumerate(fields):
        at, page, token = event.get("at"), None, event.get("decision")
        at_us = now_us if at is None else (at - EPOCH) // MICROSECOND
        if at_us > latest:
            refused.append(Refusal(numbers[place], "at", "a time that is not in the future"))
        elif "part" in event and (event["part"].edition.version_us or 0) > latest:
            # No later edition could take its place.
            refused.append(
                Refusal(numbers[place], "updated_at", "a time that is not in the future")
            )
        elif at_us < 0:
            refused.append(Refusal(numbers[place], "at", "a time after 1970"))
        elif "agent" in event and event["agent"] and tenancy.policy.is_bot(event["agent"]):
            dropped["bot"] += 1
        elif token is not None and (page := page_of(token)) is None:
            refused.append(Refusal(numbers[place], "decision", A_PAGES_DECISION))
        else:
            if page is not None:
                pages[place] = page
            moments[place] = at_us
            mine = of_person.get(event["subject"])
            if mine is None:
                of_person[event["subject"]] = [place]
            else:
                mine.append(place)
    # What is wrong with an order is wrong with each of its events, and is said once.
    refused = list(dict.fromkeys(refused))
    if strict and refused:
        raise InputError(refused[0].field, refused[0].expected, row=refused[0].row)
    return _Batch(numbers, fields, moments, pages, of_person, refused, dropped)


def _page(tenancy: Tenancy, token: str) -> PageRef | None:
    """The page whose decision came with an event; None where it is no token of this tenant."""
    try:
        told = open_token(tenancy, token)
    except InputError:
        return None
    return PageRef(told.slot, told.training)


def _to_open(batch: _Batch, lookups: Sequence[bytes], nobody: Permission) -> Sequence[bytes]:
    """Those of whom something is kept even where nothing is known of them."""
    if nobody.allowed or not nobody.past_mask:
        return lookups if nobody.allowed else ()
    return [
        lookup
        for lookup, mine in zip(lookups, batch.of_person.values(), strict=True)
        if any(_is_of_an_order(batch.fields[place]) for place in mine)
    ]


def _who_undoes(batch: _Batch, lookups: Sequence[bytes]) -> list[bytes]:
    """The people of the batch who may undo something by it; an edited order shows only later."""
    undoing = {fields["subject"] for fields in batch.fields if fields["kind"] in UNDOING}
    if not undoing:
        return []
    whose = zip(lookups, batch.of_person, strict=True)
    return [lookup for lookup, subject in whose if subject in undoing]


def _undoing(batch: _Batch, keep: _Kept) -> set[int]:
    """The people of whom something is kept that undoes something else."""
    return {
        known.person.row.subject
        for place, known in zip(keep.place, keep.known, strict=True)
        if batch.fields[place]["kind"] in UNDOING
    }


def _is_of_an_order(event: EventFields) -> bool:
    return event.get("order") is not None and event["kind"] in _OF_ORDERS


def _prepare_keys(tenancy: Tenancy, lookups: Sequence[bytes], now_us: int) -> dict[bytes, bytes]:
    """Commit keys for strangers whose events are kept on a basis other than consent.

    Keys live in a store of their own and are committed before the rows that need them. Where every
    purpose needs consent, as in most shops, a stranger's events are dropped and there is none.
    """
    if not lookups:
        return {}
    with tenancy.read() as snapshot:
        known = subjects.find_many(snapshot, lookups)
    strangers = [lookup for lookup in lookups if lookup not in known]
    return dict(zip(strangers, tenancy.keyring.create(len(strangers), at_us=now_us), strict=True))


def _ask(
    tenancy: Tenancy,
    people: People,
    tx: Tx,
    lookups: Sequence[bytes],
    fresh: Mapping[bytes, bytes],
) -> tuple[list[_Known | None], set[bytes]]:
    """Each person of the batch with what their choices allow; None who is unknown or erased.

    And who is known, and whose key is lost.
    """
    now_us = tenancy.now_us()
    known = people.known(tx, lookups)
    active = {lookup: one for lookup, one in known.items() if one.row.state == ACTIVE}
    numbers = [one.row.subject for one in active.values()]
    allowed = people.permissions.of(tenancy, tx, numbers, now_us)
    missing = [(lookup, key) for lookup, key in fresh.items() if lookup not in known]
    if missing:
        opened = _open(tenancy, tx, missing, now_us)
        nobody = people.permissions.nobody(tenancy, now_us)
        allowed |= {one.row.subject: nobody for one in opened.values()}
        active |= opened
    ciphers = tenancy.keyring.present([one.row.key_id for one in active.values()])
    lost = {lookup for lookup, one in active.items() if one.row.key_id not in ciphers}
    asked = [
        _Known(one, allowed[one.row.subject], ciphers[one.row.key_id])
        if (one := active.get(lookup)) and lookup not in lost
        else None
        for lookup in lookups
    ]
    return asked, lost


def _refuse_lost(batch: _Batch, is_lost: Sequence[bool], *, strict: bool) -> None:
    """Refuse the rows of people whose key is lost: the others' are no worse for it.

    Raises:
        SealError: ``strict`` is set.
    """
    if strict:
        raise SealError(f"a subject's {KEY_LOST}")
    for subject in [one for one, lost in zip(batch.of_person, is_lost, strict=True) if lost]:
        # An order is one row, and several events.
        rows = dict.fromkeys(batch.row[place] for place in batch.of_person[subject])
        batch.refused.extend(Refusal(row, "subject", _WHOSE_KEY_IS_LOST) for row in rows)
        batch.of_person[subject] = []


def _open(
    tenancy: Tenancy, tx: Tx, strangers: Sequence[tuple[bytes, bytes]], now_us: int
) -> dict[bytes, Person]:
    """Open strangers by ``(lookup, key id)``, whose events some purpose may keep all the same."""
    if not tenancy.keyring.are_stored([key for _, key in strangers]):
        raise StoreError("new keys were swept by a server whose clock runs ahead; try again")
    erased = subjects.erased_at(tx, [lookup for lookup, _ in strangers])
    opened = {}
    for lookup, row in subjects.add(tx, strangers).items():
        seal = tenancy.keyring.cipher(row.key_id).seal
        log.append(tx, "subject.opened", at_us=now_us, seal=seal, subject=row.subject)
        opened[lookup] = Person(row, erased.get(lookup, NEVER_ERASED))
    return opened


def _by_device(
    tenancy: Tenancy,
    people: People,
    tx: Tx,
    batch: _Batch,
    asked: Sequence[_Known | None],
) -> list[_Group]:
    """Each person's events; apart, under what is allowed there, those of a device with choices.

    Only of people who have chosen something on a device are the events looked at for one.
    """
    groups: list[_Group] = []
    apart: dict[OnDevice, tuple[_Known, list[int]]] = {}
    scope_of = cache(tenancy.device_scope)
    for known, mine in zip(asked, batch.of_person.values(), strict=True):
        if known is None or not known.permission.devices:
            groups.append((known, mine))
            continue
        others: list[int] = []
        for place in mine:
            device = batch.fields[place].get("device")
            scope = "" if device is None else scope_of(device)
            if scope in known.permission.devices:
                own = apart.setdefault((known.person.row.subject, scope), (known, []))
                own[1].append(place)
            else:
                others.append(place)
        groups.append((known, others))
    allowed = people.permissions.on_devices(tenancy, tx, apart.keys(), tenancy.now_us())
    for where, (known, mine) in apart.items():
        groups.append((known._replace(permission=allowed[where]), mine))
    return groups


def _allowed(batch: _Batch, groups: Sequence[_Group], row_of: Mapping[str, int]) -> _Kept:
    """The events that may be kept; the rest is refused, or dropped by reason."""
    keep = _Kept([], [], [], [])
    for known, mine in groups:
        if known is None:
            batch.dropped["no_record"] += sum(map(_counts, map(batch.fields.__getitem__, mine)))
            continue
        mask_at, erased_us = known.permission.mask, known.person.erased_us
        past_mask, first_us = known.permission.past_mask, known.permission.first_us
        for place in mine:
            event = batch.fields[place]
            item = row_of.get(event["item"])
            if item is None:
                if event["item"] is not None:
                    batch.refused.append(Refusal(batch.row[place], _field(event), _NO_SUCH_ITEM))
                    continue
                item = NO_ITEM
            at_us = batch.at_us[place]
            mask = mask_at(at_us)
            if past_mask and at_us < first_us and _is_of_an_order(event):
                mask |= past_mask
            if at_us <= erased_us:
                batch.dropped["erased"] += _counts(event)
            elif not mask:
                batch.dropped[known.permission.reason] += _counts(event)
            else:
                keep.place.append(place)
                keep.known.append(known)
                keep.item.append(item)
                keep.mask.append(mask)
    return keep


def _counts(event: EventFields) -> bool:
    """Whether callers are told of an event; the head of an order is our own."""
    part = event.get("part")
    return part is None or part.counts


def _field(event: EventFields) -> str:
    part = event.get("part")
    return "item" if part is None else f"lines.{part.place}.item"


def _without_older(
    tenancy: Tenancy, tx: Tx, batch: _Batch, keep: _Kept, to_the_second: bool
) -> Older:
    """Take older editions of orders out of what is kept, and out of what is stored."""
    # Fields with a part were made by us, each order's own.
    parts = [
        Arrived(place, known.person.row, known.cipher, cast("dict[str, Any]", batch.fields[where]))
        for place, (where, known) in enumerate(zip(keep.place, keep.known, strict=True))
        if "part" in batch.fields[where]
    ]
    older = without_older(tenancy, tx, parts, to_the_second) if parts else Older()
    if older.places:
        stay = [place for place in range(len(keep.place)) if place not in older.places]
        keep.place[:] = [keep.place[place] for place in stay]
        keep.known[:] = [keep.known[place] for place in stay]
        keep.item[:] = [keep.item[place] for place in stay]
        keep.mask[:] = [keep.mask[place] for place in stay]
    return older


def _sealed(tenancy: Tenancy, batch: _Batch, keep: _Kept) -> list[events.NewEvent]:
    """Rows to store, each body sealed for its own row under its person's key."""
    names, bodies = [], []
    name_of = tenancy.keyring.event_name
    for place, known, item in zip(keep.place, keep.known, keep.item, strict=True):
        event = batch.fields[place]
        event_id = event.get("event_id")
        salt = known.person.row.name_salt
        names.append(os.urandom(16) if event_id is None else name_of(salt, event_id))
        bodies.append(_body(event, batch.at_us[place], item, batch.page.get(place)))
    sealed = seal_each(TABLE, [known.cipher for known in keep.known], names, bodies)
    people = [known.person.row.subject for known in keep.known]
    days = [batch.at_us[place] // DAY_US for place in keep.place]
    tenant = repeat(tenancy.number, len(names))
    return list(zip(tenant, people, names, days, keep.mask, sealed, strict=True))


def _body(event: EventFields, at_us: int, item: int, page: PageRef | None) -> bytes:
    price, order = event.get("price"), event.get("order")
    record = _RECORD.pack(
        KIND_CODE[event["kind"]],
        at_us,
        item,
        event.get("quantity", 1),
        math.nan if price is None else price,
        _NO_ORDER if order is None else order_code(order),
    )
    part = event.get("part")
    if part is not None and part.place == HEAD:
        return record + with_edition(event["order"], part.edition)
    if page is not None:
        return record + with_page(order, page)
    return record if order is None else record + bytes(order, "utf-8")
