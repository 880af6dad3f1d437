"""What the demo says to a person: headings, sentences, tables and bars."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
)
from rich.table import Table
from rich.text import Text

Tell = Callable[[str, int, int], None]
"""Told ``(what is being done, done, in all)``."""


class _Rate(ProgressColumn):
    """So many per second."""

    def render(self, task: Task) -> Text:
        """The rate so far."""
        seconds = task.elapsed
        rate = f"{task.completed / seconds:,.0f}/s" if seconds else ""
        return Text(rate, style="progress.data.speed")


class _Done(ProgressColumn):
    """So many of so many, with commas."""

    def render(self, task: Task) -> Text:
        """How far it is."""
        return Text(f"{task.completed:,.0f}/{task.total or 0:,.0f}", style="progress.download")


class _Clock(ProgressColumn):
    """The time left, and at the end the time taken."""

    def render(self, task: Task) -> Text:
        """Seconds."""
        if task.finished:
            return Text(f"took {task.finished_time or 0:.1f} s")
        left = task.time_remaining
        return Text("" if left is None else f"{left:,.0f} s left", style="progress.remaining")


class Teller:
    """Speaks to a console, or to nobody where only the figures are wanted."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = Console(quiet=True) if quiet else console
        self._quiet = quiet

    def heading(self, text: str) -> None:
        """The title of a step."""
        self._console.print()
        self._console.rule(f"[bold]{escape(text)}[/bold]", align="left", style="dim")

    def say(self, text: str) -> None:
        """A paragraph; markup is read, so what comes from data is escaped by the caller."""
        self._console.print()
        self._console.print(text, highlight=False)

    def gap(self) -> None:
        """An empty line."""
        self._console.print()

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()
    ) -> None:
        """A table; ``numbers`` are the columns to set flush right."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for place, name in enumerate(columns):
            table.add_column(name, justify="right" if place in numbers else "left")
        for row in rows:
            table.add_row(*row)
        self._console.print()
        self._console.print(table, highlight=False)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar with rate and time left; yields a function told how many more are done."""
        with self._progress(transient=False) as progress:
            task = progress.add_task(what, total=total)
            yield lambda more: progress.advance(task, more)

    @contextmanager
    def waiting(self, what: str) -> Iterator[Tell]:
        """A bar that is gone when its work is; yields what the SDK calls ``progress``."""
        with self._progress(transient=True) as progress:
            task = progress.add_task(what, total=None)

            def tell(now: str, done: int, total: int) -> None:
                progress.update(task, description=now, completed=done, total=total)

            yield tell

    def _progress(self, *, transient: bool) -> Progress:
        return Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=14),
            _Done(),
            _Rate(),
            _Clock(),
            console=self._console,
            transient=transient,
            # What is wiped away at once leaves an empty line where nothing can be wiped.
            disable=self._quiet or (transient and not self._console.is_terminal),
        )


def plural(number: int, one: str, many: str | None = None) -> str:
    """``1 event``, ``2,000 events``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def words(counts: dict[str, int]) -> str:
    """``refused 12, no_record 3``; ``none`` where there is nothing."""
    return ", ".join(f"{name} {number:,}" for name, number in counts.items()) or "none"
