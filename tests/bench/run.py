"""``tox run -e bench``: times, and ratios beside a peer or a bare baseline of the same run.

Nothing here is asserted: machines are noisy, and a figure means little without its neighbour.
"""

import argparse
import json
import platform
import sys
import tempfile
from pathlib import Path

import consent
import fitting
import forgetting
import intake
import inverse
import ledger
import pages
import volume
from rich.console import Console
from rich.table import Table


def main() -> None:
    """Run what was asked for and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10_000, 100_000], help="people, for volume"
    )
    parser.add_argument(
        "--on", choices=volume.KINDS, nargs="+", default=volume.KINDS, help="for volume"
    )
    parser.add_argument(
        "--logs", type=int, nargs="+", default=[100_000], help="entries of the log, for consent"
    )
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--ease-items", type=int, default=5_000, help="for ease")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the log, for ledger")
    parser.add_argument(
        "--only",
        choices=["pages", "forgetting", "fitting", "volume", "consent", "ledger", "ease"],
        help="one part of it",
    )
    parser.add_argument("--json", type=Path, help="write the figures there too")
    asked = parser.parse_args()
    console = Console(stderr=True)
    figures: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="knowingly-bench-") as folder:
        if asked.only in {None, "pages"}:
            place = Path(folder) / "pages"
            place.mkdir()
            figures += intake.measure(place, asked.people, asked.items, console)
            figures += pages.measure(place, asked.people, asked.items, console)
        if asked.only in {None, "forgetting"}:
            place = Path(folder) / "year"
            place.mkdir()
            figures += forgetting.measure(place, console)
        if asked.only in {None, "fitting"}:
            figures += fitting.measure(console)
        if asked.only in {None, "ease"}:
            place = Path(folder) / "ease"
            place.mkdir()
            figures += inverse.measure(place, asked.ease_items, console)
        if asked.only in {None, "volume"}:
            place = Path(folder) / "volume"
            figures += volume.measure(place, asked.sizes, asked.items, asked.on, console)
        if asked.only in {None, "consent"}:
            figures += consent.measure(Path(folder), asked.logs, console)
        if asked.only in {None, "ledger"}:
            figures += ledger.measure(Path(folder) / "ledger", asked.entries, console)
    table = Table("what", "measured", "beside", title=f"Python {platform.python_version()}")
    for row in figures:
        table.add_row(*row)
    Console(width=140).print(table)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    sys.exit(main())
