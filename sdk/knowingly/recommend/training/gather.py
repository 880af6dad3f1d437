"""What a fit may learn from: everyone who agrees to ``train``, as arrays, once, in memory.

33 bytes an event and 16 a person, and nothing else for each of them.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.moments import DAY_US
from knowingly.domain.progress import Counted
from knowingly.profiles.scan import PeopleRecords, Unread, scan
from knowingly.recommend.interface.block import Block
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy

PURPOSE = "train"


@dataclass(frozen=True, repr=False)
class Gathered:
    """Events of people in the order of their numbers, in parts of some thousand people.

    ``unreadable`` counts the people beside them whose data could not be read. ``next_training`` is
    what the next training was called when they were read.
    """

    parts: list[PeopleRecords]
    until_us: int
    at_us: int
    log_size: int
    unreadable: int = 0
    next_training: int = 0

    @property
    def people(self) -> int:
        """How many people there are."""
        return sum(len(part) for part in self.parts)

    @property
    def subjects(self) -> NDArray[np.int64]:
        """The numbers of the people, ascending."""
        return np.concatenate([np.zeros(0, np.int64), *(part.subjects for part in self.parts)])

    def of(self, subject: int) -> NDArray[np.void]:
        """The records of one person, who is there."""
        part = self.parts[bisect_left(self.parts, subject, key=lambda one: int(one.subjects[-1]))]
        return part.of(int(np.searchsorted(part.subjects, subject)))

    def each(self) -> Iterator[NDArray[np.void]]:
        """The records of one person after the other."""
        for part in self.parts:
            for place in range(len(part)):
                yield part.of(place)

    def only(self, wanted: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> "Gathered":
        """The same of some people; ``wanted`` tells for an array of subject numbers."""
        parts = [part.only(wanted(part.subjects)) for part in self.parts]
        kept = [part for part in parts if len(part)]
        return replace(self, parts=kept)


def gather(
    tenancy: Tenancy,
    snapshot: Snapshot,
    *,
    at_us: int,
    until_us: int,
    progress: Counted | None = None,
) -> Gathered:
    """Open the events of everyone who agrees to ``train``, up to ``until_us``."""
    unread = Unread()
    found = scan(
        tenancy,
        snapshot,
        PURPOSE,
        at_us=at_us,
        until_us=until_us,
        progress=progress,
        unread=unread,
    )
    parts = list(found)
    head = snapshot.head
    return Gathered(
        parts, until_us, at_us, head.ledger_size, unread.people, next_training=head.next_training
    )


def items_chosen_by(gathered: Gathered, *, least: int, n_catalogue: int) -> NDArray[np.int32]:
    """Catalogue rows of the items that at least ``least`` of these people did something with."""
    people_per_item = np.zeros(n_catalogue, np.int64)
    for part in gathered.parts:
        pairs = np.unique(part.person * max(n_catalogue, 1) + part.records["item"])
        people_per_item += np.bincount(pairs % max(n_catalogue, 1), minlength=n_catalogue)
    return np.flatnonzero(people_per_item >= least).astype(np.int32)


def learned(
    part: PeopleRecords, row_of: NDArray[np.int32]
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """What a fit learns: the records of modelled items, with model rows for items.

    Returns:
        The records, person by person, and how many each person of the part has, which can be none.
    """
    item = row_of[part.records["item"]]
    modelled = item >= 0
    kept = part.records[modelled]
    kept["item"] = item[modelled]
    return kept, np.bincount(part.person[modelled], minlength=len(part))


def to_block(
    records: NDArray[np.void], lengths: NDArray[np.int64], n_items: int, until_us: int
) -> Block:
    """Learned records as a block; ``lengths`` has how many each person has."""
    return Block(
        n_people=len(lengths),
        n_items=n_items,
        person=np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
        item=records["item"].astype(np.int32),
        kind=records["kind"].astype(np.int8),
        age_days=np.maximum(until_us - records["at_us"], 0) / DAY_US,
        quantity=records["quantity"].astype(np.int32),
        order=records["order"].astype(np.int64),
    )


def blocks(gathered: Gathered, row_of: NDArray[np.int32], n_items: int) -> Iterator[Block]:
    """The people as blocks over the modelled items."""
    for part in gathered.parts:
        yield to_block(*learned(part, row_of), n_items, gathered.until_us)
