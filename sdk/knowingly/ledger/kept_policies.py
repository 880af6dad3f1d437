"""Verification of the policies that are kept: those the log put into force, as they were written.

What a notice told people is found by reading these. Whoever could take one away, or write another,
could make yeses count for more than they were given for.
"""

import hashlib

from knowingly.errors import TamperedError
from knowingly.ledger.block import Block
from knowingly.ledger.canonical import parsed
from knowingly.store import policies
from knowingly.store.doors import Snapshot

Activated = dict[int, tuple[str, int]]
"""By entry: the digest of the policy it put into force, and when."""

_KIND = b'"kind":"policy.activated"'


def activated(block: Block) -> Activated:
    """The policies that entries put into force."""
    found = {}
    for index, leaf in block.holding(_KIND):
        said = parsed(leaf)
        # Entries of releases that did not keep policies say the digest alone.
        if said["kind"] == "policy.activated" and said.get("kept"):
            found[index] = (said["policy"], said["at"])
    return found


def check(snapshot: Snapshot, stated: Activated) -> None:
    """Compare what is kept with what the entries state.

    Raises:
        TamperedError: They differ.
    """
    stored = {row.idx: (row.digest, row.at_us) for row in policies.activations(snapshot)}
    if differing := stored.items() ^ stated.items():
        index = min(entry for entry, _ in differing)
        raise TamperedError("when policies came into force is not as it states", index=index)
    bodies = policies.bodies(snapshot)
    for index, (digest, _) in sorted(stated.items()):
        if not is_whole(digest, bodies.get(digest, "")):
            raise TamperedError("the policy it put into force is not as it was", index=index)
    if bodies.keys() - {digest for digest, _ in stated.values()}:
        raise TamperedError(
            "a policy is kept that no entry put into force", index=max(stated, default=0)
        )


def is_whole(digest: str, body: str) -> bool:
    """Whether a kept policy is the one of that digest."""
    return hashlib.sha256(body.encode()).hexdigest() == digest
