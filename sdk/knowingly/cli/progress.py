"""Progress on standard error, for people at a terminal and nobody else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from knowingly.cli.output import Output

Steps = Callable[[str, int, int], None]
"""Told ``(what is being done, done, in all)``, as the SDK does."""

Reading = Callable[[int, int], None]
"""Told ``(bytes read, rows done)``."""


@contextmanager
def steps(output: Output) -> Iterator[Steps]:
    """A bar for work that names its steps."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=_stderr(), transient=True, disable=not _wanted(output)) as bar:
        task = bar.add_task("starting", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield tell


@contextmanager
def reading(output: Output, name: str, total_bytes: int) -> Iterator[Reading]:
    """A bar for a file: how much of its bytes is read, rows a second, and the time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_stderr(), transient=True, disable=not _wanted(output)) as bar:
        task = bar.add_task(name, total=total_bytes or None, rate="")

        def tell(read_bytes: int, rows: int) -> None:
            elapsed = bar.tasks[0].elapsed
            rate = f"{rows / elapsed:,.0f} rows/s" if elapsed else ""
            bar.update(task, completed=read_bytes, rate=rate)

        yield tell


def _stderr() -> Console:
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def _wanted(output: Output) -> bool:
    return sys.stderr.isatty() and not output.as_json
