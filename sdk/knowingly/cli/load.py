"""``knowingly import``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from knowingly.cli.codes import Code
from knowingly.cli.csv_tables import EVENTS, recognise
from knowingly.cli.importing import Report, import_table, import_whole
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.cli.progress import reading
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
) -> None:
    """Read items and events from CSV files; say which rows were refused, and why.

    Items have the columns id, title, categories (separated by |), brand, price, in_stock, pinned,
    published_at; events have subject, kind, item, at, event_id, quantity, price, order.
    """
    # Every header is read first, and items go before the events that name them.
    tables = [recognise(path) for path in files]
    tables.sort(key=lambda table: table.kind is EVENTS)
    reports: list[Report] = []
    for table in tables:
        with reading(output, table.path.name, table.path.stat().st_size) as tell:
            put = import_whole if strict else import_table
            reports.append(put(shop, table, tell))
        _tell(output, reports[-1])
        if not reports[-1].written:
            break
    _finish(output, reports)


def _finish(output: Output, reports: Sequence[Report]) -> None:
    document: dict[str, Any] = {"files": [_as_document(report) for report in reports]}
    last = reports[-1]
    if not last.written:
        message = (
            f"{last.file} was refused whole, for {len(last.refused)} of its {last.rows} rows; "
            "nothing of it was written"
        )
        document["error"] = {"type": "InputError", "message": message}
        output.complain(message)
    output.document(document)
    if not last.written:
        raise typer.Exit(Code.FAILED)
    if any(report.refused for report in reports):
        raise typer.Exit(Code.SOME_REFUSED)


def _as_document(report: Report) -> dict[str, Any]:
    return {
        "file": report.file,
        "kind": report.kind,
        "written": report.written,
        "rows": report.rows,
        "kept": report.kept,
        "duplicates": report.duplicates,
        "dropped": dict(report.dropped),
        "refused": [
            {"line": one.row, "field": one.field, "expected": one.expected}
            for one in report.refused
        ],
        "refused_by_reason": dict(report.reasons()),
    }


def _tell(output: Output, report: Report) -> None:
    if report.written:
        dropped = sum(report.dropped.values())
        output.say(
            f"{report.file}: {report.kept:,} {report.kind} kept, "
            f"{report.duplicates:,} {_twice(report)}, "
            f"{dropped:,} dropped, {len(report.refused):,} refused, of {report.rows:,} rows"
        )
        for reason, rows in report.dropped.most_common():
            output.say(f"  dropped for want of consent ({reason}): {rows:,}")
    _tell_refused(output, report)


def _twice(report: Report) -> str:
    return "there already" if report.kind == EVENTS.name else "replaced by a later row"


def _tell_refused(output: Output, report: Report) -> None:
    if not report.refused:
        return
    rows = [(one.row, one.field, one.expected) for one in report.refused[:SHOWN]]
    output.table(("line", "field", "expected"), rows)
    if len(report.refused) > SHOWN:
        output.say(f"and {len(report.refused) - SHOWN:,} more; --json lists them all. By reason:")
        for reason, number in report.reasons().most_common():
            output.say(f"  {reason}: {number:,}")
