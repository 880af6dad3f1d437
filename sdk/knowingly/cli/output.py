"""What a command says: words and tables for people, or one JSON document for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 160
"""Columns where no terminal says how many there are: tables in a log file keep their lines."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command writes: results to standard output, everything else to standard error."""

    as_json: bool

    def console(self) -> Console:
        """Standard output for people; titles of items are text, never markup."""
        width = None if sys.stdout.isatty() else PIPE_WIDTH
        return Console(width=width, markup=False, highlight=False, emoji=False)

    def say(self, words: str) -> None:
        """One line for people; nothing with ``--json``."""
        if not self.as_json:
            self.console().print(words, soft_wrap=True)

    def hint(self, words: str) -> None:
        """One line beside the result, for people, on standard error."""
        if not self.as_json:
            _to_stderr(words)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table for people; nothing with ``--json``. Long cells are folded, never cut."""
        if self.as_json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(str(cell)) for cell in row))
        self.console().print(table)

    def document(self, value: object) -> None:
        """The JSON document; nothing without ``--json``."""
        if self.as_json:
            typer.echo(to_json(value))

    def complain(self, message: str) -> None:
        """One line on standard error, for people and programs, beside a document of its own."""
        _to_stderr(f"error: {message}")

    def error(self, kind: str, message: str, **more: Any) -> None:  # noqa: ANN401 - JSON values
        """One line on standard error, and with ``--json`` the same as a document."""
        self.complain(message)
        self.document({"error": {"type": kind, "message": message, **more}})


def to_json(value: object) -> str:
    """A JSON text; times are ISO 8601 with their zone."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str)


def _to_stderr(words: str) -> None:
    # No rich console here: it would break a long line in two, and a program reads it as one.
    typer.echo(" ".join(words.split()), err=True)
