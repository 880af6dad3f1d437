"""Who is known, remembered while nobody is erased.

A bulk import names the same people in batch after batch. What is remembered of them is found by
keyed hash, and dropped as a whole when the tenant's shred epoch, read under the writer's lock,
says that a person was erased or their key changed.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from knowingly.profiles.permissions import Permissions
from knowingly.store import subjects
from knowingly.store.doors import Tx
from knowingly.store.subjects import SubjectRow

KEPT_PEOPLE = 200_000
NEVER_ERASED = -1


class Person(NamedTuple):
    """A known person's row, and when an earlier self of theirs was erased."""

    row: SubjectRow
    erased_us: int


class People:
    """The people of one tenant and what they allow; used under the writer's lock only."""

    def __init__(self) -> None:
        self.permissions = Permissions()
        self._shred_epoch = -1
        self._kept: dict[bytes, Person] = {}

    def known(self, tx: Tx, lookups: Sequence[bytes]) -> Mapping[bytes, Person]:
        """The people with these keyed hashes, whatever their state; no one else."""
        if tx.head.shred_epoch != self._shred_epoch:
            self._kept.clear()
            self._shred_epoch = tx.head.shred_epoch
        kept = self._kept
        found = {lookup: kept[lookup] for lookup in lookups if lookup in kept}
        unknown = [lookup for lookup in lookups if lookup not in found]
        if unknown:
            rows = subjects.find_many(tx, unknown)
            erased = subjects.erased_at(tx, unknown)
            fresh = {
                lookup: Person(row, erased.get(lookup, NEVER_ERASED))
                for lookup, row in rows.items()
            }
            if len(kept) + len(fresh) > KEPT_PEOPLE:
                kept.clear()
            kept |= fresh
            found |= fresh
        return found
