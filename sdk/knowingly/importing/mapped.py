"""Records of somebody else's export as rows of ours, by a mapping."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from knowingly.domain.intake import Refusal
from knowingly.importing.lines import Mark
from knowingly.importing.mapping import Answer, Fields, Format, Mapping, Take
from knowingly.importing.sources import Record

MAX_GROUP_ROWS = 5_000
_TIMES = frozenset({"at", "updated_at", "published_at", "unpublished_at"})
_NUMBERS = frozenset({"price", "discount", "quantity", "stock"})
_LISTS = frozenset({"categories", "images", "markets", "purposes", "tags"})
_LATEST = "updated_at"
_TRUTH = TypeAdapter(bool)

Numbered = tuple[int, dict[str, Any]]
_NOTHING: tuple[int, list[int], list[dict[str, Any]]] = (0, [], [])


class Made(NamedTuple):
    """Rows with their line and the lines of their parts; what was refused; the place behind it all.

    They are one row, none where nothing was said, or several choices that one record holds.
    A record that is refused among those of a group goes with the group: whoever reads on from
    ``ends`` has missed nothing before it, and reads nothing twice.
    """

    line: int
    parts: Sequence[int]
    rows: Sequence[dict[str, Any]]
    refused: Sequence[Refusal]
    ends: Mark


@dataclass(slots=True)
class _Group:
    """The records that are one row of ours, and those refused among them."""

    ends: Mark
    records: list[Numbered] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


class _BadCellError(Exception):
    """A cell that is not what its field needs."""

    def __init__(self, line: int, field: str, expected: str) -> None:
        super().__init__(field)
        self.refusal = Refusal(line, field, expected)


def made_by(mapping: Mapping, records: Iterator[Record]) -> Iterator[Made]:
    """The rows of a file; those of one group are one row."""
    groups = _each(records) if mapping.group is None else _groups(mapping.group, records)
    for group in groups:
        try:
            line, parts, rows = _made(mapping, group) if group.records else _NOTHING
        except _BadCellError as bad:
            group.refused.append(bad.refusal)
            line, parts, rows = _NOTHING
        yield Made(line, parts, rows, group.refused, group.ends)


def _each(records: Iterator[Record]) -> Iterator[_Group]:
    """Each record by itself."""
    for line, value, ends in records:
        if isinstance(value, Refusal):
            yield _Group(ends, refused=[value])
        else:
            yield _Group(ends, [(line, value)])


def _groups(column: str, records: Iterator[Record]) -> Iterator[_Group]:
    """Records that follow each other and have one value in the group's column, or none in it."""
    group = None
    key = None
    for line, value, ends in records:
        own = None if isinstance(value, Refusal) else value.get(column)
        if group is None:
            group = _Group(ends)
        elif group.records and own not in (key, "", None):
            yield group
            group = _Group(ends)
        group.ends = ends
        if isinstance(value, Refusal):
            group.refused.append(value)
        elif len(group.records) >= MAX_GROUP_ROWS:
            refusal = Refusal(line, "row", f"at most {MAX_GROUP_ROWS:,} rows of one group")
            group.refused.append(refusal)
        else:
            if not group.records:
                key = own
            group.records.append((line, value))
    if group is not None:
        yield group


def _made(mapping: Mapping, group: _Group) -> tuple[int, list[int], list[dict[str, Any]]]:
    """Rows of ours with their line and the lines of their parts."""
    row: dict[str, Any] = {}
    for name, takes in mapping.fields.items():
        each = [[take] for take in takes] if name == _LATEST else [takes]
        values = [
            value
            for one in each
            for line, record in group.records
            if (value := _first(one, line, record, name, mapping.format)) is not None
        ]
        if values and name in _LISTS:
            row[name] = list(dict.fromkeys(one for value in values for one in value))
        elif values:
            row[name] = max(values) if name == _LATEST else values[0]
    lines: list[int] = []
    if mapping.parts:
        parts = row[mapping.parts_name] = []
        for line, record in group.records:
            if part := _part(mapping.parts, line, record, mapping.format):
                parts.append(part)
                lines.append(line)
        cancelled = _is_true(row.get("cancelled", False))
        if mapping.kind == "orders" and not cancelled:
            group.refused += _left_out(mapping.parts, group.records, lines)
        if mapping.gathers_updates and cancelled:
            # No column may say when it was, and nothing comes after it: as of this import.
            row.pop(_LATEST, None)
    line, record = group.records[0]
    return line, lines, _choices(mapping, line, record, row) if mapping.purposes else [row]


def _choices(
    mapping: Mapping, line: int, record: dict[str, Any], row: dict[str, Any]
) -> list[dict[str, Any]]:
    """A choice about each purpose of which the record says something."""
    said = {
        purpose: _answered(answer, record, line, purpose)
        for purpose, answer in mapping.purposes.items()
    }
    return [
        {**row, "action": action, "purposes": [purpose]}
        for purpose, action in said.items()
        if action
    ]


