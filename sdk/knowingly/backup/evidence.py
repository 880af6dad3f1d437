"""What must be true of a restored shop; each fault is one line that names nobody."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from knowingly.backup.checking import reading
from knowingly.backup.manifest import Manifest
from knowingly.backup.sampling import opens
from knowingly.domain.moments import to_us
from knowingly.errors import InternalError, KnowinglyError, SealError
from knowingly.governance.reseal import PLACES
from knowingly.ledger.verify import verify
from knowingly.means import Means
from knowingly.opening.databases import Files
from knowingly.shop import Shop
from knowingly.store import claims, models, sealed, subjects
from knowingly.store import rights as stored
from knowingly.store.copying import StoreTx
from knowingly.store.doors import Snapshot, every_tenant
from knowingly.store.keys_in_use import keys_in_use, keys_that_outlive
from knowingly.store.subjects import SubjectRow
from knowingly.vault.keyring import Keyring
from knowingly.vault.seal import Cipher

_PEOPLE_AT_ONCE = 2_000
_EVER_US = 2**63 - 1


@dataclass(frozen=True, slots=True)
class DrilledTenant:
    """One tenant in a drill: how many people were erased since, of how many, and what failed.

    Of a key store, the keys that nobody uses today count as erased.
    """

    tenant: str
    people: int
    erased: int
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Past:
    """One tenant as the backup has it: how many were there, and who of them is not there today.

    Somebody who came back after an erasure has another number: the person of the backup is erased.
    ``erased`` and ``lookups`` are theirs by number; ``taught`` are the versions of models that
    learned from them.
    """

    tenant: str
    people: int
    erased: Mapping[int, SubjectRow]
    lookups: Mapping[int, bytes]
    taught: frozenset[int]

    @classmethod
    def of(cls, backup: Snapshot, today: Snapshot | None) -> Self:
        """Compare the backup's people with those of today, by number."""
        people, taught = 0, set[int]()
        erased: dict[int, SubjectRow] = {}
        lookups: dict[int, bytes] = {}
        for page in compared(backup, today):
            people += len(page)
            gone = {one.row.subject: one for one in page if one.is_erased}
            erased |= {subject: one.row for subject, one in gone.items()}
            lookups |= {subject: one.lookup for subject, one in gone.items()}
            first, last = page[0].row.subject, page[-1].row.subject
            learned = models.manifests_between(backup, first, last)
            taught |= {version for subject, version in learned if subject in gone}
        return cls(backup.head.name, people, erased, lookups, frozenset(taught))


class Compared(NamedTuple):
    """Somebody in the backup: the keyed hash and the id of the key, then and today.

    Somebody with a new key since is neither erased nor, in the backup, readable: not living.
    """

    row: SubjectRow
    then: tuple[bytes, bytes]
    now: tuple[bytes, bytes] | None

    @property
    def lookup(self) -> bytes:
        """Their keyed hash in the backup."""
        return self.then[0]

    @property
    def is_erased(self) -> bool:
        """Whether they are not there today; another person can have their number."""
        return self.now is None or self.now[0] != self.lookup

    @property
    def is_living(self) -> bool:
        """Whether they are there, with the key they had."""
        return self.now == self.then


def compared(backup: Snapshot, today: Snapshot | None) -> Iterator[list[Compared]]:
    """Everyone in the backup who was not being erased, some at a time."""
    last = -1
    while people := subjects.after(backup, last, _PEOPLE_AT_ONCE):
        first, last = people[0].subject, people[-1].subject
        then = subjects.known_by(backup, first, last)
        now = {} if today is None else subjects.known_by(today, first, last)
        if page := [
            Compared(row, then[row.subject], now.get(row.subject))
            for row in people
            if row.subject in then
        ]:
            yield page


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
        backup = _tenant(connection, past.tenant)
        yield from _nothing_opens(past, backup, keyring)
        with restored.data.reading() as new, today.data.reading() as now:
            snapshot = _tenant(new, past.tenant)
            yield from _rows_are_gone(past, snapshot)
            yield from _evidence_is_gone(backup, snapshot, keyring)
            yield from _models_are_silent(past, snapshot)
            people = compared(backup, tenant_in(now, past.tenant))
            yield from _the_living_are_there(people, snapshot, keyring)
            yield from _log_verifies(snapshot)
    yield from _a_page_is_made(past, means, restored)


