"""The records of a file as mappings, whatever its format: CSV, JSON lines or Parquet."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from knowingly.domain.intake import Refusal
from knowingly.errors import FileError, MissingExtraError
from knowingly.importing.lines import Lines, Record, open_lines, open_records
from knowingly.importing.mapping import Format

MAX_DEPTH = 6
MAX_GROUP_BYTES = 2_000_000_000
"""What one row group of a Parquet file may say it unpacks to: it is read as a whole."""

_PARQUET_ROWS = 5_000
_JSON = frozenset({".jsonl", ".ndjson"})


class Source(Protocol):
    """An open file of records."""

    columns: Sequence[str] | None

    @property
    def line(self) -> int:
        """The line, or row, read last."""

    @property
    def read_bytes(self) -> int:
        """How much of the file has been read."""

    def records(self) -> Iterator[tuple[int, dict[str, Any] | Refusal]]:
        """Each record with its line."""

    def wrong(self, what: str) -> FileError:
        """An error that names the file and the line."""


@contextmanager
def open_source(path: Path, how: Format | None = None) -> Iterator[Source]:
    """Open a file by its name's ending: ``.jsonl``, ``.ndjson``, ``.parquet``, and CSV otherwise.

    Raises:
        FileError: It is no file, or no file of that format.
        MissingExtraError: It is Parquet, and what reads it is not installed.
    """
    how = how or Format()
    ending = path.suffix.lower()
    if ending == ".parquet":
        yield _Parquet(path)
    elif ending in _JSON:
        with open_lines(path, how.encoding) as lines:
            yield _JsonLines(lines)
    else:
        with open_records(path, delimiter=how.delimiter, encoding=how.encoding) as (lines, records):
            yield _Csv(lines, records)


class _Csv:
    """Rows under a header."""

    def __init__(self, lines: Lines, records: Iterator[Record]) -> None:
        self._lines, self._records = lines, records
        _, cells = next(records, (1, []))
        self.columns: Sequence[str] | None = tuple(cell.strip() for cell in cells)
        if len(set(self.columns)) < len(self.columns):
            raise lines.wrong("the header names a column twice")

    @property
    def line(self) -> int:
        return self._lines.number

    @property
    def read_bytes(self) -> int:
        return self._lines.read_bytes

    def records(self) -> Iterator[tuple[int, dict[str, Any] | Refusal]]:
        columns = self.columns or ()
        for line, cells in self._records:
            if len(cells) == len(columns):
                yield line, dict(zip(columns, cells, strict=True))
            else:
                yield line, Refusal(line, "row", f"{len(columns)} cells, as in the header")

    def wrong(self, what: str) -> FileError:
        return self._lines.wrong(what)


class _JsonLines:
    """One JSON object to a line."""

    columns: Sequence[str] | None = None

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    @property
    def line(self) -> int:
        return self._lines.number

    @property
    def read_bytes(self) -> int:
        return self._lines.read_bytes

    def records(self) -> Iterator[tuple[int, dict[str, Any] | Refusal]]:
        for text in self._lines:
            if text.strip():
                yield self.line, _object(self.line, text)

    def wrong(self, what: str) -> FileError:
        return self._lines.wrong(what)


def _object(line: int, text: str) -> dict[str, Any] | Refusal:
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Refusal(line, "row", "one JSON object on the line")
    if not isinstance(found, dict):
        return Refusal(line, "row", "one JSON object on the line")
    if not _shallow(found, MAX_DEPTH):
        return Refusal(line, "row", f"values nested at most {MAX_DEPTH} deep")
    return found


def _no_constant(_name: str) -> float:
    raise ValueError


def _shallow(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return True
    return depth > 0 and all(_shallow(one, depth - 1) for one in value)


class _Parquet:
    """Rows of a Parquet file, read by row group."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileError(f"{path.name}: not a regular file")
        try:
            from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra, slow to import
        except ImportError:
            raise MissingExtraError(plugin="knowingly import", extra="parquet") from None
        self._broken = (ArrowException, OSError)
        self._name, self._size = path.name, path.stat().st_size
        self._row = 0
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
    def line(self) -> int:
        return self._row

    @property
    def read_bytes(self) -> int:
        return int(self._size * self._row / max(self._rows, 1))

    def records(self) -> Iterator[tuple[int, dict[str, Any] | Refusal]]:
        try:
            for part in self._file.iter_batches(batch_size=_PARQUET_ROWS):
                for record in part.to_pylist():
                    self._row += 1
                    yield self._row, record
        except self._broken:
            raise self.wrong("cannot be read on from here") from None

    def wrong(self, what: str) -> FileError:
        return FileError(f"{self._name}, row {self._row}: {what}")
