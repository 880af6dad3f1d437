"""A new key for one person: everything sealed of them is opened and sealed again.

1. A new key is committed in the key store.
2. In one transaction of the data: every sealed row is sealed anew, the person's row names the new
   key, the other processes are told to drop what they keep, and the log says so.
3. The old key is deleted, and its bytes overwritten.

Before the second step a crash leaves a new key that nothing uses, after it an old one: ``maintain``
sweeps both, when they are an hour old.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from knowingly.errors import SealError, StoreError
from knowingly.governance import holds
from knowingly.governance.export import find
from knowingly.ledger import log
from knowingly.recommend.registry import manifest
from knowingly.store import sealed, subjects
from knowingly.store.doors import Tx
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

PLACES: dict[str, Callable[[SubjectRow, Any], bytes]] = {
    "events": lambda _, event: bytes(event),
    "ledger_details": lambda _, index: log.row_name(index),
    "manifests": lambda person, training: manifest.row_name(person.subject, training),
    "traits": lambda _, trait: bytes(trait),
    "identities": lambda _, identity: bytes(identity),
    "holds": lambda _, _subject: holds.ROW,
}
"""The place each row of a person is sealed for; a test holds the tables to the data map."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many rows of each table were sealed anew; ``overwritten``, whether the old key is gone.

    Where it is not yet, a long reader is in the way: run ``maintain``.

    Stability: stable.
    """

    rows: Mapping[str, int]
    overwritten: bool


def reseal(tenancy: Tenancy, subject: str) -> Resealed:
    """Give a person a new key; nothing they said or did changes.

    Raises:
        UnknownSubjectError: No such person is known.
        SealError: Their key is lost, or a row does not open; nothing was changed.
    """
    keyring = tenancy.keyring
    with tenancy.read() as snapshot:
        before = find(tenancy, snapshot, subject)
    [fresh] = keyring.create(
        1, at_us=tenancy.now_us(), first_version=keyring.first_version(before.key_id)
    )
    with tenancy.write() as tx:
        keyring.watch(tx.head.shred_epoch)
        person = find(tenancy, tx, subject)
        if person != before or not keyring.are_stored([fresh]):
            raise StoreError("the person's key was changed at this moment; try again")
        new = keyring.cipher(fresh)
        rows = {}
        for table in PLACES:
            opened = _opened(tenancy, tx, table, person)
            bodies = new.seal_all(table, [(place, plain) for _, place, plain in opened])
            names = [name for name, _, _ in opened]
            sealed.replace_bodies(tx, table, person.subject, list(zip(names, bodies, strict=True)))
            rows[table] = len(opened)
        subjects.change_key(tx, person.subject, fresh)
        tx.head.shred_epoch += 1
        now_us = tenancy.now_us()
        log.append(tx, "subject.resealed", at_us=now_us, seal=new.seal, subject=person.subject)
    keyring.destroy(before.key_id)
    return Resealed(rows, keyring.overwrite())


def _opened(
    tenancy: Tenancy, tx: Tx, table: str, person: SubjectRow
) -> list[tuple[Any, bytes, bytes]]:
    """``(name, place, plain)`` of a person's sealed rows in one table."""
    keyring = tenancy.keyring
    cipher = keyring.cipher(person.key_id)
    opened = []
    for name, body in sealed.bodies(tx, table, person.subject):
        place = PLACES[table](person, name)
        try:
            opened.append((name, place, cipher.open(table, place, body)))
        except SealError:
            # While a key was lost, a no was still recorded, under the tenant's own key: it stays.
            keyring.operator.open(table, place, body)
    return opened
