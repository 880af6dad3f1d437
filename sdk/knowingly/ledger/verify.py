"""Verification: every stored byte is hashed again, and the state compared with what was logged."""

import json
from dataclasses import dataclass

from knowingly.domain.consent import MERGED
from knowingly.domain.progress import Counted
from knowingly.errors import TamperedError
from knowingly.ledger import kept_policies, merkle
from knowingly.store import consents
from knowingly.store import ledger as rows
from knowingly.store.doors import Snapshot

_ERASED = b'"kind":"erasure.done"'


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """A log whose bytes, tree and head agree.

    Stability: stable.
    """

    size: int
    root: str


def verify(snapshot: Snapshot, progress: Counted | None = None) -> VerifiedLog:
    """Hash every entry again and compare with the stored tree, head, consent state and policies.

    Raises:
        TamperedError: Names the first entry that does not fit.
    """
    size = snapshot.head.ledger_size
    frontier: list[bytes] = []
    expected = erased = 0
    activated: kept_policies.Activated = {}
    for index, leaf, stored in rows.leaves_with_hashes(snapshot):
        if index != expected:
            raise TamperedError("is missing from the log", index=expected)
        # SQLite would also hold text here.
        actual = merkle.leaf_hash(leaf) if isinstance(leaf, bytes) else None
        if actual is None or stored != actual:
            raise TamperedError("its bytes do not match its hash", index=index)
        erased += _details_erased(leaf)
        activated |= kept_policies.activated(index, leaf)
        for level, position, node in merkle.grow(index, frontier, [actual]):
            if level and rows.node(snapshot, level, position) != node:
                raise TamperedError("an inner node above it was changed", index=index)
        expected += 1
        if progress and expected % 10_000 == 0:
            progress(expected, size)
    if expected != size:
        raise TamperedError(
            "the log ends before the size its head states", index=min(expected, size)
        )
    if merkle.pack(frontier) != snapshot.head.ledger_frontier:
        raise TamperedError("the head does not match the entries", index=max(size - 1, 0))
    _consents_match(snapshot)
    _choices_are_there(snapshot)
    _merged_are_told(snapshot)
    kept_policies.check(snapshot, activated)
    without = rows.without_details(snapshot)
    if len(without) != erased:
        raise TamperedError(
            "details are gone that no erasure removed", index=min(without, default=0)
        )
    return VerifiedLog(size, merkle.root(frontier).hex())


def _details_erased(leaf: bytes) -> int:
    """How many entries lost their details in the erasure that an entry records."""
    if _ERASED not in leaf:
        return 0
    said = json.loads(leaf)
    removed = said["removed"] if said["kind"] == "erasure.done" else {}
    return int(removed.get("ledger_details", 0))


def _choices_are_there(snapshot: Snapshot) -> None:
    """Every choice of a person who is not erased has its rows: a no cannot be deleted."""
    stored = consents.by_entry(snapshot)
    for index, leaf, subject in rows.leaves_with_subjects(snapshot):
        if b'"kind":"consent.' not in leaf:
            continue
        said = json.loads(leaf)
        if said["kind"].startswith("consent."):
            meant = {(subject, purpose) for purpose in said["purposes"]}
            if stored.get(index, set()) != meant:
                raise TamperedError("its consent records are not those it states", index=index)


def _merged_are_told(snapshot: Snapshot) -> None:
    """A choice counts as history of a merge only if that merge's entry counts it.

    Otherwise an account's own no could be put out of force by giving it that scope.
    """
    for scope, indices in consents.merged(snapshot).items():
        last = scope.removeprefix(MERGED)
        merge = int(last) if last.isdecimal() else -1
        leaf = dict(rows.leaves(snapshot, merge, 1)).get(merge)
        said = json.loads(leaf) if leaf is not None else {}
        if (
            said.get("kind") != "subject.merged"
            or said["choices"] != len(indices)
            or max(indices) >= merge
        ):
            raise TamperedError("it was not merged by the entry it names", index=min(indices))


def _consents_match(snapshot: Snapshot) -> None:
    """Every consent row must say what its ledger entry says: state cannot be edited on its own."""
    for index, leaf, row in consents.with_leaves(snapshot):
        if leaf is None:
            raise TamperedError("a consent record points at it and it is not there", index=index)
        said = json.loads(leaf)
        same = (
            said["kind"] == f"consent.{row.action}"
            and (row.purpose in said["purposes"])
            and said["scope"] == row.scope.partition(":")[0]
            and said["chosen"] == row.at_us
            and said["at"] == row.received_us
            and said.get("notice") == row.notice
            and said.get("source") == row.source
            and said.get("flaw") == row.flaw
            and (row.purpose in said.get("confirmed", ())) == bool(row.confirmed)
        )
        if not same:
            raise TamperedError("a consent record does not say what the entry says", index=index)
