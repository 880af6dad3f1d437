"""Appending: the leaf that stays, and the details that can be erased.

A leaf names no person: it has a fresh random handle and a commitment to the details, made with a
random key that lies beside them. When the details are erased, nothing leads from the leaf back.
"""

import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from knowingly.domain.actor import ACTOR, Actor
from knowingly.domain.moments import from_us
from knowingly.errors import LedgerError
from knowingly.ledger import merkle
from knowingly.ledger.canonical import canonical, parsed
from knowingly.store import ledger as rows
from knowingly.store.doors import Snapshot, Tx

Seal = Callable[[str, bytes, bytes], bytes]
"""Seals ``(table, row, plain)``; a subject's cipher, or the tenant's own for staff acts."""

DETAILS = "ledger_details"
SECRET_BYTES = 32
_FRAME = frozenset({"v", "kind", "at", "handle", "commit"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log, as its leaf tells it.

    Stability: stable.
    """

    index: int
    kind: str
    at: datetime
    handle: str
    leaf_hash: str
    facts: Mapping[str, Any]


def row_name(index: int) -> bytes:
    """The place of an entry's details, for sealing."""
    return index.to_bytes(8, "big")


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be added.

    ``kind`` is what happened, such as ``consent.grant``; ``at_us`` when it was recorded. ``facts``
    stand in the leaf for ever and hold no personal value; ``details`` can be erased: ``seal``
    seals them and the leaf only commits to them; who acts through the transaction is added to them.
    ``subject`` is the row of the person they belong
    to, or None for staff acts.
    """

    kind: str
    at_us: int
    seal: Seal
    facts: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    subject: int | None = None


def append(
    tx: Tx,
    kind: str,
    *,
    at_us: int,
    seal: Seal,
    facts: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
    subject: int | None = None,
) -> Entry:
    """Add one entry in the transaction of the change it records; see ``Draft``."""
    return append_many(tx, [Draft(kind, at_us, seal, facts or {}, details or {}, subject)])[0]


def append_many(tx: Tx, drafts: Sequence[Draft]) -> list[Entry]:
    """Add entries in the transaction of the changes they record."""
    first = tx.head.ledger_size
    leaves, kept = [], []
    handles = [os.urandom(16).hex() for _ in drafts]
    for index, draft in enumerate(drafts, first):
        secret, private = os.urandom(SECRET_BYTES), canonical(_told(draft.details, tx.actor))
        leaves.append(_leaf(draft, handles[index - first], commitment(secret, private)))
        kept.append((draft.subject, draft.seal(DETAILS, row_name(index), secret + private)))
    try:
        frontier = merkle.unpack(first, tx.head.ledger_frontier)
    except ValueError as error:
        raise LedgerError(f"the log cannot go on: {error}; run audit verify") from None
    hashes = list(map(merkle.leaf_hash, leaves))
    nodes = list(merkle.grow(first, frontier, hashes))
    rows.add(tx, first, leaves, nodes, kept)
    tx.head.ledger_size = first + len(leaves)
    tx.head.ledger_frontier = merkle.pack(frontier)
    # As each leaf tells it, without reading what was just written.
    return [
        Entry(index, draft.kind, from_us(draft.at_us), handle, leaf_hash.hex(), _facts(draft.facts))
        for index, (draft, handle, leaf_hash) in enumerate(
            zip(drafts, handles, hashes, strict=True), first
        )
    ]


def _told(details: Mapping[str, Any], actor: Actor | None) -> dict[str, Any]:
    """What is said of an act, with what kind of actor did it and, where one is named, who."""
    said = {"by": "system", **details}
    return said if actor is None else {**said, ACTOR: actor.details()}


def _leaf(draft: Draft, handle: str, commit: str) -> bytes:
    own = {"v": 1, "kind": draft.kind, "at": draft.at_us, "handle": handle, "commit": commit}
    return canonical({**draft.facts, **own})


def commitment(secret: bytes, private: bytes) -> str:
    """The keyed commitment to an entry's details, hex."""
    return hmac.digest(secret, private, "sha256").hex()


def as_entry(index: int, leaf: bytes) -> Entry:
    """The entry that stored leaf bytes tell."""
    value = parsed(leaf)
    return Entry(
        index,
        value["kind"],
        from_us(value["at"]),
        value["handle"],
        merkle.leaf_hash(leaf).hex(),
        _facts(value),
    )


def _facts(said: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry says beside what every entry has."""
    return {name: part for name, part in said.items() if name not in _FRAME}


def entries(snapshot: Snapshot, *, since: int = 0, limit: int = 100) -> list[Entry]:
    """Entries from index ``since`` on, at most ``limit``."""
    return [as_entry(index, leaf) for index, leaf in rows.leaves(snapshot, since, limit)]
