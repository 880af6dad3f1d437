"""The keys that signed a log, for whoever holds one of them: each change is an entry, proved.

Whoever holds an earlier key follows the signatures: each key signed the entry that names the next.
Whoever holds a later one goes by the proofs: the newest key vouches for a log with these entries.
"""

import base64
import json

from knowingly.errors import TamperedError
from knowingly.ledger import checkpoints, keys, proofs, verifier
from knowingly.ledger.checkpoints import HoldsNoteKey
from knowingly.store import ledger as rows
from knowingly.store.doors import Snapshot


def key_chain(snapshot: Snapshot, holder: HoldsNoteKey) -> str:
    """The document that a verifier is given beside a proof from before a change of keys.

    Raises:
        TamperedError: What is stored does not prove an entry that names a key.
    """
    size, indices = snapshot.head.ledger_size, keys.announced(snapshot)
    leaves = rows.leaves_of(snapshot, indices)
    rotations = []
    for index in indices:
        try:
            hashes = proofs.inclusion(snapshot, index, size)
            entry = leaves[index].decode("ascii")
        except (LookupError, ValueError):
            raise TamperedError("it should name a key, or a node is missing", index=index) from None
        spelled = [base64.b64encode(one).decode() for one in hashes]
        rotations.append({"index": index, "entry": entry, "inclusion": spelled})
    note = checkpoints.current(snapshot, holder)
    return json.dumps(
        {"format": verifier.KEY_CHAIN, "checkpoint": note, "rotations": rotations}, indent=1
    )
