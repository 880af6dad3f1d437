"""Checkpoints: the log's size and root, signed, for others to keep.

Source: https://c2sp.org/tlog-checkpoint
"""

import base64
from typing import Protocol

from knowingly.ledger import merkle, proofs
from knowingly.ledger.notes import NoteKey
from knowingly.store import shop as shop_rows
from knowingly.store.doors import Snapshot


class HoldsNoteKey(Protocol):
    """Who signs: a tenant."""

    def note_key(self, snapshot: Snapshot) -> NoteKey:
        """The key in force as this snapshot or transaction sees it."""
        ...  # pragma: no cover - a shape


def origin(snapshot: Snapshot) -> str:
    """The log's name for the world: it says which log it is, and not whose.

    The tenant's number rather than its name, which may be that of a merchant: a hash of a name
    could be found by trying names.
    """
    return f"knowingly/{shop_rows.data_shop(snapshot.connection)}/{snapshot.tenant}"


def current(snapshot: Snapshot, holder: HoldsNoteKey) -> str:
    """The checkpoint of the log as this snapshot or transaction sees it, signed.

    Made in a transaction, it may leave the shop only once that is committed.
    """
    head = snapshot.head
    frontier = merkle.unpack(head.ledger_size, head.ledger_frontier)
    return _signed(snapshot, holder, head.ledger_size, merkle.root(frontier))


def at(snapshot: Snapshot, holder: HoldsNoteKey, size: int) -> str:
    """The checkpoint of an earlier size, signed with the key of today.

    Raises:
        ValueError: The log is smaller.
        LookupError: A node is missing: the log was tampered with.
    """
    return _signed(snapshot, holder, size, proofs.root(snapshot, size))


def _signed(snapshot: Snapshot, holder: HoldsNoteKey, size: int, root: bytes) -> str:
    key = holder.note_key(snapshot)
    return key.signed(f"{key.name}\n{size}\n{base64.b64encode(root).decode()}\n")
