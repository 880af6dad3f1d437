"""One file into the shop, a batch to a transaction, or checked whole before any is written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from knowingly.cli.codes import Code
from knowingly.cli.csv_lines import open_records
from knowingly.cli.csv_tables import EVENTS, Batch, Table, batches
from knowingly.cli.failing import CommandError
from knowingly.cli.progress import Reading
from knowingly.domain.event import Event
from knowingly.domain.intake import Intake, Refusal
from knowingly.domain.moments import to_us
from knowingly.domain.validate import check_rows
from knowingly.errors import KnowinglyError
from knowingly.shop import Shop


@dataclass(slots=True)
class Report:
    """What became of a file's rows; ``refused`` by line of the file."""

    file: str
    kind: str
    written: bool = True
    rows: int = 0
    kept: int = 0
    duplicates: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)

    def add(self, batch: Batch, intake: Intake) -> None:
        """Count one batch."""
        self.rows += len(batch.rows) + len(batch.refused)
        self.kept += intake.kept
        self.duplicates += intake.duplicates
        self.dropped.update(intake.dropped)
        self.refused += batch.at_line(intake.refused)

    def reasons(self) -> Counter[str]:
        """Refused rows by field and expectation."""
        return Counter(f"{one.field}: expected {one.expected}" for one in self.refused)


def import_table(shop: Shop, table: Table, tell: Reading) -> Report:
    """Take in what is valid; what is not is in the report.

    Raises:
        CommandError: The file is no CSV from some line on, or Ctrl-C; it says what is in already.
    """
    return _write(shop, table, tell, strict=False)


def import_whole(shop: Shop, table: Table, tell: Reading) -> Report:
    """Take in all of a file, or nothing where a row is bad.

    Raises:
        CommandError: As ``import_table``.
    """
    checked = Report(table.path.name, table.kind.name, written=False)
    with open_records(table.path) as (lines, records):
        for batch in batches(table, lines, records):
            checked.add(batch, Intake(refused=tuple(_bad_rows(shop, table, batch))))
            tell(lines.read_bytes, checked.rows)
    return checked if checked.refused else _write(shop, table, tell, strict=True)


def _write(shop: Shop, table: Table, tell: Reading, *, strict: bool) -> Report:
    report = Report(table.path.name, table.kind.name)
    last = 1
    put = shop.track if table.kind is EVENTS else shop.items.upsert
    try:
        with open_records(table.path) as (lines, records):
            for batch in batches(table, lines, records):
                report.add(batch, put(batch.rows, strict=strict))
                last = batch.ends
                tell(lines.read_bytes, report.rows)
    except KeyboardInterrupt:
        raise CommandError(f"interrupted: {_state(table, last)}", code=Code.INTERRUPTED) from None
    except KnowinglyError as error:
        error.add_note(_state(table, last))
        raise
    return report


def _state(table: Table, last: int) -> str:
    """What is in, and what running the command again does."""
    if last == 1:
        return f"nothing of {table.path.name} is in; run the command again"
    again = "rows that are in are replaced"
    if table.kind is EVENTS:
        again = "events with an event_id are kept once, others would be stored twice"
    name = table.path.name
    return f"{name} is in up to line {last} at least; when you run the command again, {again}"


def _bad_rows(shop: Shop, table: Table, batch: Batch) -> list[Refusal]:
    """Every row of a batch that the shop would refuse, by row of the batch."""
    good, bad = check_rows(table.kind.model, batch.rows, strict=False)
    events = [(row, value) for row, value in good if isinstance(value, Event)]
    return sorted(bad + _bad_events(shop, events), key=lambda one: one.row)


def _bad_events(shop: Shop, events: Sequence[tuple[int, Event]]) -> list[Refusal]:
    """Events of items that are not there, or dated in the future."""
    items = shop.items.view().row_of if events else {}
    latest_us = to_us(shop.now()) + shop.policy.intake.clock_skew_seconds * 1_000_000
    bad = []
    for row, event in events:
        if event.item not in items:
            bad.append(Refusal(row, "item", "an item of this shop"))
        elif event.at is not None and not 0 <= to_us(event.at) <= latest_us:
            bad.append(Refusal(row, "at", "a time after 1970 that is not in the future"))
    return bad
