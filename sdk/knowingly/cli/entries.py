"""Entries of the log as rows of a listing."""

from collections.abc import Iterable, Iterator

from knowingly.cli.listing import Row
from knowingly.ledger.log import Entry
from knowingly.ledger.opened import OpenedEntry

LEAVES = ("entry", "at", "kind", "facts")
OPENED = ("entry", "at", "kind", "by", "who", "surface", "method", "jurisdiction", "facts")


def leaf_rows(entries: Iterable[Entry]) -> Iterator[Row]:
    """What the leaves say; they name no person."""
    for one in entries:
        yield {"entry": one.index, "at": one.at, "kind": one.kind, "facts": dict(one.facts)}


def opened_rows(entries: Iterable[OpenedEntry]) -> Iterator[Row]:
    """What the leaves say, with how it came about."""
    for one in entries:
        how = {name: one.detail(name) for name in ("by", "surface", "method", "jurisdiction")}
        yield {
            "entry": one.index,
            "at": one.at,
            "kind": one.kind,
            "facts": dict(one.facts),
            **how,
            "who": one.who,
        }
