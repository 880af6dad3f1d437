"""What a CSV file holds, told by its header, and its rows as the SDK takes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from knowingly.cli.csv_lines import Lines, Record, open_records
from knowingly.domain.event import Event
from knowingly.domain.intake import Refusal
from knowingly.domain.item import Item

ROWS_PER_BATCH = 5_000
TIMES = frozenset({"at", "published_at", "unpublished_at"})
LISTS = ("categories", "images", "markets", "tags")
_NOT_FLAT = frozenset({"attributes", "prices", "variants"})
A_TIME = "a time with a zone, such as 2026-03-01T12:00:00+01:00"


@dataclass(frozen=True, slots=True)
class Kind:
    """Items or events: the columns a file of them may have, and must have."""

    name: str
    model: type[BaseModel]
    columns: tuple[str, ...]
    required: tuple[str, ...]


ITEMS = Kind(
    "items", Item, tuple(name for name in Item.model_fields if name not in _NOT_FLAT), ("id",)
)
EVENTS = Kind("events", Event, tuple(Event.model_fields), ("subject", "kind", "item"))


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file that has been recognised."""

    path: Path
    kind: Kind
    header: tuple[str, ...]


@dataclass(slots=True)
class Batch:
    """Some rows of a file as mappings, the line of each, and the rows that are no mapping."""

    lines: list[int] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ends: int = 1

    def at_line(self, refusals: Sequence[Refusal]) -> list[Refusal]:
        """Refusals of these rows, by line of the file, with those of the batch itself."""
        theirs = [Refusal(self.lines[one.row], one.field, one.expected) for one in refusals]
        return sorted([*self.refused, *theirs], key=lambda one: one.row)


def recognise(path: Path) -> Table:
    """Read the header.

    Raises:
        CommandError: It is not the header of a file of items or of events.
    """
    with open_records(path) as (lines, records):
        _, cells = next(records, (1, []))
        header = tuple(cell.strip() for cell in cells)
        for kind in (ITEMS, EVENTS):
            if set(kind.required) <= set(header) <= set(kind.columns):
                if len(set(header)) < len(header):
                    raise lines.wrong("the header names a column twice")
                return Table(path, kind, header)
        # The first line of a file without a header is a person's, so it is not repeated.
        raise lines.wrong(
            "not the header of items or events. Items have the columns "
            f"{', '.join(ITEMS.columns)} (id is needed), events {', '.join(EVENTS.columns)} "
            "(subject, kind and item are needed)"
        )


def batches(table: Table, lines: Lines, records: Iterator[Record]) -> Iterator[Batch]:
    """The rows after the header, some thousand at a time."""
    next(records, None)
    while chunk := list(islice(records, ROWS_PER_BATCH)):
        batch = Batch(ends=lines.number)
        for line, cells in chunk:
            made = _row(table, line, cells)
            if isinstance(made, Refusal):
                batch.refused.append(made)
            else:
                batch.lines.append(line)
                batch.rows.append(made)
        yield batch


def _row(table: Table, line: int, cells: Sequence[str]) -> dict[str, Any] | Refusal:
    """One row as a mapping; an empty cell is a value not given."""
    if len(cells) != len(table.header):
        return Refusal(line, "row", f"{len(table.header)} cells, as in the header")
    row: dict[str, Any] = {
        name: cell for name, cell in zip(table.header, cells, strict=True) if cell
    }
    for name in TIMES & row.keys():
        if _is_number(row[name]):
            # A bare number would be taken for seconds since 1970, and 2026 for an evening then.
            return Refusal(line, name, A_TIME)
    for name in LISTS:
        if name in row:
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
