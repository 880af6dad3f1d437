"""One file into the shop, a batch to a transaction, or checked whole before any is written."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from knowingly.domain.event import Event
from knowingly.domain.intake import Intake, Refusal
from knowingly.domain.moments import to_us
from knowingly.domain.order import Order
from knowingly.domain.progress import Counted
from knowingly.domain.validate import check_rows
from knowingly.errors import KnowinglyError
from knowingly.importing.sources import open_source
from knowingly.importing.tables import EVENTS, ITEMS, Batch, Table, batches
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


def import_table(shop: Shop, table: Table, tell: Counted) -> Report:
    """Take in what is valid; what is not is in the report.

    Raises:
        FileError: The file cannot be read from some line on; a note says what is in already, as it
            does on Ctrl-C.
    """
    return _write(shop, table, tell, strict=False)


def import_whole(shop: Shop, table: Table, tell: Counted) -> Report:
    """Take in all of a file, or nothing where a row is bad.

    Raises:
        FileError: As ``import_table``.
    """
    checked = check_table(shop, table, tell)
    return checked if checked.refused else _write(shop, table, tell, strict=True)


def check_table(shop: Shop, table: Table, tell: Counted) -> Report:
    """What would be refused of a file; writes nothing.

    Raises:
        FileError: As ``import_table``.
    """
    checked = Report(table.path.name, table.kind.name, written=False)
    with open_source(table.path, table.mapping.format if table.mapping else None) as source:
        for batch in batches(table, source):
            checked.add(batch, Intake(refused=tuple(_bad_rows(shop, table, batch))))
            tell(source.read_bytes, checked.rows)
    return checked


def _write(shop: Shop, table: Table, tell: Counted, *, strict: bool) -> Report:
    report = Report(table.path.name, table.kind.name)
    last = 1
    put = shop.items.upsert if table.kind is ITEMS else shop.track
    try:
        name = _digest(table) if table.kind is EVENTS else ""
        with open_source(table.path, table.mapping.format if table.mapping else None) as source:
            for batch in batches(table, source):
                if name:
                    _name_events(batch, name)
                report.add(batch, put(batch.rows, strict=strict))
                last = batch.ends
                tell(source.read_bytes, report.rows)
    except (KnowinglyError, KeyboardInterrupt) as error:
        error.add_note(_state(table, last))
        raise
    return report


def _digest(table: Table) -> str:
    """What tells this file from any other: of all its bytes."""
    with table.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _name_events(batch: Batch, digest: str) -> None:
    """Give events without an id one that follows from the file and the line.

    So the same file, begun again after it was interrupted, is the same events again.
    """
    for line, row in zip(batch.lines, batch.rows, strict=True):
        row.setdefault("event_id", f"{digest}:{line}")


def _state(table: Table, last: int) -> str:
    """What is in, and what running the command again does."""
    name = table.path.name
    if last == 1:
        return f"nothing of {name} is in; run the command again"
    again = "rows that are in are replaced" if table.kind is ITEMS else "what is in is kept once"
    return f"{name} is in up to line {last} at least; when you run the command again, {again}"


def _bad_rows(shop: Shop, table: Table, batch: Batch) -> list[Refusal]:
    """Every row of a batch that the shop would refuse, by row of the batch."""
    good, bad = check_rows(table.kind.model, batch.rows, strict=False)
    return sorted(bad + _bad_events(shop, good), key=lambda one: one.row)


def _bad_events(shop: Shop, rows: Sequence[tuple[int, Any]]) -> list[Refusal]:
    """Events and orders of items that are not there, or dated in the future."""
    asked = [(row, value) for row, value in rows if isinstance(value, Event | Order)]
    items = shop.items.view().row_of if asked else {}
    latest_us = to_us(shop.now()) + shop.policy.intake.clock_skew_seconds * 1_000_000
    bad = []
    for row, value in asked:
        unknown = [field for field, item in _named(value) if item not in items]
        bad += [Refusal(row, field, "an item of this shop") for field in unknown]
        if not unknown and value.at is not None and not 0 <= to_us(value.at) <= latest_us:
            bad.append(Refusal(row, "at", "a time after 1970 that is not in the future"))
    return bad


def _named(value: Event | Order) -> list[tuple[str, str]]:
    """The items that it names, each with the field that does."""
    if isinstance(value, Event):
        return [("item", value.item)] if value.item is not None else []
    return [(f"lines.{place}.item", line.item) for place, line in enumerate(value.lines)]
