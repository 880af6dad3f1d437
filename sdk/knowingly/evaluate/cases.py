"""A global split by time: what people did before a moment, and what they bought after it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.domain.moments import DAY_US
from knowingly.domain.progress import Counted
from knowingly.evaluate.lists import sparse_rows
from knowingly.profiles import body
from knowingly.profiles.scan import scan
from knowingly.recommend.interface.arrays import Ints, Matrix, Rows
from knowingly.recommend.interface.query import History, returned
from knowingly.recommend.training.gather import PURPOSE, Gathered, gather
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy

_PURCHASE = KIND_CODE[EventKind.PURCHASE]
_NO_RECORDS = np.zeros(0, body.RECORD)


@dataclass(frozen=True, repr=False)
class Halves:
    """The events of those who agree to ``train``, before and after a moment.

    Read apart, so that a return or a cancellation after the moment changes nothing before it: at
    that moment nobody knew.
    """

    before: Gathered
    after: Gathered


def read_halves(
    tenancy: Tenancy,
    snapshot: Snapshot,
    *,
    split_us: int,
    at_us: int,
    progress: Counted,
) -> Halves:
    """Open the events of everyone who agrees to ``train`` now.

    Args:
        tenancy: Whose.
        snapshot: Where they are read.
        split_us: The moment; what happened at it is before it.
        at_us: Now.
        progress: Told how many people were read, of both readings together.
    """

    def first(done: int, total: int) -> None:
        progress(done, 2 * total)

    def second(done: int, total: int) -> None:
        progress(total + done, 2 * total)

    before = gather(tenancy, snapshot, at_us=at_us, until_us=split_us, progress=first)
    later = scan(
        tenancy,
        snapshot,
        PURPOSE,
        at_us=at_us,
        from_us=split_us + 1,
        until_us=at_us,
        progress=second,
    )
    return Halves(before, Gathered(list(later), at_us, at_us, snapshot.head.ledger_size))


@dataclass(frozen=True, repr=False)
class Cases:
    """Some people to test, in parallel.

    ``relevant`` are the rows each bought after the split, at least one of each; ``out_of_reach``
    counts what each bought beside them that is not ranked.
    """

    histories: list[History]
    relevant: list[Rows]
    out_of_reach: Ints

    def __len__(self) -> int:
        return len(self.histories)

    @property
    def history_sizes(self) -> Ints:
        """How many distinct items each history has."""
        return np.array([len(np.unique(one.item)) for one in self.histories], np.int64)

    def weights(self, n_items: int) -> Matrix:
        """How much each history says for each item, sparse, shape ``(n_people, n_items)``."""
        said = [one.weights() for one in self.histories]
        rows = [
            one.item[own > 0].astype(np.int64)
            for one, own in zip(self.histories, said, strict=True)
        ]
        values = np.concatenate([np.zeros(0), *(own[own > 0] for own in said)])
        return sparse_rows(rows, n_items, values)


@dataclass(frozen=True, repr=False)
class Split:
    """Both halves over one list of items; ``row_of`` has the row of each catalogue row, or -1."""

    halves: Halves
    row_of: NDArray[np.int32]
    n_items: int
    repeats: bool

    def cases(self, at_once: int) -> Iterator[Cases]:
        """Everyone who bought a ranked item after the split, so many at a time."""
        people: list[tuple[History, Rows, int]] = []
        for earlier, later in self._people():
            found = self._case(earlier, later)
            if found is not None:
                people.append(found)
            if len(people) == at_once:
                yield _together(people)
                people = []
        if people:
            yield _together(people)

    def _people(self) -> Iterator[tuple[NDArray[np.void], NDArray[np.void]]]:
        """Each person's records before and after, of everyone with some after."""
        before = self.halves.before
        known = before.subjects
        for part in self.halves.after.parts:
            there = np.isin(part.subjects, known).tolist()
            for place, subject in enumerate(part.subjects.tolist()):
                earlier = before.of(subject) if there[place] else _NO_RECORDS
                yield earlier, part.of(place)

    def _case(
        self, earlier: NDArray[np.void], later: NDArray[np.void]
    ) -> tuple[History, Rows, int] | None:
        bought = later["item"][later["kind"] == _PURCHASE]
        gone = returned(later["item"], later["kind"], later["quantity"])
        truth = np.setdiff1d(bought, gone)
        if not self.repeats:
            truth = np.setdiff1d(truth, earlier["item"])
        rows = self._rows(truth)
        if not (rows >= 0).any():
            return None
        return self._history(earlier), rows[rows >= 0], int((rows < 0).sum())

    def _history(self, records: NDArray[np.void]) -> History:
        rows = self._rows(records["item"])
        known = records[rows >= 0]
        return History(
            item=rows[rows >= 0].astype(np.int32),
            kind=known["kind"].astype(np.int8),
            age_days=(self.halves.before.until_us - known["at_us"]) / DAY_US,
            quantity=known["quantity"].astype(np.int32),
            order=known["order"].astype(np.int64),
        )

    def _rows(self, catalogue_rows: NDArray[Any]) -> Rows:
        found = np.full(len(catalogue_rows), -1, np.intp)
        inside = (catalogue_rows >= 0) & (catalogue_rows < len(self.row_of))
        found[inside] = self.row_of[catalogue_rows[inside]]
        return found


def people_per_item(gathered: Gathered, n_catalogue: int) -> Ints:
    """How many people did something with each item of the catalogue."""
    people = np.zeros(n_catalogue, np.int64)
    for part in gathered.parts:
        pairs = np.unique(part.person * max(n_catalogue, 1) + part.records["item"])
        people += np.bincount(pairs % max(n_catalogue, 1), minlength=n_catalogue)
    return people


def _together(people: Sequence[tuple[History, Rows, int]]) -> Cases:
    histories, relevant, out_of_reach = zip(*people, strict=True)
    return Cases(list(histories), list(relevant), np.array(out_of_reach, np.int64))
