"""Verification: every stored byte is hashed again, and the state compared with what was logged.

The log is read in blocks that are subtrees: each is hashed level by level and compared with the
stored nodes of that level in one read, so that the time goes into hashing.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from knowingly.domain.progress import Counted
from knowingly.errors import TamperedError
from knowingly.ledger import kept_policies, merkle, proofs, signers, verifier
from knowingly.ledger.agreement import block_agrees, rest_agrees
from knowingly.ledger.block import Block
from knowingly.ledger.canonical import parsed
from knowingly.store import checkpoints
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


def verify(
    snapshot: Snapshot,
    progress: Counted | None = None,
    *,
    strict: bool = False,
    known: signers.KnownKey | None = None,
) -> VerifiedLog:
    """Hash every entry again and compare with the stored tree, head, checkpoints and state.

    The state is the choices of people and the policies that were in force.

    Args:
        snapshot: The log as it is now.
        progress: Told how many entries are done, of how many.
        known: A key that is known from elsewhere: it must vouch for the kept checkpoints. Who
            signed them is not asked where none is known.
        strict: Also read every entry, and refuse one that is not canonical JSON with the fields
            that each has. Slower by some times; what is stored was written so.

    Raises:
        TamperedError: Names the first entry that does not fit.
    """
    size = snapshot.head.ledger_size
    walk, erased = _Walk(snapshot), 0
    activated: kept_policies.Activated = {}
    for block in walk.blocks():
        if strict:
            _are_canonical(block)
        try:
            block_agrees(snapshot, block)
            activated |= kept_policies.activated(block)
            erased += sum(_details_erased(leaf) for _, leaf in block.holding(_ERASED))
        except (ValueError, KeyError, TypeError, AttributeError):
            # One of them does not read as an entry, though the tree fits it: this names it.
            _are_canonical(block)
            raise
        if progress:
            progress(walk.done, size)
    if walk.done != size:
        raise TamperedError(
            "the log ends before the size its head states", index=min(walk.done, size)
        )
    if merkle.pack(walk.frontier) != snapshot.head.ledger_frontier:
        raise TamperedError("the head does not match the entries", index=max(size - 1, 0))
    rest_agrees(snapshot)
    kept_policies.check(snapshot, activated)
    if rows.count_details(snapshot) + erased != size:
        lost = rows.first_without_details(snapshot)
        raise TamperedError("details are gone that no erasure removed", index=lost or 0)
    _checkpoints_agree(snapshot)
    if known is not None:
        signers.check(snapshot, known)
    return VerifiedLog(size, merkle.root(walk.frontier).hex())


class _Walk:
    """The entries from first to last, hashed and compared with the tree."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._block_level = rows.BLOCK.bit_length() - 1
        self.done = 0
        self.frontier: list[bytes] = []

    def blocks(self) -> Iterator[Block]:
        """Block by block, once it was compared.

        Raises:
            TamperedError: Names the first entry that does not fit.
        """
        after = rows.BEFORE_ALL
        while stored := rows.block(self._snapshot, after):
            after = stored[-1][0]
            leaves = self._in_order(stored)
            self._compare(_leaf_level(leaves))
            self.done += len(leaves)
            if len(leaves) < len(stored):
                self._broken(stored[len(leaves)])
            yield Block(self.done - len(leaves), leaves)

    def _in_order(self, stored: Sequence[tuple[int, bytes]]) -> Sequence[bytes]:
        """The leaves up to one that is missing, or is no bytes."""
        found, leaves = zip(*stored, strict=True)
        # They come in order, each once: whole numbers from this to that are all there are between.
        ends = (self.done, self.done + len(found) - 1)
        if (found[0], found[-1]) == ends and _are(int, found) and _are(bytes, leaves):
            return leaves
        whole = takewhile(
            lambda one: one[1][0] == one[0] and _are(bytes, one[1][1:]),
            enumerate(stored, self.done),
        )
        return [leaf for _, (_, leaf) in whole]

    def _broken(self, stored: tuple[int, bytes]) -> None:
        if stored[0] != self.done:
            raise TamperedError("is missing from the log", index=self.done)
        raise TamperedError("its bytes do not match its hash", index=self.done)

    def _compare(self, hashes: list[bytes]) -> None:
        """Fold the hashes of a block, level by level, into the tree so far."""
        position = self.done
        faults: list[_Fault] = []
        ragged: list[bytes] = []
        for level in range(self._block_level + 1):
            faults += self._faults(level, position, hashes)
            if len(hashes) & 1 and level < self._block_level:
                ragged.append(hashes.pop())
            if level == self._block_level or not hashes:
                break
            hashes, position = _level_above(hashes), position >> 1
        if faults:
            raise min(faults).error()
        self.frontier += reversed(ragged)
        for top in hashes:
            self._join(top, position)

    def _join(self, node: bytes, position: int) -> None:
        """Put a whole block's root beside those before it, up to where they make no pair."""
        level = self._block_level
        while position & 1:
            node = merkle.node_hash(self.frontier.pop(), node)
            level, position = level + 1, position >> 1
            for fault in self._faults(level, position, [node]):
                raise fault.error()
        self.frontier.append(node)

    def _faults(self, level: int, position: int, hashes: Sequence[bytes]) -> "list[_Fault]":
        """The first stored node of a level that is another, if one is."""
        bad = rows.first_other(self._snapshot, level, position, hashes)
        return [] if bad is None else [_Fault(((bad + 1) << level) - 1, level)]


