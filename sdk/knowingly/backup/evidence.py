"""What must be true of a restored shop; each fault is one line that names nobody."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from knowingly.backup.checking import reading
from knowingly.backup.manifest import Manifest
from knowingly.domain.moments import to_us
from knowingly.errors import KnowinglyError, SealError
from knowingly.governance.reseal import PLACES
from knowingly.ledger.verify import verify
from knowingly.opening import Files
from knowingly.shop import Means
from knowingly.store import claims, models, sealed, subjects
from knowingly.store import rights as stored
from knowingly.store.copying import StoreTx
from knowingly.store.doors import Snapshot, every_tenant
from knowingly.store.subjects import SubjectRow
from knowingly.vault.keyring import Keyring
from knowingly.vault.seal import Cipher


@dataclass(frozen=True)
class Past:
    """One tenant as the backup has it: who was there, and who of them is not there today.

    Somebody who came back after an erasure has another number: the person of the backup is erased.
    Somebody with a new key since is neither erased nor, in the backup, readable: they are not among
    the ``living``.
    """

    tenant: str
    people: Mapping[int, SubjectRow]
    lookups: Mapping[int, bytes]
    erased: frozenset[int]
    living: frozenset[int]
    taught: bool

    @classmethod
    def of(cls, snapshot: Snapshot, today: Mapping[int, tuple[bytes, bytes]]) -> Self:
        """Compare the backup's people with those of today, by number: hash and key."""
        then = subjects.known_by(snapshot)
        people = {row.subject: row for row in subjects.everyone(snapshot) if row.subject in then}
        lookups = {subject: lookup for subject, (lookup, _) in then.items()}
        erased = frozenset(one for one in then if one not in today or today[one][0] != lookups[one])
        living = frozenset(one for one in then if today.get(one) == then[one])
        training = snapshot.head.training
        learned = set() if training is None else models.learned_from(snapshot, training)
        taught = bool(learned & erased)
        return cls(snapshot.head.name, people, lookups, erased, living, taught)


def faults_of(
    past: Past, folder: Path, found: Manifest, means: Means, *stores: Files
) -> Iterator[str]:
    """Everything that is wrong in one tenant of a restored shop.

    ``stores`` are the restored ones and today's.
    """
    restored, today = stores
    at_us = to_us(means.clock(), "clock")
    keyring = Keyring(today.keys, means.roots, past.tenant, at_us=at_us)
    yield from _keys_are_gone(past, keyring)
    with reading(folder, found) as connection:
        yield from _nothing_opens(past, _tenant(connection, past.tenant), keyring)
    with restored.data.reading() as connection:
        snapshot = _tenant(connection, past.tenant)
        yield from _rows_are_gone(past, snapshot)
        yield from _evidence_is_gone(snapshot, keyring)
        yield from _models_are_silent(past, snapshot)
        yield from _the_living_are_there(past, snapshot, keyring)
        yield from _log_verifies(snapshot)
    yield from _a_page_is_made(past, means, restored)


def _tenant(connection: StoreTx, name: str) -> Snapshot:
    return next(one for one in every_tenant(connection) if one.head.name == name)


def _keys_are_gone(past: Past, keyring: Keyring) -> Iterator[str]:
    ids = [past.people[one].key_id for one in past.erased]
    there = len(ids) - len(keyring.missing(ids))
    if there:
        yield f"the key store has keys of {there} people who were erased"


def _nothing_opens(past: Past, backup: Snapshot, keyring: Keyring) -> Iterator[str]:
    """Their rows in the backup itself, tried with their own key and the tenant's."""
    opened = 0
    for subject in past.erased:
        person = past.people[subject]
        ciphers = [keyring.operator, keyring.token, *_own(keyring, person)]
        for table, place in PLACES.items():
            for name, body in sealed.bodies(backup, table, subject):
                opened += any(_opens(one, table, place(person, name), body) for one in ciphers)
    if opened:
        yield f"{opened} sealed rows of people who were erased can be opened"


def _own(keyring: Keyring, person: SubjectRow) -> list[Cipher]:
    try:
        return list(keyring.present([person.key_id]).values())
    except SealError:
        return []


def _opens(cipher: Cipher, table: str, place: bytes, body: bytes) -> bool:
    try:
        cipher.open(table, place, body)
    except SealError:
        return False
    return True


def _rows_are_gone(past: Past, restored: Snapshot) -> Iterator[str]:
    for table in stored.tables_of_people():
        left = sum(stored.count_rows(restored, table, subject) for subject in past.erased)
        if left:
            yield f"{left} rows of people who were erased are in {table}"
    lookups = [past.lookups[subject] for subject in past.erased]
    without = len(set(lookups)) - len(subjects.erased_at(restored, lookups))
    if without:
        yield f"{without} people who were erased have no tombstone"


def _evidence_is_gone(restored: Snapshot, keyring: Keyring) -> Iterator[str]:
    """Evidence for claims that was destroyed since the backup has no key: no row may say it is."""
    left = len(keyring.missing(list(claims.keys(restored).values())))
    if left:
        yield f"evidence for claims is there that was destroyed: {left}"


def _models_are_silent(past: Past, restored: Snapshot) -> Iterator[str]:
    """What cannot be forgotten exactly must not be served, nor lie there."""
    training = restored.head.training
    if not past.taught or training is None:
        return
    for row in models.models_of(restored, training):
        if row.forgets == "stateless":
            continue
        if row.in_service or models.serving_rows(restored, training, row.algorithm):
            yield f"the model {row.algorithm} has what it learned from people who were erased"


def _the_living_are_there(past: Past, restored: Snapshot, keyring: Keyring) -> Iterator[str]:
    lost = sum(not _reads(restored, past.people[one], keyring) for one in past.living)
    if lost:
        yield f"the events of {lost} living people do not open"


def _reads(restored: Snapshot, person: SubjectRow, keyring: Keyring) -> bool:
    """Whether a person's first event opens; one who has none has a key."""
    own = _own(keyring, person)
    if not own or subjects.number(restored, person.subject) is None:
        return False
    for name, body in sealed.bodies(restored, "events", person.subject)[:1]:
        return _opens(own[0], "events", PLACES["events"](person, name), body)
    return True


def _log_verifies(restored: Snapshot) -> Iterator[str]:
    try:
        verify(restored)
    except KnowinglyError as error:
        yield f"the log does not verify: {error}"


def _a_page_is_made(past: Past, means: Means, restored: Files) -> Iterator[str]:
    try:
        means.shop(restored, past.tenant).recommend()
    except KnowinglyError as error:
        yield f"a page cannot be made: {type(error).__name__}"
