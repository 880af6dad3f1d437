"""A bundle: the whole log in lines that a verifier reads once, from start to end.

First what there is, then the checkpoints, then every entry, as ``docs/reference/audit-bundle.md``
says. An entry's bytes stand in its line as they were hashed.
"""

import base64
import json
from collections import deque
from collections.abc import Iterator

from knowingly.ledger import checkpoints, keys, proofs, verifier
from knowingly.ledger.checkpoints import HoldsNoteKey
from knowingly.ledger.merkle import leaf_hash
from knowingly.store import checkpoints as rows
from knowingly.store import ledger as entries
from knowingly.store.doors import Snapshot


def lines(snapshot: Snapshot, holder: HoldsNoteKey) -> Iterator[bytes]:
    """The lines of a bundle of the log as this snapshot sees it.

    Raises:
        ValueError: A checkpoint is of more entries than there are: the log was tampered with.
        LookupError: A node is missing: the log was tampered with.
    """
    signed = _checkpoints(snapshot, holder)
    yield _line(
        {
            "format": verifier.FORMAT,
            "size": snapshot.head.ledger_size,
            "checkpoints": len(signed),
            "keys": keys.every(snapshot, holder),
        }
    )
    before = 0
    for size, note in signed:
        proof = proofs.consistency(snapshot, before, size) if before else []
        spelled = [base64.b64encode(one).decode() for one in proof]
        yield _line({"checkpoint": note, "consistency": spelled})
        before = size
    for index, leaf in entries.every_leaf(snapshot):
        yield b'[%d,"%s",%s]\n' % (index, base64.b64encode(leaf_hash(leaf)), leaf)


def _checkpoints(snapshot: Snapshot, holder: HoldsNoteKey) -> list[tuple[int, str]]:
    """The newest that a verifier takes, and one of the present size in any case."""
    kept = deque(
        ((one.size, one.note) for one in rows.every(snapshot)), maxlen=verifier.MAX_CHECKPOINTS - 1
    )
    size = snapshot.head.ledger_size
    if not kept or kept[-1][0] != size:
        kept.append((size, checkpoints.current(snapshot, holder)))
    return list(kept)


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
