"""One file into the shop, a batch to a transaction, or checked whole before any is written."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from knowingly.consent.past import PastChoices, Taken
from knowingly.counters import Counters
from knowingly.domain.intake import Intake, Refusal
from knowingly.domain.progress import Progress
from knowingly.errors import InputError, KnowinglyError
from knowingly.importing.lines import START, Mark
from knowingly.importing.mapping import load_mapping
from knowingly.importing.report import ImportReport
from knowingly.importing.saved import SavedProgress
from knowingly.importing.sources import Source, open_source
from knowingly.importing.tables import (
    CHOICES,
    EVENTS,
    ITEMS,
    Batch,
    Kind,
    Table,
    batches,
    batches_in_turns,
    recognise,
)
from knowingly.items.shelf import ItemRehearsal, put
from knowingly.profiles.intake.tracking import track, would_refuse
from knowingly.profiles.people import People
from knowingly.profiles.undone import Undone
from knowingly.store.doors import Tx
from knowingly.tenancy import Tenancy


class Importer:
    """Files into one tenant's shop."""

    def __init__(
        self,
        tenancy: Tenancy,
        people: People,
        undone: Undone,
        counters: Counters,
        past: PastChoices,
    ) -> None:
        self._tenancy, self._people, self._counters = tenancy, people, counters
        self._undone, self._past = undone, past

    def rehearse(
        self, path: str | Path, mapping: str | Path | None, progress: Progress | None
    ) -> ImportReport:
        """What would be refused of a file; writes nothing.

        Raises:
            FileError: The file cannot be read.
        """
        return self._check(_recognised(path, mapping), progress)

    def run(
        self,
        path: str | Path,
        mapping: str | Path | None,
        progress: Progress | None,
        *,
        strict: bool,
        restart: bool,
    ) -> ImportReport:
        """Take in what is valid; with ``strict``, all of the file or nothing.

        An import that was stopped goes on where it was, unless ``restart`` is set.

        Raises:
            FileError: The file cannot be read from some line on, or is not the one whose import
                was stopped; a note says what is in already, as it does on Ctrl-C.
        """
        table = _recognised(path, mapping)
        saved = SavedProgress(self._tenancy, table, strict=strict)
        if restart:
            saved.forget()
        mark, report = saved.find()
        if strict and mark == START:
            checked = self._check(table, progress)
            if checked.refused:
                return checked
        try:
            self._write(table, saved, report, mark, progress)
        except (KnowinglyError, KeyboardInterrupt) as error:
            error.add_note(_state(table, saved.line))
            raise
        saved.forget()
        return report

    def _check(self, table: Table, progress: Progress | None) -> ImportReport:
        checked = ImportReport(table.path.name, table.kind.name, written=False, unread=table.unread)
        size, refused_of = table.path.stat().st_size, self._rehearsal(table.kind)
        with open_source(table.path, table.format) as source:
            for batch in batches(table, source):
                checked.add(batch, Intake(refused=tuple(refused_of(batch.rows))))
                if progress is not None:
                    progress(f"checking {checked.file}", source.read_bytes, size)
        return checked

    def _write(
        self,
        table: Table,
        saved: SavedProgress,
        report: ImportReport,
        mark: Mark,
        progress: Progress | None,
    ) -> None:
        size = table.path.stat().st_size
        with open_source(table.path, table.format, mark) as source:
            for batch in self._batches(table, source):
                if table.kind is EVENTS:
                    _name_events(batch, saved.digest[:32])

                def save(
                    tx: Tx, intake: Intake, taken: Taken | None = None, batch: Batch = batch
                ) -> None:
                    report.add(batch, intake, taken)
                    saved.save(tx, batch.ends, report)

                self._take_in(saved, batch, save)
                if progress is not None:
                    progress(report.file, source.read_bytes, size)

    def _batches(self, table: Table, source: Source) -> Iterator[Batch]:
        """The rows, in parts of what one transaction takes in."""
        if table.kind is CHOICES:
            # They take back: where that takes models long, others write between a few of them.
            return batches_in_turns(table, source, self._past.turns)
        return batches(table, source)

    def _take_in(self, saved: SavedProgress, batch: Batch, then: Callable[..., None]) -> None:
        table, strict = saved.table, saved.strict
        if table.kind is ITEMS:
            put(self._tenancy, batch.rows, strict=strict, then=then)
        elif (origin := table.origin) is not None:
            self._past.take_in(
                batch.rows,
                origin,
                saved.digest,
                strict=strict,
                then=lambda tx, taken: then(tx, taken.intake, taken),
            )
        else:
            intake = track(
                self._tenancy,
                self._people,
                batch.rows,
                self._undone,
                strict=strict,
                then=then,
                to_the_second=table.mapping is not None and table.mapping.gathers_updates,
            )
            self._counters.intake(intake)

    def _rehearsal(self, kind: Kind) -> Callable[[Sequence[dict[str, Any]]], list[Refusal]]:
        """What says which rows of the next batch the shop would refuse, by row of the batch."""
        if kind is CHOICES:
            return self._past.check
        if kind is ITEMS:
            return ItemRehearsal(self._tenancy).bad
        return lambda rows: would_refuse(self._tenancy, rows)


def _recognised(path: str | Path, mapping: str | Path | None) -> Table:
    if not isinstance(path, str | Path):
        raise InputError("path", "the path of a file")
    if mapping is not None and not isinstance(mapping, str | Path):
        raise InputError("mapping", "the path of a mapping file, or the name of one that ships")
    return recognise(Path(path), None if mapping is None else load_mapping(mapping))


def _name_events(batch: Batch, digest: str) -> None:
    """Give events without an id one that follows from the file and the line.

    So the same file, begun again after it was interrupted, is the same events again.
    """
    for line, row in zip(batch.lines, batch.rows, strict=True):
        row.setdefault("event_id", f"{digest}:{line}")


def _state(table: Table, line: int) -> str:
    """What is in, and what running the import again does."""
    name = table.path.name
    if not line:
        return f"nothing of {name} is in; import it again"
    return f"{name} is in up to line {line}; import it again, and it goes on from there"
