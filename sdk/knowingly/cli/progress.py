"""Progress on standard error, for people at a terminal and nobody else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from knowingly.cli.output import Output

Steps = Callable[[str, int, int], None]
"""Told ``(what is being done, done, in all)``, as the SDK does."""


@contextmanager
def steps(output: Output) -> Iterator[Steps]:
    """A bar for work that names its steps."""
    with _bar(output) as tell:
        yield tell


@contextmanager
def _bar(output: Output, *more: ProgressColumn) -> Iterator[Steps]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns, *more, console=_stderr(), transient=True, disable=not _wanted(output)
    ) as bar:
        task = bar.add_task("starting", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield tell


@contextmanager
def reading(output: Output) -> Iterator[Steps]:
    """A bar for a file: how much of its bytes is read, how fast, and the time left."""
    columns = (TransferSpeedColumn(), TimeRemainingColumn())
    with _bar(output, *columns) as tell:
        yield tell


def _stderr() -> Console:
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def _wanted(output: Output) -> bool:
    return sys.stderr.isatty() and not output.as_json
