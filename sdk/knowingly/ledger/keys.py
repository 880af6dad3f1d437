"""The keys that signed a log, one after the other: each names the next, in an entry it signs."""

import json
from collections.abc import Mapping
from typing import Any

from knowingly.ledger import log
from knowingly.ledger.checkpoints import HoldsNoteKey
from knowingly.ledger.log import Entry, Seal
from knowingly.ledger.notes import NoteKey
from knowingly.ledger.signing import SIGNING_ROTATED, public_key, sign
from knowingly.store import key_acts
from knowingly.store.doors import Snapshot, Tx


def announce(tx: Tx, old: NoteKey, new: NoteKey, *, version: int, at_us: int, seal: Seal) -> Entry:
    """Let the old key name the new one, in the log and beside what was signed of other keys."""
    facts = {"origin": old.name, "by": old.verifier_key, "key": new.verifier_key}
    index = tx.head.ledger_size
    statement = {"act": SIGNING_ROTATED, "entry": index, "at_us": at_us, **facts}
    signature = sign(old.seed, statement)
    signed = {**facts, "signature": signature}
    entry = log.append(tx, SIGNING_ROTATED, at_us=at_us, seal=seal, facts=signed)
    document = {
        "statement": statement,
        "public_key": public_key(old.seed),
        "signature": signature,
    }
    key_acts.add(tx, SIGNING_ROTATED, str(version), json.dumps(document))
    return entry


def announcements(snapshot: Snapshot) -> list[Mapping[str, Any]]:
    """What was signed each time the key changed, oldest first."""
    found = key_acts.documents(snapshot, SIGNING_ROTATED)
    return [json.loads(found[name]) for name in sorted(found, key=int)]


def announced(snapshot: Snapshot) -> list[int]:
    """The numbers of the entries that name a new key, in order."""
    return sorted(int(one["statement"]["entry"]) for one in announcements(snapshot))


def every(snapshot: Snapshot, holder: HoldsNoteKey) -> list[str]:
    """The verifier keys of a log, oldest first; the last is in force."""
    said = [one["statement"] for one in announcements(snapshot)]
    if not said:
        return [holder.note_key(snapshot).verifier_key]
    return [said[0]["by"], *(one["key"] for one in said)]


def in_force(snapshot: Snapshot, holder: HoldsNoteKey, size: int) -> str:
    """The verifier key that signed checkpoints of a size."""
    said = [one["statement"] for one in announcements(snapshot)]
    before = [one["entry"] for one in said if one["entry"] < size]
    return every(snapshot, holder)[len(before)]
