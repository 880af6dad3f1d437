"""Rows in the form that was asked for: a table for people, or CSV, JSON lines or JSON."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from knowingly.cli.output import Output

AsCsv = Annotated[bool, typer.Option("--csv", help="Rows as CSV, with a header.")]
AsJsonl = Annotated[bool, typer.Option("--jsonl", help="Rows as JSON, one to a line.")]
Row = Mapping[str, object]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet take a cell for a formula, or for more than one."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a command that lists something writes its rows."""

    output: Output
    as_csv: bool
    as_jsonl: bool

    def __post_init__(self) -> None:
        """Refuse two forms at once.

        Raises:
            typer.BadParameter: More than one was asked for.
        """
        if self.output.as_json + self.as_csv + self.as_jsonl > 1:
            raise typer.BadParameter("one of --json, --csv and --jsonl")

    @property
    def is_for_people(self) -> bool:
        """Whether words may stand beside the rows."""
        return not (self.output.as_json or self.as_csv or self.as_jsonl)

    def say(self, words: str) -> None:
        """One line for people, and for nobody else."""
        if self.is_for_people:
            self.output.say(words)

    def hint(self, words: str) -> None:
        """One line beside the result, for people."""
        if self.is_for_people:
            self.output.hint(words)

    def rows(self, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """The rows; with ``--json`` nothing, because they stand in the document."""
        if self.as_csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([_cell(row[column]) for column in columns] for row in rows)
        elif self.as_jsonl:
            for row in rows:
                typer.echo(_one_line(dict(row)))
        elif not self.output.as_json:
            told = ([_words(row[column]) for column in columns] for row in rows)
            self.output.table(columns, told)

    def document(self, value: object) -> None:
        """The JSON document; nothing without ``--json``."""
        self.output.document(value)


def _cell(value: object) -> object:
    """A cell of CSV: text that a spreadsheet would run is made to be text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = _plain(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _words(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return ("yes" if value else "no") if isinstance(value, bool) else _plain(value)


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return _one_line(dict(value)) if isinstance(value, Mapping) else str(value)


def _one_line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_for_json)


def _for_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
