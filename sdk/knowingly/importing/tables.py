"""What a file holds, and its rows as the SDK takes them, some thousand at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from knowingly.consent.past import Origin, PastChoice
from knowingly.domain.event import Event
from knowingly.domain.intake import Refusal
from knowingly.domain.item import Item
from knowingly.domain.order import Order
from knowingly.importing.lines import START, Mark
from knowingly.importing.mapped import Made, made_by
from knowingly.importing.mapping import Format
from knowingly.importing.mapping import Mapping as FileMapping
from knowingly.importing.sources import Record, Source, open_source
from knowingly.store.batches import parts

ROWS_PER_BATCH = 5_000
ROWS_PER_STEP = 20
"""So few are together in any case: a place between two records is looked for no more often."""
TIMES = frozenset({"at", "published_at", "unpublished_at", "updated_at"})
LISTS = ("categories", "images", "markets", "tags")
_NOT_FLAT = frozenset({"attributes", "prices", "variants"})
SOME_LINES = "the lines of an order; events go into a file of their own"
NO_LINES = "no lines; orders go into a file of their own"
A_TIME = "a time with a zone, such as 2026-03-01T12:00:00+01:00"


@dataclass(frozen=True, slots=True)
class Kind:
    """Items, events, orders or choices: the columns a file of them may have, and must have."""

    name: str
    model: type[BaseModel]
    columns: tuple[str, ...]
    required: tuple[str, ...]


ITEMS = Kind(
    "items", Item, tuple(name for name in Item.model_fields if name not in _NOT_FLAT), ("id",)
)
EVENTS = Kind("events", Event, tuple(Event.model_fields), ("subject", "kind", "item"))
ORDERS = Kind("orders", Order, tuple(Order.model_fields), ("subject", "id", "at", "lines"))
CHOICES = Kind("choices", PastChoice, tuple(PastChoice.model_fields), ("subject", "action"))
KINDS = {kind.name: kind for kind in (ITEMS, EVENTS, ORDERS, CHOICES)}


@dataclass(frozen=True, slots=True)
class Table:
    """A file that has been recognised; without a mapping its columns are the fields.

    ``unread`` are the columns that the mapping does not name.
    """

    path: Path
    kind: Kind
    mapping: FileMapping | None = None
    unread: tuple[str, ...] = ()

    @property
    def format(self) -> Format | None:
        """How the file is written."""
        return self.mapping.format if self.mapping else None

    @property
    def origin(self) -> Origin | None:
        """Where choices come from; what says not when was exported when it last changed."""
        origin = self.mapping.origin if self.mapping else None
        if origin is None or origin.exported is not None:
            return origin
        changed = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        return origin.model_copy(update={"exported": changed})


@dataclass(slots=True)
class Batch:
    """Some rows of a file as mappings, the line of each, and the rows that are no mapping.

    ``parts`` are the lines of a row's parts (variants, or lines of an order), where it has some;
    ``ends`` is the place behind it all.
    """

    lines: list[int] = field(default_factory=list)
    parts: list[Sequence[int]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ends: Mark = START

    def add(self, made: Made) -> None:
        """Take in what one record, or one group of them, came to: never a part of it."""
        self.lines += [made.line] * len(made.rows)
        self.parts += [made.parts] * len(made.rows)
        self.rows += made.rows
        self.refused += made.refused
        self.ends = made.ends

    def join(self, other: "Batch") -> None:
        """Take in the rows that follow."""
        self.lines += other.lines
        self.parts += other.parts
        self.rows += other.rows
        self.refused += other.refused
        self.ends = other.ends

    def at_line(self, refusals: Sequence[Refusal]) -> list[Refusal]:
        """Refusals of these rows, by line of the file, with those of the batch itself."""
        theirs = [Refusal(self._line(one), one.field, one.expected) for one in refusals]
        # What is wrong with a record that holds several choices is said once.
        return sorted(dict.fromkeys([*self.refused, *theirs]), key=lambda one: one.row)

    def _line(self, refusal: Refusal) -> int:
        parts = self.parts[refusal.row]
        _, _, rest = refusal.field.partition(".")
        place = rest.partition(".")[0]
        if parts and place.isdigit() and int(place) < len(parts):
            return parts[int(place)]
        return self.lines[refusal.row]


def recognise(path: Path, mapping: FileMapping | None = None) -> Table:
    """Say what a file holds: its mapping does, or the header, or the first line.

    Raises:
        FileError: It is no file of items, events or orders, or lacks a column that is mapped.
    """
    with open_source(path, mapping.format if mapping else None) as source:
        if mapping is not None:
            columns = source.columns
            if columns is None:
                # Of JSON lines each has keys of its own, and any may be a person's word.
                return Table(path, KINDS[mapping.kind], mapping)
            needed = mapping.columns(needed=True)
            missing = sorted(name for name in needed if not {name, _outer(name)} & set(columns))
            if missing:
                raise source.wrong(f"a column of the mapping is missing: {', '.join(missing)}")
            read = {part for name in mapping.columns() for part in (name, _outer(name))}
            unread = tuple(name for name in columns if name and name not in read)
            return Table(path, KINDS[mapping.kind], mapping, unread)
        if source.columns is None:
            # Of JSON lines each has keys of its own: unknown ones are refused line by line.
            found = (record.value for record in source.records())
            objects = (one for one in found if not isinstance(one, Refusal))
            needed, allowed = set(next(objects, {})), None
        else:
            needed = allowed = set(source.columns)
        for kind in (ORDERS, EVENTS, ITEMS):
            known = allowed is None or allowed <= set(kind.model.model_fields)
            if known and set(kind.required) <= needed:
                return Table(path, kind)
        # The first line of a file without a header is a person's, so it is not repeated.
        raise source.wrong(
            "not the header of items or events. Items have the columns "
            f"{', '.join(ITEMS.columns)} (id is needed), events {', '.join(EVENTS.columns)} "
            "(subject, kind and item are needed)"
        )


def _outer(column: str) -> str:
    """The column that holds the records which ``a.b`` looks into."""
    return column.partition(".")[0]


def batches(table: Table, source: Source) -> Iterator[Batch]:
    """The rows, some thousand at a time."""
    return _of_size(table, source, ROWS_PER_BATCH)


def batches_in_turns(
    table: Table, source: Source, turns: Callable[[Sequence[Mapping[str, Any]]], Sequence[float]]
) -> Iterator[Batch]:
    """The same rows, of which no more are together than one turn of the writer has room for.

    Args:
        table: What the file holds.
        source: The file.
        turns: How many turns each of some thousand rows takes.
    """
    size = min(ROWS_PER_STEP, ROWS_PER_BATCH)
    for steps in parts(_of_size(table, source, size), ROWS_PER_BATCH // size):
        taken = iter(turns([row for step in steps for row in step.rows]))
        batch, full = Batch(), 0.0
        for step in steps:
            share = sum(islice(taken, len(step.rows)))
            if batch.ends != START and full + share > 1:
                yield batch
                batch, full = Batch(), 0.0
            batch.join(step)
            full += share
        yield batch


def _of_size(table: Table, source: Source, size: int) -> Iterator[Batch]:
    records = source.records()
    rows = made_by(table.mapping, records) if table.mapping else _plain(table.kind, records)
    batch, there = Batch(), 0
    for made in rows:
        batch.add(made)
        # A record without a row counts too, so that progress is told and saved.
        there += max(1, len(made.rows))
        if there >= size:
            yield batch
            batch, there = Batch(), 0
    if there:
        yield batch


def _plain(kind: Kind, records: Iterator[Record]) -> Iterator[Made]:
    """Rows whose columns are the fields; an empty cell is a value not given."""
    for line, value, ends in records:
        row = value if isinstance(value, Refusal) else _fields(line, value)
        if not isinstance(row, Refusal) and ("lines" in row) != (kind is ORDERS):
            # An order and an event are told apart by it, and a file holds one kind.
            row = Refusal(line, "lines", SOME_LINES if kind is ORDERS else NO_LINES)
        if isinstance(row, Refusal):
            yield Made(line, (), (), (row,), ends)
        else:
            yield Made(line, (), (row,), (), ends)


def _fields(line: int, record: Mapping[str, Any]) -> dict[str, Any] | Refusal:
    row = {name: cell for name, cell in record.items() if cell not in ("", None)}
    for name in TIMES & row.keys():
        if isinstance(row[name], str) and _is_number(row[name]):
            # A bare number would be taken for seconds since 1970, and 2026 for an evening then.
            return Refusal(line, name, A_TIME)
    for name in LISTS:
        if isinstance(row.get(name), str):
            row[name] = _parts(row[name])
    return row


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split("|") if part.strip())


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
