"""What a fit may learn from: everyone who agrees to ``train``, as arrays, once, in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.moments import DAY_US
from knowingly.domain.progress import Counted
from knowingly.profiles import body
from knowingly.profiles.scan import scan
from knowingly.recommend.arrays import Rows
from knowingly.recommend.block import Block
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

PURPOSE = "train"
PEOPLE_PER_BLOCK = 4_096


@dataclass(frozen=True, repr=False)
class Gathered:
    """Events of people in the order of their numbers.

    ``records`` are all their events (``body.RECORD``), ``starts`` where each person begins, with
    one more at the end.
    """

    people: list[SubjectRow]
    starts: Rows
    records: NDArray[np.void]
    until_us: int
    at_us: int
    log_size: int
    position: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        where = {person.subject: place for place, person in enumerate(self.people)}
        object.__setattr__(self, "position", where)

    def of(self, place: int) -> NDArray[np.void]:
        """The records of one person."""
        return self.records[self.starts[place] : self.starts[place + 1]]


def gather(
    tenancy: Tenancy,
    snapshot: Snapshot,
    *,
    at_us: int,
    until_us: int,
    progress: Counted | None = None,
) -> Gathered:
    """Open the events of everyone who agrees to ``train``, up to ``until_us``."""
    people, parts = [], []
    for found in scan(
        tenancy,
        snapshot,
        PURPOSE,
        at_us=at_us,
        until_us=until_us,
        progress=progress,
    ):
        people.append(found.person)
        parts.append(found.records)
    lengths = [len(part) for part in parts]
    return Gathered(
        people=people,
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp),
        records=np.concatenate(parts) if parts else np.zeros(0, body.RECORD),
        until_us=until_us,
        at_us=at_us,
        log_size=snapshot.head.ledger_size,
    )


def items_chosen_by(gathered: Gathered, *, least: int, n_catalogue: int) -> NDArray[np.int32]:
    """Catalogue rows of the items that at least ``least`` of these people did something with."""
    person = np.repeat(np.arange(len(gathered.people)), np.diff(gathered.starts))
    pairs = np.unique(person * max(n_catalogue, 1) + gathered.records["item"])
    people_per_item = np.bincount(pairs % max(n_catalogue, 1), minlength=n_catalogue)
    return np.flatnonzero(people_per_item >= least).astype(np.int32)


def learned(records: NDArray[np.void], row_of: NDArray[np.int32]) -> NDArray[np.void]:
    """The records of modelled items, with model rows for items: exactly what a fit learns."""
    item = row_of[records["item"]]
    kept = np.array(records[item >= 0])
    kept["item"] = item[item >= 0]
    return kept


def to_block(parts: list[NDArray[np.void]], n_items: int, until_us: int) -> Block:
    """Learned records of some people as a block."""
    records = np.concatenate(parts) if parts else np.zeros(0, body.RECORD)
    lengths = [len(part) for part in parts]
    return Block(
        n_people=len(parts),
        n_items=n_items,
        person=np.repeat(np.arange(len(parts), dtype=np.int32), lengths),
        item=records["item"].astype(np.int32),
        kind=records["kind"].astype(np.int8),
        age_days=np.maximum(until_us - records["at_us"], 0) / DAY_US,
        quantity=records["quantity"].astype(np.int32),
        order=records["order"].astype(np.int64),
    )


def blocks(gathered: Gathered, row_of: NDArray[np.int32], n_items: int) -> Iterator[Block]:
    """The people as blocks over the modelled items."""
    places = range(len(gathered.people))
    for start in range(0, len(places), PEOPLE_PER_BLOCK):
        parts = [
            learned(gathered.of(place), row_of)
            for place in places[start : start + PEOPLE_PER_BLOCK]
        ]
        yield to_block(parts, n_items, gathered.until_us)
