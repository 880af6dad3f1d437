"""The lines of a text file, and the records of a CSV file with the line each begins on; bounded."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from knowingly.errors import FileError

MAX_LINE_BYTES = 1_000_000
MAX_FIELD_CHARS = 1_000_000
"""Of a column that nobody reads too: shops describe a product in half as many."""

Cells = tuple[int, list[str]]
"""The line a record begins on, counted from 1, and its cells."""


class Mark(NamedTuple):
    """A place between two records: how many bytes and lines of the file lie before it.

    Of a Parquet file both are rows.
    """

    position: int
    line: int


START = Mark(0, 0)


class Lines:
    """A file's lines as text; knows how far it has read.

    Raises:
        FileError: On the way: a line is not text in that encoding, or too long to be one of a
            table.
    """

    def __init__(self, file: BinaryIO, name: str, encoding: str = "utf-8") -> None:
        self._file = file
        self._name = name
        self._encoding = encoding
        self.mark = START

    @property
    def number(self) -> int:
        """The line read last."""
        return self.mark.line

    def go_to(self, mark: Mark) -> None:
        """Read on from a place that an earlier reading came to; never back to one before."""
        if mark.position > self.mark.position:
            self._file.seek(mark.position)
            self.mark = mark

    def __iter__(self) -> Iterator[str]:
        while raw := self._file.readline(MAX_LINE_BYTES + 1):
            self.mark = Mark(self.mark.position + len(raw), self.number + 1)
            if len(raw) > MAX_LINE_BYTES:
                raise self.wrong(f"longer than {MAX_LINE_BYTES:,} bytes: is it a CSV file?")
            yield self._text(raw)

    def wrong(self, what: str, line: int | None = None) -> FileError:
        """An error that names the file and the line."""
        return FileError(f"{self._name}, line {line or self.number}: {what}")

    def _text(self, raw: bytes) -> str:
        encoding = self._encoding
        if encoding == "utf-8" and self.number == 1:
            # Spreadsheets begin a UTF-8 file with a byte-order mark; it means nothing.
            encoding = "utf-8-sig"
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            name = self._encoding.upper()
            raise self.wrong(f"not {name} text: save the file as {name}") from None


@contextmanager
def open_lines(path: Path, encoding: str = "utf-8") -> Iterator[Lines]:
    """Open a text file.

    Raises:
        FileError: It is no file, or, on the way, no such text.
    """
    if not path.is_file():
        raise FileError(f"{path.name}: not a regular file")
    with path.open("rb") as file:
        yield Lines(file, path.name, encoding)


@contextmanager
def open_records(
    path: Path, *, delimiter: str = ",", encoding: str = "utf-8"
) -> Iterator[tuple[Lines, Iterator[Cells]]]:
    """Open a CSV file; blank lines are skipped, and a quoted cell may hold several lines.

    After each record the lines stand at its end: the reader takes no line it does not need.

    Raises:
        FileError: It is no file, or, on the way, no CSV.
    """
    # The limit belongs to the process; whoever calls us from Python has it back afterwards.
    before = csv.field_size_limit(MAX_FIELD_CHARS)
    try:
        with open_lines(path, encoding) as lines:
            yield lines, _records(lines, delimiter)
    finally:
        csv.field_size_limit(before)


def _records(lines: Lines, delimiter: str) -> Iterator[Cells]:
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    while True:
        begins = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise lines.wrong(f"not CSV: {error}", begins) from None
        if cells:
            yield begins, cells
