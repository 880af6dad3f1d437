"""Bundles for the tests: read into parts, changed, and put together again."""

import base64
import json

from knowingly.ledger import verifier
from knowingly.ledger.verifier import Tree, leaf_hash


def leaves_of(bundle: bytes) -> list[bytes]:
    """The entries' bytes, as they stand in their lines."""
    lines = [line for line in bundle.splitlines() if line.startswith(b"[")]
    return [line[line.index(b'",') + 2 : -1] for line in lines]


def head_of(bundle: bytes) -> list[bytes]:
    """The lines before the first entry."""
    return [line for line in bundle.splitlines() if not line.startswith(b"[")]


def entry_line(index: int, leaf: bytes) -> bytes:
    """An entry's line, with the hash that its bytes have."""
    return b'[%d,"%s",%s]' % (index, base64.b64encode(leaf_hash(leaf)), leaf)


def joined(head: list[bytes], entries: list[bytes]) -> bytes:
    return b"\n".join([*head, *entries]) + b"\n"


def renumbered(head: list[bytes], leaves: list[bytes]) -> bytes:
    """A bundle whose lines are right, each by itself."""
    return joined(head, [entry_line(index, leaf) for index, leaf in enumerate(leaves)])


def forged(leaves: list[bytes], key) -> bytes:
    """What the owner of the key can make of any entries: a bundle in which all fits."""
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf_hash(leaf))
    root = base64.b64encode(tree.root()).decode()
    note = key.signed(f"{key.name}\n{len(leaves)}\n{root}\n")
    head = {
        "format": verifier.FORMAT,
        "size": len(leaves),
        "checkpoints": 1,
        "keys": [key.verifier_key],
    }
    lines = [head, {"checkpoint": note, "consistency": []}]
    return renumbered([json.dumps(line).encode() for line in lines], leaves)


def changed(leaf: bytes) -> bytes:
    """Another entry, canonical too."""
    said = json.loads(leaf)
    said["at"] += 1
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
