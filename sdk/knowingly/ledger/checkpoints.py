"""Checkpoints: the log's size and root, signed, for others to keep.

Source: https://c2sp.org/tlog-checkpoint
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from knowingly.domain.moments import from_us
from knowingly.ledger import merkle, verifier
from knowingly.ledger.notes import NoteKey
from knowingly.store import checkpoints as rows
from knowingly.store import shop as shop_rows
from knowingly.store.checkpoints import CheckpointRow
from knowingly.store.doors import Snapshot, Tx


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed of the log: ``text`` is for others to keep, the rest says what is in it.

    Stability: stable.
    """

    text: str
    origin: str
    size: int
    root: str
    at: datetime


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
    key, root = holder.note_key(snapshot), base64.b64encode(merkle.root(frontier)).decode()
    return key.signed(f"{key.name}\n{head.ledger_size}\n{root}\n")


def make(tx: Tx, holder: HoldsNoteKey, *, at_us: int) -> Checkpoint:
    """The checkpoint of the present size, kept so that it can be given again."""
    size = tx.head.ledger_size
    kept = rows.of_size(tx, size)
    if kept is None:
        kept = CheckpointRow(size, at_us, current(tx, holder), handed_on=False)
        rows.add(tx, kept)
    return as_checkpoint(kept)


def cosign(tx: Tx, holder: HoldsNoteKey) -> None:
    """Let the present key sign every kept checkpoint too: nothing in the log names it."""
    seed = holder.note_key(tx).seed
    for kept in list(rows.every(tx)):
        # Data that are being restored bear another name for as long.
        key = NoteKey(verifier.Checkpoint.parse(kept.note).origin, seed)
        rows.replace_note(tx, kept.size, key.cosigned(kept.note))


def as_checkpoint(row: CheckpointRow) -> Checkpoint:
    """The checkpoint that a stored row tells."""
    read = verifier.Checkpoint.parse(row.note)
    return Checkpoint(row.note, read.origin, read.size, read.root.hex(), from_us(row.at_us))
