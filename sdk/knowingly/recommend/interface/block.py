"""What an algorithm is fitted on: events of people who are row numbers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.items.table import ItemTable
from knowingly.recommend.interface.arrays import (
    EVENT_DTYPES,
    Floats,
    Matrix,
    Rows,
    check_bounds,
    check_columns,
)
from knowingly.recommend.interface.query import turned_down

_DTYPES: dict[str, type[np.generic]] = {"person": np.int32, **EVENT_DTYPES}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Block:
    """The events of some people, as parallel arrays sorted by person.

    ``person`` are row numbers from 0 to ``n_people - 1`` (int32), which mean nothing outside this
    block; the other columns are those of ``History``. All of a person's events are in one block.
    The columns are only to be read: other algorithms get the same block.

    Stability: plugin.
    """

    n_people: int
    n_items: int
    person: NDArray[np.int32]
    item: NDArray[np.int32]
    kind: NDArray[np.int8]
    age_days: NDArray[np.float64]
    quantity: NDArray[np.int32]
    order: NDArray[np.int64]

    def __post_init__(self) -> None:
        check_columns(self, _DTYPES)
        check_bounds("person", self.person, self.n_people)
        check_bounds("item", self.item, self.n_items)
        if (self.person[1:] < self.person[:-1]).any():
            raise ValueError("person: expected row numbers in ascending order")
        for name in _DTYPES:
            only_read = getattr(self, name).view()
            only_read.flags.writeable = False
            object.__setattr__(self, name, only_read)

    @classmethod
    def empty(cls, n_items: int) -> "Block":
        """A block of nobody."""
        return cls(0, n_items, *(np.zeros(0, dtype) for dtype in _DTYPES.values()))

    @classmethod
    def concatenate(cls, blocks: Sequence["Block"]) -> "Block":
        """One block of the people of all ``blocks`` (at least one, of the same items), in order."""
        first_rows = np.cumsum([0, *(block.n_people for block in blocks)])
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(block, name) for block in blocks])
            for name in EVENT_DTYPES
        }
        person = [block.person + row for block, row in zip(blocks, first_rows[:-1], strict=True)]
        return cls(
            n_people=int(first_rows[-1]),
            n_items=blocks[0].n_items,
            person=np.concatenate(person).astype(np.int32),
            **columns,
        )

    def select(self, people: Rows) -> "Block":
        """The block of these people (distinct rows), renumbered from 0 in the order given."""
        people = np.asarray(people, np.intp)
        ends = np.searchsorted(self.person, np.arange(self.n_people + 1))
        lengths = ends[people + 1] - ends[people]
        shift = np.repeat(ends[people] - (np.cumsum(lengths) - lengths), lengths)
        place = np.arange(lengths.sum()) + shift
        columns: dict[str, Any] = {name: getattr(self, name)[place] for name in EVENT_DTYPES}
        person = np.repeat(np.arange(len(people), dtype=np.int32), lengths)
        return Block(n_people=len(people), n_items=self.n_items, person=person, **columns)

    def chosen(self, kinds: Iterable[EventKind]) -> NDArray[np.bool_]:
        """Which events are a choice, shape ``(n_events,)``.

        Those of these kinds, but for items that the person has hidden or returned all of.

        Args:
            kinds: The kinds of event that count as a choice.
        """
        pair = self._pairs()
        choice = np.isin(self.kind, [KIND_CODE[kind] for kind in kinds])
        gone = turned_down(pair, self.kind, self.quantity)
        if gone.size:
            choice &= ~np.isin(pair, gone)
        return choice

    def matrix(self, kinds: Iterable[EventKind]) -> Matrix:
        """Who chose what: a ``csr_array`` of int64 ones, shape ``(n_people, n_items)``.

        A pair is in it when the person has an event with the item that ``chosen`` names.

        Args:
            kinds: The kinds of event that count as a choice.
        """
        from scipy.sparse import csr_array  # noqa: PLC0415  # slow to import; pages do without

        chosen = np.sort(self._pairs()[self.chosen(kinds)])
        # As np.unique would, which takes several times as long in some versions of numpy.
        chosen = chosen[np.diff(chosen, prepend=-1) > 0]
        person, item = np.divmod(chosen, max(self.n_items, 1))
        starts = np.searchsorted(person, np.arange(self.n_people + 1))
        ones = np.ones(len(chosen), np.int64)
        return csr_array(
            (ones, item.astype(np.int32), starts.astype(np.int32)),
            shape=(self.n_people, self.n_items),
        )

    def _pairs(self) -> NDArray[np.int64]:
        """Person and item of each event as one number."""
        return self.person.astype(np.int64) * self.n_items + self.item

    def __repr__(self) -> str:
        return f"Block({self.n_people} people, {self.n_items} items, {len(self.item)} events)"


def larger(blocks: Iterable[Block], events: int = 2_000_000) -> Iterator[Block]:
    """The same people in fewer blocks: for what costs as much for a small block as for a large.

    Args:
        blocks: Of the same items.
        events: Put together up to so many, of 29 bytes each.
    """
    some: list[Block] = []
    for block in blocks:
        if some and sum(len(one.item) for one in some) + len(block.item) > events:
            yield _together(some)
            some = []
        some.append(block)
    if some:
        yield _together(some)


def _together(blocks: list[Block]) -> Block:
    return blocks[0] if len(blocks) == 1 else Block.concatenate(blocks)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FitData:
    """What ``fit`` gets.

    ``floor`` is ``min_subjects``: the fewest people who must share a figure that others are shown.
    ``seed`` is the only source of randomness a fit may use. ``source`` gives the blocks anew at
    each call; a person is in one block only. ``items`` says what the items are, by model row; of an
    algorithm that does not ask for it by ``needs_items``, it is blank. One that declares
    ``stateless`` is handed no blocks.

    Stability: plugin.
    """

    n_items: int
    floor: int
    seed: int
    source: Callable[[], Iterable[Block]] = field(default=tuple)
    items: ItemTable = field(default_factory=ItemTable)

    def __post_init__(self) -> None:
        if not len(self.items):
            object.__setattr__(self, "items", ItemTable.blank(self.n_items))
        if len(self.items) != self.n_items:
            raise ValueError(f"items: expected {self.n_items} rows, found {len(self.items)}")

    def blocks(self) -> Iterator[Block]:
        """The blocks, from the first; each call reads them again."""
        for block in self.source():
            if block.n_items != self.n_items:
                raise ValueError(f"block: expected {self.n_items} items, found {block.n_items}")
            yield block

    def whole(self) -> Block:
        """All blocks as one; the properties below read them all too, so a large fit uses blocks."""
        return Block.concatenate([Block.empty(self.n_items), *self.blocks()])

    @property
    def item(self) -> NDArray[np.int32]:
        """The item of every event, shape ``(n_events,)``."""
        return self._column("item", np.int32)

    @property
    def kind(self) -> NDArray[np.int8]:
        """The kind of every event, as ``EventKind.VIEW.code`` and so on, shape ``(n_events,)``."""
        return self._column("kind", np.int8)

    @property
    def age_days(self) -> Floats:
        """The age of every event in days, shape ``(n_events,)``."""
        return self._column("age_days", np.float64)

    @property
    def person(self) -> NDArray[np.int32]:
        """The person of every event, numbered over all blocks, shape ``(n_events,)``."""
        return self.whole().person

    def _column(self, name: str, dtype: type[np.generic]) -> NDArray[Any]:
        return np.concatenate([np.zeros(0, dtype), *(getattr(b, name) for b in self.blocks())])

    def __repr__(self) -> str:
        return f"FitData(n_items={self.n_items}, floor={self.floor})"
