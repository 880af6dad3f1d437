"""RFC 6962 tree hashing, kept as the frontier of a growing tree.

The frontier is the list of roots of the perfect subtrees that the leaves so far fall into, largest
first: one 32-byte hash for each 1 in the binary form of the size. Appending needs nothing else.

Source: RFC 6962 section 2.1 (the same as RFC 9162 section 2.1).
"""

import hashlib
from collections.abc import Iterable, Iterator

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry's stored bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grow(
    size: int, frontier: list[bytes], leaves: Iterable[bytes]
) -> Iterator[tuple[int, int, bytes]]:
    """Append leaf hashes to a tree of ``size`` leaves, changing ``frontier`` in place.

    Yields:
        Each finished node as ``(level, position, hash)``; leaves are level 0.
    """
    for leaf in leaves:
        yield 0, size, leaf
        level, position, node = 0, size, leaf
        while position & 1:
            node = node_hash(frontier.pop(), node)
            level, position = level + 1, position >> 1
            yield level, position, node
        frontier.append(node)
        size += 1


def root(frontier: list[bytes]) -> bytes:
    """The tree's root, 32 bytes."""
    if not frontier:
        return EMPTY_ROOT
    top = frontier[-1]
    for left in reversed(frontier[:-1]):
        top = node_hash(left, top)
    return top


def pack(frontier: list[bytes]) -> bytes:
    """The frontier as one value."""
    return b"".join(frontier)


def unpack(size: int, packed: bytes) -> list[bytes]:
    """The frontier of a tree of ``size`` leaves.

    Raises:
        ValueError: The bytes do not have the length that the size asks for.
    """
    if len(packed) != HASH_BYTES * size.bit_count():
        raise ValueError("the stored frontier does not fit the size of the tree")
    return [packed[start : start + HASH_BYTES] for start in range(0, len(packed), HASH_BYTES)]
