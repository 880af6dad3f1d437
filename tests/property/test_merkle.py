"""The growing tree equals the recursive definition, whatever the leaves."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from knowingly.ledger import merkle


def recursive(leaves):
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = recursive(leaves[:split]), recursive(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


leaves = st.lists(st.binary(max_size=6), max_size=70)


@given(leaves)
def test_the_frontier_gives_the_root_of_the_definition(entries):
    """At every size on the way, and packing loses nothing."""
    frontier: list[bytes] = []
    assert merkle.root(frontier) == recursive([])
    for size, entry in enumerate(entries):
        frontier = merkle.unpack(size, merkle.pack(frontier))
        list(merkle.grow(size, frontier, [merkle.leaf_hash(entry)]))
        assert merkle.root(frontier) == recursive(entries[: size + 1])


@given(leaves)
def test_each_finished_node_is_the_root_of_its_leaves(entries):
    """Every perfect subtree is yielded once, in place, with the hash of its own leaves."""
    nodes = {}
    for level, position, node in merkle.grow(0, [], map(merkle.leaf_hash, entries)):
        assert (level, position) not in nodes
        nodes[level, position] = node
    expected = {
        (level, position): recursive(entries[position << level : (position + 1) << level])
        for level in range(8)
        for position in range(len(entries) >> level)
    }
    assert nodes == expected


@given(leaves, st.integers(0, 70))
def test_growing_in_two_parts_is_growing_in_one(entries, cut):
    """Where a process stops and another goes on does not show."""
    hashes = [merkle.leaf_hash(entry) for entry in entries]
    cut = min(cut, len(hashes))
    whole: list[bytes] = []
    parts: list[bytes] = []
    list(merkle.grow(0, whole, hashes))
    list(merkle.grow(0, parts, hashes[:cut]))
    list(merkle.grow(cut, parts, hashes[cut:]))
    assert parts == whole
