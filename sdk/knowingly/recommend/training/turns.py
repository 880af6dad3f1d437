"""How many people are forgotten at once: as memory, and one turn of the writer, have room for.

All others who write wait for a turn to end, and a withdrawal that waits too long fails. Subtracting
takes as long as there are rows to be read and ranked again, and those are as long as the items.
"""

from collections.abc import Sequence

from knowingly.recommend.registry import manifest
from knowingly.recommend.registry.serving import ITEM
from knowingly.store import models as stored
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import SubjectRow

_RECORDS = 20_000
_VALUES = 2**23
"""Of rows of counts, 8 bytes each: about a second's work on a slow core."""


def at_once(snapshot: Snapshot, people: Sequence[SubjectRow]) -> list[list[SubjectRow]]:
    """The people in their order, in parts of those who are forgotten together; at least one."""
    taken = shares(snapshot, [one.subject for one in people]) if len(people) > 1 else {}
    parts: list[list[SubjectRow]] = []
    full = 0.0
    for person in people:
        share = taken.get(person.subject, 0.0)
        full += share
        if not parts or full > 1:
            parts.append([])
            full = share
        parts[-1].append(person)
    return parts


def shares(snapshot: Snapshot, people: Sequence[int]) -> dict[int, float]:
    """How much of a turn it takes to forget each of these people, of whom any model has learned.

    What a manifest says is known by its size; none has to be opened.
    """
    size_of = stored.largest_manifests(snapshot, people)
    if not size_of:
        return {}
    longest = max((len(row.item_rows) for row in stored.kept(snapshot)), default=0)
    room = _room(longest // ITEM.itemsize)
    return {subject: manifest.events_in(1, size) / room for subject, size in size_of.items()}


def _room(n_items: int) -> int:
    """How many learned records fit into a turn: each touches a row, and none is read twice."""
    rows = _VALUES // max(n_items, 1)
    return _RECORDS if rows >= n_items else max(1, min(rows, _RECORDS))
