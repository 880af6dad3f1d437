"""``knowingly import``."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from knowingly.cli.codes import Code
from knowingly.cli.failing import CommandError
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.cli.private_file import private_file
from knowingly.cli.progress import reading
from knowingly.importing.mapping import SHIPPED, load_mapping
from knowingly.importing.report import ImportReport
from knowingly.importing.tables import ITEMS, recognise
from knowingly.shop import Shop

SHOWN = 20


@shop_command
def import_files(
    shop: Shop,
    output: Output,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", exists=True, dir_okay=False)],
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a whole file when one of its rows is bad.")
    ] = False,
    *,
    mapping: Annotated[
        str | None,
        typer.Option(
            "--mapping",
            metavar="FILE|NAME",
            help=f"Which column is which field: a file, or one of {', '.join(SHIPPED)}.",
        ),
    ] = None,
    refused: Annotated[
        Path | None,
        typer.Option("--refused", metavar="FILE", help="Write the refused rows to a new CSV file."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row and write nothing.")
    ] = False,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Read from the start what an earlier import began."),
    ] = False,
) -> None:
    """Read items, events, orders and old choices from CSV, JSON lines or Parquet.

    Without a mapping the columns are the fields. Items have id, title, categories (separated by |),
    brand, price, in_stock, pinned, published_at and more; events have subject, kind, item, at,
    event_id, quantity, price, order.

    An import that was stopped goes on where it was when the same command is given again.
    """
    how = None if mapping is None else load_mapping(mapping)
    # Every header is read first, and items go before the events that name them.
    tables = [recognise(path, how) for path in files]
    tables.sort(key=lambda table: table.kind is not ITEMS)
    reports: list[ImportReport] = []
    # Made before anything is written, so that an import does not end without its report.
    with private_file(refused) if refused else nullcontext(None) as write:
        for table in tables:
            with _told_when_interrupted(), reading(output) as tell:
                report = shop.import_file(
                    table.path,
                    mapping=mapping,
                    strict=strict,
                    dry_run=dry_run,
                    restart=restart,
                    progress=tell,
                )
            reports.append(report)
            _tell(output, reports[-1], dry_run=dry_run)
            if not reports[-1].written and not dry_run:
                break
        if write is not None:
            write(_as_csv(reports))
    _finish(output, reports, dry_run=dry_run)


@contextmanager
def _told_when_interrupted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as stopped:
        state = "; ".join(getattr(stopped, "__notes__", ()))
        raise CommandError(f"interrupted: {state}", code=Code.INTERRUPTED) from None


def _as_csv(reports: Sequence[ImportReport]) -> str:
    """Where each refused row is and what was expected there; never what stood there."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "line", "field", "expected"))
    for report in reports:
        writer.writerows((report.file, one.row, one.field, one.expected) for one in report.refused)
    return text.getvalue().rstrip("\n")


def _finish(output: Output, reports: Sequence[ImportReport], *, dry_run: bool) -> None:
    document: dict[str, Any] = {"files": [_as_document(report) for report in reports]}
    last = reports[-1]
    whole = last.written or dry_run
    if not whole:
        message = (
            f"{last.file} was refused whole, for {len(last.refused)} of its {last.rows} rows; "
            "nothing of it was written"
        )
        document["error"] = {"type": "InputError", "message": message}
        output.complain(message)
    output.document(document)
    if not whole:
        raise typer.Exit(Code.FAILED)
    if any(report.refused for report in reports):
        raise typer.Exit(Code.SOME_REFUSED)


def _as_document(report: ImportReport) -> dict[str, Any]:
    return {
        "file": report.file,
        "kind": report.kind,
        "written": report.written,
        "rows": report.rows,
        "resumed_after": report.resumed_after,
        "kept": report.kept,
        "duplicates": report.duplicates,
        "dropped": dict(report.dropped),
        "evidence": dict(report.evidence),
        "weak": report.weak,
        "refused": [
            {"line": one.row, "field": one.field, "expected": one.expected}
            for one in report.refused
        ],
        "refused_by_reason": dict(report.reasons()),
        "unread_columns": list(report.unread),
    }


def _tell(output: Output, report: ImportReport, *, dry_run: bool) -> None:
    if report.unread:
        columns = ", ".join(report.unread[:SHOWN])
        more = " …" if len(report.unread) > SHOWN else ""
        output.say(f"{report.file}: {len(report.unread)} columns are not read: {columns}{more}")
    if report.resumed_after:
        output.say(f"{report.file}: went on after line {report.resumed_after:,}")
    if dry_run:
        output.say(
            f"{report.file}: {len(report.refused):,} of {report.rows:,} {report.kind} would be "
            "refused; nothing was written"
        )
    elif report.written:
        dropped = sum(report.dropped.values())
        output.say(
            f"{report.file}: {report.kept:,} {report.kind} kept, "
            f"{report.duplicates:,} {_twice(report)}, "
            f"{dropped:,} dropped, {len(report.refused):,} refused, of {report.rows:,} rows"
        )
        for reason, rows in report.dropped.most_common():
            output.say(f"  dropped for want of consent ({reason}): {rows:,}")
        for quality, rows in report.evidence.most_common():
            output.say(f"  evidence {quality}: {rows:,}")
        if report.weak:
            output.say(f"  a yes that grants nothing, for want of evidence: {report.weak:,}")
    _tell_refused(output, report)


def _twice(report: ImportReport) -> str:
    return "replaced by a later row" if report.kind == ITEMS.name else "there already"


def _tell_refused(output: Output, report: ImportReport) -> None:
    if not report.refused:
        return
    rows = [(one.row, one.field, one.expected) for one in report.refused[:SHOWN]]
    output.table(("line", "field", "expected"), rows)
    if len(report.refused) > SHOWN:
        output.say(f"and {len(report.refused) - SHOWN:,} more; --json lists them all. By reason:")
        for reason, number in report.reasons().most_common():
            output.say(f"  {reason}: {number:,}")
