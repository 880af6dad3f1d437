"""Appending: the leaf that stays, and the details that can be erased.

A leaf names no person: it has a fresh random handle and a commitment to the details, made with a
random key that lies beside them. When the details are erased, nothing leads from the leaf back.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from knowingly.domain.moments import from_us
from knowingly.ledger import merkle
from knowingly.ledger.canonical import canonical
from knowingly.store import ledger as rows
from knowingly.store.doors import Snapshot, Tx

Seal = Callable[[str, bytes, bytes], bytes]
"""Seals ``(table, row, plain)``; a subject's cipher, or the tenant's own for staff acts."""

DETAILS = "ledger_details"
SECRET_BYTES = 32


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
    """Add one entry in the transaction of the change it records.

    Args:
        tx: The transaction that also changes the state.
        kind: What happened, such as ``consent.grant``.
        at_us: When it was recorded, microseconds since 1970.
        seal: Seals the details.
        facts: What stands in the leaf for ever: no personal value.
        details: What can be erased: sealed, and only committed to in the leaf.
        subject: The row of the person the details belong to, or None for staff acts.
    """
    index = tx.head.ledger_size
    secret = os.urandom(SECRET_BYTES)
    private = canonical(details or {})
    leaf = canonical(
        {
            **(facts or {}),
            "v": 1,
            "kind": kind,
            "at": at_us,
            "handle": os.urandom(16).hex(),
            "commit": commitment(secret, private),
        }
    )
    frontier = merkle.unpack(index, tx.head.ledger_frontier)
    nodes = list(merkle.grow(index, frontier, [merkle.leaf_hash(leaf)]))
    body = seal(DETAILS, row_name(index), secret + private)
    rows.add(tx, index, leaf, nodes, subject=subject, details=body)
    tx.head.ledger_size = index + 1
    tx.head.ledger_frontier = merkle.pack(frontier)
    return as_entry(index, leaf)


def commitment(secret: bytes, private: bytes) -> str:
    """The keyed commitment to an entry's details, hex."""
    return hmac.new(secret, private, hashlib.sha256).hexdigest()


def as_entry(index: int, leaf: bytes) -> Entry:
    """The entry that stored leaf bytes tell."""
    value = json.loads(leaf)
    known = {"v", "kind", "at", "handle", "commit"}
    facts = {name: part for name, part in value.items() if name not in known}
    return Entry(
        index,
        value["kind"],
        from_us(value["at"]),
        value["handle"],
        merkle.leaf_hash(leaf).hex(),
        facts,
    )


def entries(snapshot: Snapshot, *, since: int = 0, limit: int = 100) -> list[Entry]:
    """Entries from index ``since`` on, at most ``limit``."""
    return [as_entry(index, leaf) for index, leaf in rows.leaves(snapshot, since, limit)]
