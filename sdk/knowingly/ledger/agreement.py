"""The consent state says what the entries say: neither can be edited on its own."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from knowingly.domain.consent import MERGED
from knowingly.errors import TamperedError
from knowingly.ledger.block import Block
from knowingly.ledger.canonical import parsed
from knowingly.store import consents
from knowingly.store import ledger as rows
from knowingly.store.consents import MergedRows, StoredChoice
from knowingly.store.doors import Snapshot

_CONSENT = b'"kind":"consent.'
UNDER_AGE = "under_age"
"""The purposes of a grant, in its entry, that the person was too young to agree to alone."""


def block_agrees(snapshot: Snapshot, block: Block) -> None:
    """Entries, and the choices that name them, say the same.

    Every choice of a person who is not erased has its rows: a no cannot be deleted.

    Raises:
        TamperedError: Names the first entry of these that does not fit.
    """
    stored: defaultdict[int, list[StoredChoice]] = defaultdict(list)
    for row in consents.of_entries(snapshot, block.first, block.end):
        stored[row[0]].append(StoredChoice(*row))
    stated = [index for index, _ in block.holding(_CONSENT)]
    subjects = rows.subjects_of(snapshot, block.first, block.end) if stated else {}
    for index in sorted({*stated, *stored}):
        said = parsed(block.leaves[index - block.first])
        if not all(_same(said, one) for one in stored[index]):
            raise TamperedError("a consent record does not say what the entry says", index=index)
        if index in subjects and said["kind"].startswith("consent."):
            meant = {(subjects[index], purpose) for purpose in said["purposes"]}
            if {(one.subject, one.purpose) for one in stored[index]} != meant:
                raise TamperedError("its consent records are not those it states", index=index)


def rest_agrees(snapshot: Snapshot) -> None:
    """No choice names an entry that is not there, and merges are told as they were.

    Raises:
        TamperedError: Names an entry that does not fit.
    """
    lost = consents.without_entry(snapshot)
    if lost is not None:
        raise TamperedError("a consent record points at it and it is not there", index=lost)
    after = ""
    while merges := consents.merged(snapshot, after):
        _merged_are_told(snapshot, merges)
        after = merges[-1].scope


def _flaw(said: dict[str, Any], purpose: str) -> Any:  # noqa: ANN401 - as the entry has it
    """Why a grant cannot count for one of its purposes, by the entry."""
    return said.get("flaw") or (UNDER_AGE if purpose in said.get(UNDER_AGE, ()) else None)


def _same(said: dict[str, Any], row: StoredChoice) -> bool:
    return (
        said["kind"] == f"consent.{row.action}"
        and row.purpose in said["purposes"]
        and said["scope"] == row.scope.partition(":")[0]
        and said["chosen"] == row.at_us
        and said["at"] == row.received_us
        and said.get("notice") == row.notice
        and said.get("source") == row.source
        and row.flaw == _flaw(said, row.purpose)
        and (row.purpose in said.get("confirmed", ())) == bool(row.confirmed)
    )


def _merged_are_told(snapshot: Snapshot, merges: Sequence[MergedRows]) -> None:
    """A choice counts as history of a merge only if that merge's entry counts it.

    Otherwise an account's own no could be put out of force by giving it that scope.
    """
    named = [(one, _entry_of(one.scope)) for one in merges]
    leaves = rows.leaves_of(snapshot, [index for _, index in named])
    for one, index in named:
        leaf = leaves.get(index)
        said = parsed(leaf) if leaf is not None else {}
        if (
            said.get("kind") != "subject.merged"
            or said["choices"] != one.entries
            or one.last >= index
        ):
            raise TamperedError("it was not merged by the entry it names", index=one.first)


def _entry_of(scope: str) -> int:
    """The number of the entry that a merged choice's scope names; -1 where it names none."""
    last = scope.removeprefix(MERGED)
    # Longer numbers are no entry's, and no database takes them.
    return int(last) if last.isdecimal() and len(last) < 19 else -1