def _are(kind: type, values: Sequence[object]) -> bool:
    """Whether all are of this type: SQLite would hold any in any column."""
    return set(map(type, values)) == {kind}


class _Fault(NamedTuple):
    """A stored node that is another, by the last entry below it; entry by entry, leaves first."""

    entry: int
    level: int

    def error(self) -> TamperedError:
        words = "its bytes do not match its hash"
        if self.level:
            words = "an inner node above it was changed"
        return TamperedError(words, index=self.entry)


# Written out, without a call for each hash: these two are where the time goes.
def _leaf_level(leaves: Sequence[bytes]) -> list[bytes]:
    sha256 = hashlib.sha256
    return [sha256(b"\x00" + leaf).digest() for leaf in leaves]


def _level_above(hashes: list[bytes]) -> list[bytes]:
    sha256 = hashlib.sha256
    pairs = zip(hashes[::2], hashes[1::2], strict=True)
    return [sha256(b"\x01" + left + right).digest() for left, right in pairs]


def _are_canonical(block: Block) -> None:
    for index, leaf in enumerate(block.leaves, block.first):
        try:
            verifier.read_entry(leaf)
        except verifier.VerificationError as error:
            raise TamperedError(error.why, index=index) from None


def _details_erased(leaf: bytes) -> int:
    """How many entries lost their details in the erasure that an entry records."""
    said = parsed(leaf)
    removed = said["removed"] if said["kind"] == "erasure.done" else {}
    return int(removed.get("ledger_details", 0))


def _checkpoints_agree(snapshot: Snapshot) -> None:
    """The checkpoints that were kept are of this log; who signed them is asked after."""
    good = 0
    for one in checkpoints.every(snapshot):
        try:
            said = verifier.Checkpoint.parse(one.note)
        except verifier.VerificationError:
            raise TamperedError(
                f"what is kept as the checkpoint of size {one.size} is none", index=good
            ) from None
        if said.size != one.size or not holds(snapshot, said):
            raise TamperedError(
                f"the checkpoint of size {one.size} is not of the entries there are", index=good
            )
        good = one.size


def holds(snapshot: Snapshot, checkpoint: verifier.Checkpoint) -> bool:
    """Whether the log begins with the entries of a checkpoint; its nodes were verified before."""
    if not 0 < checkpoint.size <= snapshot.head.ledger_size:
        return False
    return proofs.root(snapshot, checkpoint.size) == checkpoint.root
