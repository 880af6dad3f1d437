"""The records of a file as mappings, whatever its format: CSV, JSON lines or Parquet."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from knowingly.domain.intake import Refusal
from knowingly.errors import FileError, MissingExtraError
from knowingly.importing.lines import START, Cells, Lines, Mark, open_lines, open_records
from knowingly.importing.mapping import Format

MAX_DEPTH = 6
MAX_GROUP_BYTES = 2_000_000_000
"""What one row group of a Parquet file may say it unpacks to: it is read as a whole."""

_PARQUET_ROWS = 5_000
_READABLE = "text in UTF-8, and times of the years 1 to 9999 in whole microseconds"
_JSON = frozenset({".jsonl", ".ndjson"})


class Record(NamedTuple):
    """A record, or why it is none; the line it begins on; and the place behind it."""

    line: int
    value: dict[str, Any] | Refusal
    ends: Mark


class Source(Protocol):
    """An open file of records."""

    columns: Sequence[str] | None

    @property
    def read_bytes(self) -> int:
        """How much of the file has been read."""

    def records(self) -> Iterator[Record]:
        """Each record, from the place on that the file was opened at."""

    def wrong(self, what: str) -> FileError:
        """An error that names the file and the line."""


@contextmanager
def open_source(path: Path, how: Format | None = None, at: Mark = START) -> Iterator[Source]:
    """Open a file by its name's ending: ``.jsonl``, ``.ndjson``, ``.parquet``, and CSV otherwise.

    Its records are read from the place ``at`` on, which an earlier reading came to.

    Raises:
        FileError: It is no file, or no file of that format.
        MissingExtraError: It is Parquet, and what reads it is not installed.
    """
    how = how or Format()
    ending = path.suffix.lower()
    if ending == ".parquet":
        yield _Parquet(path, at)
    elif ending in _JSON:
        with open_lines(path, how.encoding) as lines:
            lines.go_to(at)
            yield _JsonLines(lines)
    else:
        with open_records(path, delimiter=how.delimiter, encoding=how.encoding) as (lines, records):
            source = _Csv(lines, records)
            lines.go_to(at)
            yield source


class _Csv:
    """Rows under a header."""

    def __init__(self, lines: Lines, records: Iterator[Cells]) -> None:
        self._lines, self._records = lines, records
        _, cells = next(records, (1, []))
        self.columns: Sequence[str] | None = tuple(cell.strip() for cell in cells)
        if len(set(self.columns)) < len(self.columns):
            raise lines.wrong("the header names a column twice")

    @property
    def read_bytes(self) -> int:
        return self._lines.mark.position

    def records(self) -> Iterator[Record]:
        columns = self.columns or ()
        for line, cells in self._records:
            value: dict[str, Any] | Refusal
            if len(cells) == len(columns):
                value = dict(zip(columns, cells, strict=True))
            else:
                value = Refusal(line, "row", f"{len(columns)} cells, as in the header")
            yield Record(line, value, self._lines.mark)

    def wrong(self, what: str) -> FileError:
        return self._lines.wrong(what)


class _JsonLines:
    """One JSON object to a line."""

    columns: Sequence[str] | None = None

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    @property
    def read_bytes(self) -> int:
        return self._lines.mark.position

    def records(self) -> Iterator[Record]:
        for text in self._lines:
            if text.strip():
                line = self._lines.number
                yield Record(line, _object(line, text), self._lines.mark)

    def wrong(self, what: str) -> FileError:
        return self._lines.wrong(what)


def _object(line: int, text: str) -> dict[str, Any] | Refusal:
    try:
        found = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        return Refusal(line, "row", "one JSON object on the line, each key once")
    if not isinstance(found, dict):
        return Refusal(line, "row", "one JSON object on the line")
    if not _shallow(found, MAX_DEPTH):
        return Refusal(line, "row", f"values nested at most {MAX_DEPTH} deep")
    return found


def _no_constant(_name: str) -> float:
    raise ValueError


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that says everything once: of two answers to one question neither counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _shallow(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return True
    return depth > 0 and all(_shallow(one, depth - 1) for one in value)


class _Parquet:
    """Rows of a Parquet file, read by row group."""

    def __init__(self, path: Path, at: Mark) -> None:
        if not path.is_file():
            raise FileError(f"{path.name}: not a regular file")
        try:
            from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra, slow to import
        except ImportError:
            raise MissingExtraError(plugin="knowingly import", extra="parquet") from None
        self._broken = (ArrowException, OSError)
        self._name, self._size = path.name, path.stat().st_size
        self._row = at.position
        try:
            self._file = parquet.ParquetFile(path)
            meta = self._file.metadata
            groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
        except self._broken:
            raise FileError(f"{path.name}: not a Parquet file") from None
        if any(group.total_byte_size > MAX_GROUP_BYTES for group in groups):
            raise FileError(
                f"{path.name}: a row group of more than {MAX_GROUP_BYTES:,} bytes: write it with "
                "smaller ones"
            )
        self._rows = meta.num_rows
        self.columns: Sequence[str] | None = tuple(self._file.schema_arrow.names)
        if len(set(self.columns)) < len(self.columns):
            raise FileError(f"{path.name}: it names a column twice")

    @property
    def read_bytes(self) -> int:
        return int(self._size * self._row / max(self._rows, 1))

    def records(self) -> Iterator[Record]:
        groups, read = self._from_here()
        try:
            for part in self._file.iter_batches(batch_size=_PARQUET_ROWS, row_groups=groups):
                for row in _values(part.slice(min(read, part.num_rows))):
                    self._row += 1
                    value = Refusal(self._row, "row", _READABLE) if row is None else row
                    yield Record(self._row, value, Mark(self._row, self._row))
                read -= min(read, part.num_rows)
        except self._broken:
            raise self.wrong("cannot be read on from here") from None

    def _from_here(self) -> tuple[list[int], int]:
        """The row groups that are not read whole, and how many rows of the first are."""
        sizes = [
            self._file.metadata.row_group(number).num_rows
            for number in range(self._file.metadata.num_row_groups)
        ]
        read, first = self._row, 0
        while first < len(sizes) and read >= sizes[first]:
            read -= sizes[first]
            first += 1
        return list(range(first, len(sizes))), read

    def wrong(self, what: str) -> FileError:
        return FileError(f"{self._name}, row {self._row}: {what}")


def _values(part: Any) -> list[dict[str, Any] | None]:  # noqa: ANN401 - pyarrow has no types
    """The rows of a batch; None for one with a value that Python has no like of.

    The error says what stood there, and so it is not passed on.
    """
    try:
        rows: list[dict[str, Any] | None] = part.to_pylist()
    except (ArithmeticError, LookupError, ValueError):
        if part.num_rows == 1:
            return [None]
        return [row for place in range(part.num_rows) for row in _values(part.slice(place, 1))]
    return rows