def _answered(answer: Answer, record: dict[str, Any], line: int, purpose: str) -> str:
    """What was said about a purpose, if anything; a word that nobody explained is refused."""
    cell = _cell(record, answer.column)
    word = "" if cell is None else str(cell).strip().casefold()
    said = answer.words.get(word) if word else ""
    if said is None:
        known = ", ".join(answer.words)
        raise _BadCellError(line, f"purposes.{purpose}", f"one of {known}, or nothing")
    return said


def _part(fields: Fields, line: int, record: dict[str, Any], how: Format) -> dict[str, Any] | None:
    """A variant or a line; none where what names it, its first field, is empty."""
    part = {
        name: value
        for name, takes in fields.items()
        if (value := _first(takes, line, record, name, how)) is not None
    }
    return part if next(iter(fields)) in part else None


def _left_out(parts: Fields, records: Sequence[Numbered], lines: Sequence[int]) -> list[Refusal]:
    """The lines of an order that name no item.

    Raises:
        _BadCellError: None does: an order without lines would cancel what was bought.
    """
    column = " or ".join(name for take in next(iter(parts.values())) for name in take.read())
    if not lines:
        expected = f"a line with its item in {column}; or map the item from another column"
        raise _BadCellError(records[0][0], "lines", expected)
    named = frozenset(lines)
    expected = f"the item of this line in {column}; it was left out of its order"
    return [
        Refusal(line, next(iter(parts)), expected)
        for line, record in records
        if line not in named and _says_anything(parts, record)
    ]


def _says_anything(parts: Fields, record: dict[str, Any]) -> bool:
    """Whether a record is meant as a part: a row can also be about the whole group alone."""
    takes = [take for several in parts.values() for take in several if take.constant is None]
    return any(_taken(take, record) is not None for take in takes)


def _is_true(value: object) -> bool:
    try:
        return _TRUTH.validate_python(value)
    except ValidationError:
        return False


def _first(takes: Sequence[Take], line: int, record: dict[str, Any], name: str, how: Format) -> Any:  # noqa: ANN401 - a cell may be anything
    for take in takes:
        value = _taken(take, record)
        if value is not None:
            return _as_field(value, line, name, how)
    return None


def _taken(take: Take, record: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
    if take.constant is not None:
        return take.constant
    cells = [_cell(record, column) for column in take.read()]
    given = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
    given = [cell for cell in given if cell not in ("", None)]
    if not given:
        return take.empty if any(column in record for column in take.read()) else None
    cell = given[0] if len(given) == 1 else take.join.join(map(str, given))
    return _read_as(take, str(cell)) if take.reads else cell


def _cell(record: dict[str, Any], column: str) -> Any:  # noqa: ANN401 - as above
    """A cell by its column; ``a.b`` is the ``b`` of a record within the record."""
    if column in record:
        return record[column]
    found: Any = record
    for name in column.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _read_as(take: Take, cell: str) -> Any:  # noqa: ANN401 - as above
    """What a cell stands for."""
    known = {word.casefold(): value for word, value in take.values.items()}
    if take.split is not None:
        parts = [part.strip() for part in cell.split(take.split) if part.strip()]
        said = [known.get(part.casefold(), take.otherwise) for part in parts] if known else parts
        return [one for one in said if one is not None]
    if take.above is not None:
        try:
            return float(cell) > take.above
        except ValueError:
            return None
    return known.get(cell.casefold(), take.otherwise)


def _as_field(value: Any, line: int, name: str, how: Format) -> Any:  # noqa: ANN401 - as above
    if name in _LISTS:
        return value if isinstance(value, list) else [value]
    if name in _NUMBERS and isinstance(value, str) and how.decimal == ",":
        return value.replace(".", "").replace(",", ".")
    if name in _TIMES:
        return _time(value, line, name, how)
    if name not in _NUMBERS and type(value) in (int, float):
        # An id that a spreadsheet or a table of numbers took for one.
        return str(int(value) if type(value) is int or value.is_integer() else value)
    return value


def _time(value: Any, line: int, name: str, how: Format) -> datetime:  # noqa: ANN401 - as above
    try:
        if isinstance(value, datetime):
            at = value
        elif how.times is not None and not str(value).endswith("Z"):
            at = datetime.strptime(str(value), how.times)  # noqa: DTZ007 - given a zone below
        else:
            at = datetime.fromisoformat(str(value))
    except ValueError:
        raise _BadCellError(line, name, "a time in the format of the mapping") from None
    if at.utcoffset() is None:
        if how.time_zone is None:
            raise _BadCellError(line, name, "a time with a zone, or time_zone in the mapping")
        at = at.replace(tzinfo=ZoneInfo(how.time_zone))
    return at
