"""``track``: events come in, and only what the person agreed to is kept."""

import math
import os
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from knowingly.domain.event import KIND_CODE, Event
from knowingly.domain.intake import Intake, Refusal
from knowingly.domain.moments import DAY_US, to_us
from knowingly.domain.validate import check_rows
from knowingly.errors import InputError, StoreError, UnknownItemError
from knowingly.ledger import log
from knowingly.profiles.body import TABLE, order_code
from knowingly.profiles.permissions import Permission, Permissions, permission
from knowingly.store import events, subjects
from knowingly.store.doors import Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import Cipher

_RECORD = struct.Struct("<BqiIdq")
_NO_ORDER = order_code(None)
NEVER_ERASED = -1


@dataclass(slots=True)
class _Pending:
    """A valid event that waits for its person's decision."""

    row: int
    event: Event
    at_us: int


class _Known(NamedTuple):
    """A person in the batch, what they allow, and when an earlier self of theirs was erased."""

    row: SubjectRow
    permission: Permission
    cipher: Cipher
    erased_us: int


def track(
    tenancy: Tenancy,
    permissions: Permissions,
    rows: Iterable[Event | Mapping[str, Any]],
    *,
    strict: bool,
) -> Intake:
    """Keep what is valid and allowed, in one transaction; count the rest by reason.

    Consent is asked in the transaction that stores the event: a withdrawal either comes before and
    the event is dropped, or after and takes the event with it.

    Raises:
        InputError: ``strict`` is set and a row is bad; nothing was written.
    """
    good, refused = check_rows(Event, rows, strict=strict)
    now_us = tenancy.now_us()
    by_person = _timely(tenancy, good, now_us, refused)
    if strict and refused:
        raise InputError(refused[0].field, refused[0].expected, row=refused[0].row)
    if not by_person:
        return Intake(refused=tuple(refused))
    lookups = {person: tenancy.keyring.lookup(person) for person in by_person}
    nobody = permission(tenancy, (), now_us)
    fresh = _prepare_keys(tenancy, list(lookups.values()), now_us, nobody)
    dropped: Counter[str] = Counter()
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        people = _people(tenancy, permissions, tx, list(lookups.values()), fresh)
        row_of = tenancy.catalogue.at(tx).row_of
        stored: list[events.NewEvent] = []
        for person, pending in by_person.items():
            found = people.get(lookups[person])
            if found is None:
                dropped["no_record"] += len(pending)
                continue
            keep = _allowed(pending, found, row_of, dropped, refused)
            stored += _sealed(tenancy, found.row, found.cipher, keep)
        if strict and refused:
            raise UnknownItemError("item", refused[0].expected, row=refused[0].row)
        kept = events.add(tx, stored)
    refused.sort(key=lambda refusal: refusal.row)
    return Intake(kept, len(stored) - kept, dict(dropped), tuple(refused))


def _timely(
    tenancy: Tenancy, good: Sequence[tuple[int, Event]], now_us: int, refused: list[Refusal]
) -> dict[str, list[_Pending]]:
    """Valid events by person; a date in the future is refused."""
    by_person: dict[str, list[_Pending]] = {}
    latest = now_us + tenancy.skew_us
    for number, event in good:
        at_us = to_us(event.at) if event.at is not None else now_us
        if at_us > latest:
            refused.append(Refusal(number, "at", "a time that is not in the future"))
        elif at_us < 0:
            refused.append(Refusal(number, "at", "a time after 1970"))
        else:
            by_person.setdefault(event.subject, []).append(_Pending(number, event, at_us))
    return by_person


def _prepare_keys(
    tenancy: Tenancy, lookups: Sequence[bytes], now_us: int, nobody: Permission
) -> dict[bytes, bytes]:
    """Commit keys for strangers whose events are kept on a basis other than consent.

    Keys live in a store of their own and are committed before the rows that need them. Where every
    purpose needs consent, as in most shops, a stranger's events are dropped and there is none.
    """
    if not nobody.allowed:
        return {}
    with tenancy.read() as snapshot:
        known = subjects.find_many(snapshot, lookups)
    strangers = [lookup for lookup in lookups if lookup not in known]
    return dict(zip(strangers, tenancy.keyring.create(len(strangers), at_us=now_us), strict=True))


def _people(
    tenancy: Tenancy,
    permissions: Permissions,
    tx: Tx,
    lookups: Sequence[bytes],
    fresh: Mapping[bytes, bytes],
) -> dict[bytes, _Known]:
    """Everyone in the batch who is known and active, with what their choices allow."""
    now_us = tenancy.now_us()
    known = subjects.find_many(tx, lookups)
    erased = subjects.erased_at(tx, lookups)
    active = {lookup: row for lookup, row in known.items() if row.state == ACTIVE}
    allowed = permissions.of(tenancy, tx, [row.subject for row in active.values()], now_us)
    missing = [(lookup, key) for lookup, key in fresh.items() if lookup not in known]
    if not tenancy.keyring.are_stored([key for _, key in missing]):
        raise StoreError("new keys were swept by a server whose clock runs ahead; try again")
    opened = subjects.add(tx, missing)
    for row in opened.values():
        seal = tenancy.keyring.cipher(row.key_id).seal
        log.append(tx, "subject.opened", at_us=now_us, seal=seal, subject=row.subject)
        allowed[row.subject] = permission(tenancy, (), now_us)
    active |= opened
    ciphers = tenancy.keyring.ciphers([row.key_id for row in active.values()])
    return {
        lookup: _Known(
            row, allowed[row.subject], ciphers[row.key_id], erased.get(lookup, NEVER_ERASED)
        )
        for lookup, row in active.items()
    }


def _allowed(
    pending: Sequence[_Pending],
    known: _Known,
    row_of: Mapping[str, int],
    dropped: Counter[str],
    refused: list[Refusal],
) -> list[tuple[_Pending, int, int]]:
    """``(event, item row, purposes)`` of one person's events that may be kept."""
    keep = []
    for waiting in pending:
        item = row_of.get(waiting.event.item)
        if item is None:
            expected = "an item of this shop (add it with items.upsert first)"
            refused.append(Refusal(waiting.row, "item", expected))
            continue
        mask = known.permission.mask(waiting.at_us)
        if waiting.at_us <= known.erased_us:
            dropped["erased"] += 1
        elif not mask:
            dropped[known.permission.reason] += 1
        else:
            keep.append((waiting, item, mask))
    return keep


def _sealed(
    tenancy: Tenancy, person: SubjectRow, cipher: Cipher, keep: Sequence[tuple[_Pending, int, int]]
) -> list[events.NewEvent]:
    """Rows to store, each body sealed for its own row under the person's key."""
    plain = []
    name_of, pack = tenancy.keyring.event_name, _RECORD.pack
    for waiting, item, _ in keep:
        event = waiting.event
        price = math.nan if event.price is None else event.price
        order = event.order
        code = _NO_ORDER if order is None else order_code(order)
        body = pack(KIND_CODE[event.kind], waiting.at_us, item, event.quantity, price, code)
        if order is not None:
            body += order.encode()
        name = name_of(person.name_salt, event.event_id) if event.event_id else os.urandom(16)
        plain.append((name, body))
    return [
        (tenancy.number, person.subject, name, waiting.at_us // DAY_US, mask, sealed)
        for (waiting, _, mask), (name, _), sealed in zip(
            keep, plain, cipher.seal_all(TABLE, plain), strict=True
        )
    ]
