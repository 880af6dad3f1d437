"""Whether a backup is of any use: some sealed values of it, opened with the root key."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from knowingly.backup.checking import database_of, reading
from knowingly.backup.manifest import Manifest
from knowingly.backup.signing import check_signed, keyrings
from knowingly.errors import DamagedBackupError, SealError
from knowingly.governance.reseal import PLACES
from knowingly.means import Means
from knowingly.opening.databases import check_current
from knowingly.store import keys as key_rows
from knowingly.store import sealed, subjects
from knowingly.store.database import Database
from knowingly.store.doors import Snapshot, every_tenant
from knowingly.store.subjects import SubjectRow
from knowingly.store.urls import checked_url, key_store_beside
from knowingly.vault.keyring import Keyring
from knowingly.vault.seal import Cipher

PEOPLE = 100
"""Of each tenant, from everywhere among its people."""
_EVER_US = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sampled:
    """How many sealed values were opened, and how many people of the sample have no key any more.

    Somebody without a key was erased, or given a new key, after the backup was made.
    """

    opened: int
    without_key: int


def verify_with_keys(
    folder: Path, found: Manifest, means: Means, *, url: str, key_store: str | None
) -> Sampled:
    """Check who signed a backup that was verified, and open some sealed values of it.

    Args:
        folder: The backup.
        found: Its manifest.
        means: The root keys among them.
        url: The data of today's shop, by which its key store is found where none is named.
        key_store: Today's key store. A backup of a key store needs none: it has its own keys.

    Raises:
        DamagedBackupError: It was not signed with these keys, or a value does not open.
        RootKeyError: The root key does not open a tenant's keys.
        StoreError: There is no key store, or it has no keys of a tenant.
    """
    is_data = found.store == "data"
    counts: Counter[str] = Counter()
    today = key_store_beside(checked_url(url)) if key_store is None else key_store
    with closing(Database(today) if is_data else database_of(folder, found)) as keys:
        check_current(keys, "keys")
        check_signed(found, means, keys)
        if is_data:
            known = {keyring.tenant: keyring for keyring in keyrings(means, keys)}
            with reading(folder, found) as connection:
                for snapshot in every_tenant(connection):
                    counts.update(_values_open(snapshot, known[snapshot.head.name]))
        else:
            for keyring in keyrings(means, keys):
                counts.update(_keys_open(keyring, keys))
    if counts["closed"]:
        tried = counts["closed"] + counts["opened"]
        raise DamagedBackupError(
            f"{counts['closed']} of {tried} sealed values do not open with these keys",
            part=found.file,
        )
    return Sampled(counts["opened"], counts["without key"])


def _keys_open(keyring: Keyring, backup: Database) -> Iterator[str]:
    """People's keys have random ids, so ids at even distances are a fair choice."""
    with backup.reading() as connection:
        tried = {
            key_id
            for first in range(0, 256, max(256 // PEOPLE, 1))
            for key_id in key_rows.subject_keys_before(
                connection, keyring.tenant, _EVER_US, after=bytes((first,)), limit=1
            )
        }
    for key_id in sorted(tried):
        try:
            keyring.ciphers([key_id])
        except SealError:
            yield "closed"
        else:
            yield "opened"


def _values_open(snapshot: Snapshot, keyring: Keyring) -> Iterator[str]:
    for person in _some(snapshot):
        if keyring.missing([person.key_id]):
            yield "without key"
            continue
        try:
            own = keyring.cipher(person.key_id)
        except SealError:
            yield "closed"
            continue
        for table, place in PLACES.items():
            for name, sealed_body in sealed.bodies(snapshot, table, person.subject)[:1]:
                # While a key was lost, a no was still recorded, under the tenant's own key.
                ciphers = (own, keyring.operator)
                where = place(person, name)
                is_open = any(opens(one, table, where, sealed_body) for one in ciphers)
                yield "opened" if is_open else "closed"


def _some(snapshot: Snapshot) -> list[SubjectRow]:
    step = max(snapshot.head.next_subject // PEOPLE, 1)
    found = {
        person.subject: person
        for last in range(-1, snapshot.head.next_subject, step)
        for person in subjects.after(snapshot, last, 1)
    }
    return list(found.values())


def opens(cipher: Cipher, table: str, place: bytes, sealed_body: bytes) -> bool:
    """Whether a sealed value opens with a key."""
    try:
        cipher.open(table, place, sealed_body)
    except SealError:
        return False
    return True
