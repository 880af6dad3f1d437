"""Who the people of a batch are, what each allows, and the keys that their events need."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from knowingly.domain.intake import Refusal
from knowingly.errors import SealError, StoreError
from knowingly.ledger import log
from knowingly.profiles.intake.batch import Batch, is_of_an_order
from knowingly.profiles.people import NEVER_ERASED, People, Person
from knowingly.profiles.permission import Permission
from knowingly.profiles.permissions import OnDevice
from knowingly.store import subjects
from knowingly.store.doors import Tx
from knowingly.store.subjects import ACTIVE
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import Cipher
from knowingly.vault.subject_keys import KEY_LOST

_WHOSE_KEY_IS_LOST = f"somebody else: this one's {KEY_LOST}"


class Known(NamedTuple):
    """A person in the batch, and what they allow."""

    person: Person
    permission: Permission
    cipher: Cipher


Group = tuple[Known | None, Sequence[int]]
"""Somebody, and the places of those events of theirs that the same permission is asked for."""


def to_open(batch: Batch, lookups: Sequence[bytes], nobody: Permission) -> Sequence[bytes]:
    """Those of whom something is kept even where nothing is known of them."""
    if nobody.allowed or not nobody.past_mask:
        return lookups if nobody.allowed else ()
    return [
        lookup
        for lookup, mine in zip(lookups, batch.of_person.values(), strict=True)
        if any(is_of_an_order(batch.fields[place]) for place in mine)
    ]


def prepare_keys(tenancy: Tenancy, lookups: Sequence[bytes], now_us: int) -> dict[bytes, bytes]:
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


def ask(
    tenancy: Tenancy,
    people: People,
    tx: Tx,
    lookups: Sequence[bytes],
    fresh: Mapping[bytes, bytes],
) -> tuple[list[Known | None], set[bytes]]:
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
        Known(one, allowed[one.row.subject], ciphers[one.row.key_id])
        if (one := active.get(lookup)) and lookup not in lost
        else None
        for lookup in lookups
    ]
    return asked, lost


def refuse_lost(batch: Batch, is_lost: Sequence[bool], *, strict: bool) -> None:
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


def by_device(
    tenancy: Tenancy,
    people: People,
    tx: Tx,
    batch: Batch,
    asked: Sequence[Known | None],
) -> list[Group]:
    """Each person's events; apart, under what is allowed there, those of a device with choices.

    Only of people who have chosen something on a device are the events looked at for one.
    """
    groups: list[Group] = []
    apart: dict[OnDevice, tuple[Known, list[int]]] = {}
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