def drilled_keys(keyring: Keyring, today: Snapshot | None) -> DrilledTenant:
    """A restored key store beside today's data, before and after its sweep."""
    before, faults = sum(keyring.count_by_version().values()), []
    used = partial(keys_in_use, today) if today is not None else lambda *_: ()
    swept = keyring.sweep(used, before_us=_EVER_US)
    lost = there = 0
    if today is not None:
        outlive = keys_that_outlive(today)
        for people in _living_pages(today):
            keys = [one.key_id for one in people]
            outlive.difference_update(keys)
            missing = keyring.missing(keys)
            mine = [one for one in people if one.key_id not in missing]
            there += len(mine)
            lost += sum(not _reads(today, one, keyring) for one in mine)
        there += len(outlive) - len(keyring.missing(sorted(outlive)))
    if lost:
        faults.append(f"the events of {lost} living people do not open")
    left = sum(keyring.count_by_version().values()) - there
    if left:
        faults.append(f"keys of {left} people who were erased are left after a sweep")
    return DrilledTenant(keyring.tenant, before, swept, tuple(faults))


def _living_pages(today: Snapshot) -> Iterator[list[SubjectRow]]:
    last = -1
    while people := subjects.after(today, last, _PEOPLE_AT_ONCE):
        last = people[-1].subject
        yield people


def tenant_in(connection: StoreTx, name: str) -> Snapshot | None:
    """A tenant by name, in a snapshot of a whole store."""
    return next((one for one in every_tenant(connection) if one.head.name == name), None)


def _tenant(connection: StoreTx, name: str) -> Snapshot:
    found = tenant_in(connection, name)
    if found is None:
        raise InternalError("a tenant of the backup is not in what was restored from it")
    return found


def _keys_are_gone(past: Past, keyring: Keyring) -> Iterator[str]:
    ids = [person.key_id for person in past.erased.values()]
    there = len(ids) - len(keyring.missing(ids))
    if there:
        yield f"the key store has keys of {there} people who were erased"


def _nothing_opens(past: Past, backup: Snapshot, keyring: Keyring) -> Iterator[str]:
    """Their rows in the backup itself, tried with their own key and the tenant's."""
    opened = 0
    for subject, person in past.erased.items():
        ciphers = [keyring.operator, keyring.token, *_own(keyring, person)]
        for table, place in PLACES.items():
            for name, body in sealed.bodies(backup, table, subject):
                opened += any(opens(one, table, place(person, name), body) for one in ciphers)
    if opened:
        yield f"{opened} sealed rows of people who were erased can be opened"


def _own(keyring: Keyring, person: SubjectRow) -> list[Cipher]:
    try:
        return list(keyring.present([person.key_id]).values())
    except SealError:
        return []


def _rows_are_gone(past: Past, restored: Snapshot) -> Iterator[str]:
    for table in stored.tables_of_people():
        left = sum(stored.count_rows(restored, table, subject) for subject in past.erased)
        if left:
            yield f"{left} rows of people who were erased are in {table}"
    lookups = list(past.lookups.values())
    without = len(set(lookups)) - len(subjects.erased_at(restored, lookups))
    if without:
        yield f"{without} people who were erased have no tombstone"


def _evidence_is_gone(backup: Snapshot, restored: Snapshot, keyring: Keyring) -> Iterator[str]:
    """Evidence for claims that was destroyed since the backup has no key: no row may say it is.

    What an erasure leaves that was done again is new, and its key is in the restored key store.
    """
    was_there = set(claims.keys(backup).values())
    left = len(keyring.missing(sorted(was_there.intersection(claims.keys(restored).values()))))
    if left:
        yield f"evidence for claims is there that was destroyed: {left}"


def _models_are_silent(past: Past, restored: Snapshot) -> Iterator[str]:
    """What cannot be forgotten exactly must not be served, nor lie there, in any version."""
    for version in sorted(past.taught):
        for row in models.models_of(restored, version):
            if row.forgets == "stateless":
                continue
            if row.in_service or models.has_parameters(restored, version, row.algorithm):
                model = f"the model {row.algorithm} of version {version}"
                yield f"{model} has what it learned from people who were erased"


def _the_living_are_there(
    people: Iterable[list[Compared]], restored: Snapshot, keyring: Keyring
) -> Iterator[str]:
    living = (one.row for page in people for one in page if one.is_living)
    lost = sum(not _reads(restored, person, keyring) for person in living)
    if lost:
        yield f"the events of {lost} living people do not open"


def _reads(restored: Snapshot, person: SubjectRow, keyring: Keyring) -> bool:
    """Whether a person's first event opens; one who has none has a key."""
    own = _own(keyring, person)
    if not own or subjects.number(restored, person.subject) is None:
        return False
    for name, body in sealed.bodies(restored, "events", person.subject)[:1]:
        return opens(own[0], "events", PLACES["events"](person, name), body)
    return True


def _log_verifies(restored: Snapshot) -> Iterator[str]:
    try:
        verify(restored)
    except KnowinglyError as error:
        yield f"the log does not verify: {error}"


def _a_page_is_made(past: Past, means: Means, restored: Files) -> Iterator[str]:
    try:
        tenancy = means.tenancy_as_it_is(restored, past.tenant)
        Shop(restored, tenancy, means.host, means.roots).recommend()
    except KnowinglyError as error:
        yield f"a page cannot be made: {type(error).__name__}"
