"""Step 6: verify the ledger, then change one byte of a copy and verify that."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.markup import escape

from knowingly import TamperedError
from knowingly.demo.erase import copy_database
from knowingly.demo.stage import Stage, Told, expect, open_shop
from knowingly.demo.teller import plural

CHANGED = "tampered"


def verify(stage: Stage) -> Told:
    """Verify the shop's own log, and a copy with one byte changed."""
    started = time.perf_counter()
    log = stage.shop.audit.verify()
    milliseconds = (time.perf_counter() - started) * 1_000
    stage.teller.say(
        f"Every choice and every act of governance above is an entry in an append-only log: "
        f"{plural(log.size, 'entry', 'entries')}, verified in {milliseconds:,.0f} ms. Root: "
        f"{log.root[:32]}…"
    )
    tampered = _tamper(stage, log.size // 2)
    return Told(
        f"{plural(log.size, 'entry', 'entries')} in {milliseconds:,.0f} ms; one changed byte found "
        f"at entry {tampered['found_at']:,}",
        {"entries": log.size, "root": log.root, "milliseconds": milliseconds, "tampered": tampered},
    )


def _tamper(stage: Stage, index: int) -> dict[str, Any]:
    path = stage.site.data(CHANGED)
    copy_database(stage.site.data(), path)
    place = _flip(path, index)
    found, said = -1, ""
    with open_shop(stage.site, stage.now, data=path) as shop:
        try:
            shop.audit.verify()
        except TamperedError as error:
            found, said = error.index, str(error)
    expect(found == index, "the changed entry is found")
    stage.teller.say(
        f"In a copy ({path.name}) byte {place} of entry {index:,} is changed, and nothing else. "
        f"Verification says: [bold red]{escape(said)}[/bold red]."
    )
    stage.teller.say(
        "Whoever holds this machine could still rewrite the whole log, hashes and all. It is "
        "evidence against that from the moment its size and root have been noted somewhere else."
    )
    return {"changed_entry": index, "changed_byte": place, "found_at": found}


def _flip(path: Path, index: int) -> int:
    """Change one byte in the middle of one entry; which."""
    with closing(sqlite3.connect(path)) as connection:
        entry = "FROM ledger_entries WHERE idx = ?"
        leaf = bytearray(connection.execute(f"SELECT leaf {entry}", (index,)).fetchone()[0])
        place = len(leaf) // 2
        leaf[place] ^= 1
        connection.execute("UPDATE ledger_entries SET leaf = ? WHERE idx = ?", (bytes(leaf), index))
        connection.commit()
    return place
