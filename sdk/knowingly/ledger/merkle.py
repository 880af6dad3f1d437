"""RFC 6962 tree hashing, kept as the frontier of a growing tree, and the places of its proofs.

The frontier is the list of roots of the perfect subtrees that the leaves so far fall into, largest
first: one 32-byte hash for each 1 in the binary form of the size. Appending needs nothing else.
A proof is read from the stored nodes, all of them at once; it is checked by ``verifier``, which
shares no code with this file.

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


Place = tuple[int, int]
"""Where a stored node is: its level above the leaves, and its position from the left."""


def inclusion_places(index: int, size: int) -> list[list[Place]]:
    """What an inclusion proof is made of: for each of its hashes, leaf to root, stored nodes.

    A hash is the root over its nodes, left to right: one node, but for the ragged right edge.

    Raises:
        ValueError: There is no such entry in a tree of this size.

    Source: RFC 6962 section 2.1.1.
    """
    if not 0 <= index < size:
        raise ValueError("there is no such entry in a tree of this size")
    low, high, path = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(perfect_subtrees(middle, high))
            high = middle
        else:
            path.append(perfect_subtrees(low, middle))
            low = middle
    return path[::-1]


def consistency_places(old_size: int, size: int) -> list[list[Place]]:
    """What a consistency proof between two sizes is made of, as for ``inclusion_places``.

    Raises:
        ValueError: The old tree is empty, of which nothing can be proved, or the larger one.

    Source: RFC 6962 section 2.1.2.
    """
    if not 0 < old_size <= size:
        raise ValueError("a consistency proof leads from a size above 0 to no smaller one")
    low, high, path = 0, size, []
    while old_size < high:
        middle = low + _split(high - low)
        if old_size <= middle:
            path.append(perfect_subtrees(middle, high))
            high = middle
        else:
            path.append(perfect_subtrees(low, middle))
            low = middle
    if low > 0:
        path.append(perfect_subtrees(low, high))
    return path[::-1]


def perfect_subtrees(low: int, high: int) -> list[Place]:
    """The nodes over the leaves from ``low`` up to ``high``, left to right, the fewest there are.

    ``low`` is 0, or where the tree of RFC 6962 splits.
    """
    found = []
    while low < high:
        level = (high - low).bit_length() - 1
        found.append((level, low >> level))
        low += 1 << level
    return found


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)
