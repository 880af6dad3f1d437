"""One store into another, checked before anything of it is kept."""

from pathlib import Path

from knowingly.domain.progress import Counted, Progress
from knowingly.errors import StoreError
from knowingly.ledger.verify import verify
from knowingly.store import copying
from knowingly.store.copying import StoreTx, Sums
from knowingly.store.database import Database
from knowingly.store.doors import every_tenant


def copied(source: StoreTx, target: StoreTx, store: str, progress: Progress) -> Sums:
    """Copy a store, read the copy back, and compare; the sums of both.

    Raises:
        StoreError: The target does not give back what was put into it.
    """
    read = copying.copy(source, target, store, part(progress, f"copying the {store}"))
    check(read, copying.sums(target, store, part(progress, f"reading the {store} back")), store)
    return read


def keys_copied(source: StoreTx, target: StoreTx, place: Database, progress: Progress) -> Sums:
    """Copy the key store, unless the very same rows are there: a copy was cut short after them.

    Nothing is ever cleared away here: other keys than the source's could be the only ones.

    Raises:
        StoreError: Others are there, or the target does not give back what was put into it.
    """
    there = copying.count(target, "keys")
    if there == 0:
        return copied(source, target, "keys", progress)
    found = copying.sums(target, "keys", part(progress, "reading the keys that are there"))
    if copying.different(found, copying.sums(source, "keys", part(progress, "reading the keys"))):
        must_be_empty(place, there)
    return found


def must_be_empty(database: Database, rows: int) -> None:
    """Refuse to write where something is.

    Raises:
        StoreError: Something is.
    """
    if rows:
        name = Path(database.url.database or "").name
        raise StoreError(f"{name} is not empty: name an empty database; nothing was written")


def check(expected: Sums, found: Sums, store: str) -> None:
    """Refuse a copy that is not what was copied.

    Raises:
        StoreError: It names the tables.
    """
    wrong = copying.different(expected, found)
    if wrong:
        raise StoreError(
            f"the copy of the {store} is not what was copied, in {', '.join(wrong)}; "
            "nothing of it was kept"
        )


def logs_verify(connection: StoreTx, progress: Progress) -> dict[str, tuple[int, str]]:
    """Verify every tenant's log; ``(size, root)`` by the tenant's name.

    Raises:
        TamperedError: Names the first entry that does not fit.
    """
    found = {}
    for snapshot in every_tenant(connection):
        log = verify(snapshot, part(progress, "verifying the log"))
        found[snapshot.head.name] = (log.size, log.root)
    return found


def part(progress: Progress, what: str) -> Counted:
    """How far one part of the work has come."""
    return lambda done, total: progress(what, done, total)
