"""Proofs for outsiders: that an entry is in the log, and that a log only grew.

Each takes one read of stored nodes, whatever the size of the log.
"""

import base64
from collections.abc import Mapping, Sequence

from knowingly.ledger import merkle
from knowingly.ledger.merkle import Place
from knowingly.store import ledger as rows
from knowingly.store.doors import Snapshot

TLOG_PROOF = "c2sp.org/tlog-proof@v1"


def inclusion(snapshot: Snapshot, index: int, size: int) -> list[bytes]:
    """The hashes, leaf to root, that lead from entry ``index`` to the root at ``size``.

    Raises:
        ValueError: The log had no such entry at that size, or is smaller.
        LookupError: A node is missing: the log was tampered with.
    """
    _must_reach(snapshot, size)
    return _read(snapshot, merkle.inclusion_places(index, size))


def consistency(snapshot: Snapshot, old_size: int, size: int) -> list[bytes]:
    """The hashes that show the log of ``old_size`` to be the beginning of that of ``size``.

    Raises:
        ValueError: The old size is 0 or not the smaller one, or the log is smaller than both.
        LookupError: A node is missing: the log was tampered with.
    """
    _must_reach(snapshot, size)
    return _read(snapshot, merkle.consistency_places(old_size, size))


def root(snapshot: Snapshot, size: int) -> bytes:
    """The root that the log had at some size, 32 bytes.

    Raises:
        ValueError: The log is smaller.
        LookupError: A node is missing: the log was tampered with.
    """
    _must_reach(snapshot, size)
    if size == 0:
        return merkle.EMPTY_ROOT
    [found] = _read(snapshot, [merkle.perfect_subtrees(0, size)])
    return found


def tlog_proof(index: int, hashes: Sequence[bytes], checkpoint: str, *, extra: bytes = b"") -> str:
    """A proof as the text that verifiers of other make take too.

    Args:
        index: The entry's number.
        hashes: Its inclusion proof in the tree of the checkpoint.
        checkpoint: The signed checkpoint.
        extra: What a reader needs besides, such as the entry itself; nothing vouches for it.

    Source: https://c2sp.org/tlog-proof
    """
    lines = [TLOG_PROOF]
    if extra:
        lines.append(f"extra {base64.b64encode(extra).decode()}")
    lines.append(f"index {index}")
    lines += [base64.b64encode(one).decode() for one in hashes]
    return "\n".join([*lines, "", checkpoint])


def _must_reach(snapshot: Snapshot, size: int) -> None:
    if size > snapshot.head.ledger_size:
        raise ValueError("the log is smaller than that")


def _read(snapshot: Snapshot, places: Sequence[Sequence[Place]]) -> list[bytes]:
    stored = rows.nodes(snapshot, [place for part in places for place in part])
    return [_fold(stored, part) for part in places]


def _fold(stored: Mapping[Place, bytes], part: Sequence[Place]) -> bytes:
    return merkle.root([stored[place] for place in part])
