"""What happened to people between being read for a training and its being published."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from knowingly.profiles.current import current
from knowingly.recommend.training.gather import PURPOSE, Gathered
from knowingly.recommend.training.remaining import modelled, remaining
from knowingly.store import consents, subjects
from knowingly.store.doors import Tx
from knowingly.tenancy import Tenancy

Undone = tuple[NDArray[np.void], NDArray[np.void]]
"""What was learned from somebody, with model rows for items, and what is left of it."""


def gone(
    tenancy: Tenancy, tx: Tx, gathered: Gathered, people: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Those of some of the people who said no, or were erased, since they were read.

    Args:
        tenancy: The tenant.
        tx: The transaction.
        gathered: What was read.
        people: Those who are asked for, at least one, ascending.
    """
    there = subjects.active_between(tx, int(people[0]), int(people[-1]))
    active = np.isin(people, np.array(there, np.int64))
    left = people[~active].tolist()
    changed = np.array(sorted(consents.changed_since(tx, gathered.log_size)), np.int64)
    changed = changed[np.isin(changed, people[active])]
    now_us = tenancy.now_us()
    for subject, known in consents.of_many(tx, changed.tolist()).items():
        # Whoever chose anything while the fit ran is left out unless the permission under which
        # all their events were read still stands unbroken.
        decision = tenancy.decide(PURPOSE, known, at_us=now_us)
        oldest_us = int(gathered.of(subject)["at_us"].min())
        if not decision.allowed or decision.since_us > oldest_us:
            left.append(subject)
    return np.array(left, np.int64)


def undone(
    tenancy: Tenancy, tx: Tx, gathered: Gathered, row_of: NDArray[np.int32], people: Sequence[int]
) -> dict[int, Undone]:
    """Of those of these people who undid something of what was learned, what that was."""
    found = {}
    for person, kept in current(tenancy, tx, PURPOSE, subjects.numbered(tx, people)):
        had = modelled(gathered.of(person.subject), row_of)
        left = had if kept is None else remaining(had, kept, row_of)
        if had.tobytes() != left.tobytes():
            found[person.subject] = had, left
    return found
