"""The proof of one entry, whole: the entry, where it is in the tree, and a checkpoint over it."""

from knowingly.errors import TamperedError
from knowingly.ledger import checkpoints, proofs, verifier
from knowingly.ledger.checkpoints import HoldsNoteKey
from knowingly.store import ledger as rows
from knowingly.store.doors import Snapshot


def entry_proof(snapshot: Snapshot, index: int, holder: HoldsNoteKey) -> str:
    """Text of the format ``c2sp.org/tlog-proof@v1``; the entry's bytes are its extra data.

    Raises:
        TamperedError: What is stored does not prove the entry.
    """
    size = snapshot.head.ledger_size
    note = checkpoints.current(snapshot, holder)
    leaf = rows.leaf_of(snapshot, index) or b""
    try:
        hashes = proofs.inclusion(snapshot, index, size)
    except (LookupError, ValueError):
        raise TamperedError("a node above it is missing", index=index) from None
    leads = verifier.is_included(
        verifier.leaf_hash(leaf),
        index=index,
        size=size,
        proof=hashes,
        root=verifier.Checkpoint.parse(note).root,
    )
    if not leads:
        raise TamperedError("it does not lead to the root; run audit verify", index=index)
    return proofs.tlog_proof(index, hashes, note, extra=leaf)
