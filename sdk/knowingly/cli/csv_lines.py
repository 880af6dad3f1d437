"""The records of a CSV file with the line each begins on; bounded, UTF-8 only."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from knowingly.cli.failing import CommandError

MAX_LINE_BYTES = 1_000_000
MAX_FIELD_CHARS = 65_536

Record = tuple[int, list[str]]
"""The line a record begins on, counted from 1, and its cells."""


class Lines:
    """A file's lines as text; knows how far it has read.

    Raises:
        CommandError: On the way: a line is not UTF-8, or too long to be one of a table.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self.number = 0
        self.read_bytes = 0

    def __iter__(self) -> Iterator[str]:
        while raw := self._file.readline(MAX_LINE_BYTES + 1):
            self.number += 1
            self.read_bytes += len(raw)
            if len(raw) > MAX_LINE_BYTES:
                raise self.wrong(f"longer than {MAX_LINE_BYTES:,} bytes: is it a CSV file?")
            yield self._text(raw)

    def wrong(self, what: str, line: int | None = None) -> CommandError:
        """An error that names the file and the line."""
        return CommandError(f"{self._name}, line {line or self.number}: {what}")

    def _text(self, raw: bytes) -> str:
        # Spreadsheets begin a UTF-8 file with a byte-order mark; it means nothing.
        encoding = "utf-8-sig" if self.number == 1 else "utf-8"
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            raise self.wrong("not UTF-8 text: save the file as UTF-8") from None


@contextmanager
def open_records(path: Path) -> Iterator[tuple[Lines, Iterator[Record]]]:
    """Open a CSV file; blank lines are skipped, and a quoted cell may hold several lines.

    Raises:
        CommandError: It is no file, or, on the way, no CSV.
    """
    if not path.is_file():
        raise CommandError(f"{path.name}: not a regular file")
    # The limit belongs to the process; whoever calls us from Python has it back afterwards.
    before = csv.field_size_limit(MAX_FIELD_CHARS)
    try:
        with path.open("rb") as file:
            lines = Lines(file, path.name)
            yield lines, _records(lines)
    finally:
        csv.field_size_limit(before)


def _records(lines: Lines) -> Iterator[Record]:
    reader = csv.reader(lines, strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise lines.wrong(f"not CSV: {error}", begins) from None
        if cells:
            yield begins, cells
