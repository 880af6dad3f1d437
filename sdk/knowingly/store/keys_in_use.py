"""Which keys of people somebody still needs: people, and what outlives them.

Whatever sweeps keys asks here, so that a new kind of row under a person's key has one place to say
so. The keys are in another store, whose rows nothing here can refer to.
"""

from collections.abc import Iterator

from knowingly.store import claims, notifications, subjects
from knowingly.store.doors import Snapshot

_FIRST, _LAST = b"", b"\xff" * 32


def keys_in_use(snapshot: Snapshot, first: bytes, last: bytes) -> Iterator[bytes]:
    """The ids of keys in use, from the first id to the last; one can come twice."""
    yield from subjects.using(snapshot, first, last)
    yield from claims.using(snapshot, first, last)
    yield from notifications.using(snapshot, first, last)


def keys_that_outlive(snapshot: Snapshot) -> set[bytes]:
    """The ids of keys under evidence for claims and waiting notifications, whoever is there."""
    return {
        *claims.using(snapshot, _FIRST, _LAST),
        *notifications.using(snapshot, _FIRST, _LAST),
    }
