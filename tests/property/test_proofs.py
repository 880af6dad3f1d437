"""Every proof that the stored nodes give is accepted, and nothing else is."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowingly.ledger import merkle
from knowingly.ledger.verifier import Tree, is_consistent, is_included

SIZES = range(1, 34)


def grown(size):
    """Leaf hashes, stored nodes, and the root at every size on the way."""
    leaves = [merkle.leaf_hash(b"%d" % n) for n in range(size)]
    frontier: list[bytes] = []
    nodes, roots = {}, [merkle.EMPTY_ROOT]
    for index, leaf in enumerate(leaves):
        for level, position, node in merkle.grow(index, frontier, [leaf]):
            nodes[level, position] = node
        roots.append(merkle.root(frontier))
    return leaves, nodes, roots


LEAVES, NODES, ROOTS = grown(SIZES[-1])


def hashes(places):
    return [merkle.root([NODES[place] for place in part]) for part in places]


def inclusion(index, size):
    return hashes(merkle.inclusion_places(index, size))


def consistency(old, size):
    return hashes(merkle.consistency_places(old, size))


def included(index, size, proof, *, leaf=None, root=None):
    return is_included(
        leaf or LEAVES[index], index=index, size=size, proof=proof, root=root or ROOTS[size]
    )


def consistent(old, size, proof, *, old_root=None, root=None):
    return is_consistent(
        old_root or ROOTS[old], old_size=old, root=root or ROOTS[size], size=size, proof=proof
    )


def of_definition(index, leaves):
    """PATH of RFC 6962 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = leaves[:split], leaves[split:]
    if index < split:
        return [*of_definition(index, left), tree_of(right)]
    return [*of_definition(index - split, right), tree_of(left)]


def tree_of(leaves):
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def test_both_implementations_of_the_tree_agree():
    """The verifier repeats the arithmetic: at every size it finds the same root."""
    for size in (0, *SIZES):
        assert tree_of(LEAVES[:size]) == ROOTS[size]


def test_every_inclusion_proof_is_that_of_the_definition_and_accepted():
    """Every entry at every size up to 33."""
    for size in SIZES:
        for index in range(size):
            proof = inclusion(index, size)
            assert proof == of_definition(index, LEAVES[:size])
            assert included(index, size, proof)


def test_every_consistency_proof_is_accepted():
    """Every pair of sizes up to 33; that of a size with itself is empty."""
    for size in SIZES:
        for old in range(1, size + 1):
            proof = consistency(old, size)
            assert consistent(old, size, proof)
            assert (not proof) == (old == size)


def test_no_inclusion_proof_passes_for_another_entry_or_size():
    """Of every entry at every size: at every other index or size, longer, shorter, or changed."""
    for size in (1, 2, 3, 7, 8, 13):
        for index in range(size):
            proof = inclusion(index, size)
            for other in (n for n in range(14) if n != index):
                assert not included(index, size, proof, leaf=LEAVES[other])
                assert not is_included(
                    LEAVES[index], index=other, size=size, proof=proof, root=ROOTS[size]
                )
                if other != size:
                    assert not included(index, size, proof, root=ROOTS[other])
            assert not included(index, size, [*proof, LEAVES[0]])
            for at, one in enumerate(proof):
                assert not included(index, size, proof[:at] + proof[at + 1 :])
                flipped = bytes([one[0] ^ 1]) + one[1:]
                assert not included(index, size, [*proof[:at], flipped, *proof[at + 1 :]])


def test_no_consistency_proof_passes_for_other_roots():
    """Longer, shorter, changed, or of another old or new root."""
    for size in (2, 3, 7, 8, 13):
        for old in range(1, size):
            proof = consistency(old, size)
            assert not consistent(old, size, [*proof, LEAVES[0]])
            for other in (n for n in range(1, 14) if n not in {old, size}):
                assert not consistent(old, size, proof, old_root=ROOTS[other])
                assert not consistent(old, size, proof, root=ROOTS[other])
            for at, one in enumerate(proof):
                assert not consistent(old, size, proof[:at] + proof[at + 1 :])
                flipped = bytes([one[0] ^ 1]) + one[1:]
                assert not consistent(old, size, [*proof[:at], flipped, *proof[at + 1 :]])


def test_what_is_no_hash_is_refused():
    """31 or 33 bytes, in any place, and no exception."""
    proof = inclusion(2, 5)
    for bad in (b"", b"x" * 31, b"x" * 33, "x" * 32, None):
        assert not included(2, 5, proof, leaf=bad or b"x")
        assert not is_included(LEAVES[2], index=2, size=5, proof=proof, root=bad)
        assert not included(2, 5, [bad, *proof[1:]])
        assert not is_consistent(bad, old_size=2, root=ROOTS[5], size=5, proof=consistency(2, 5))
        assert not consistent(2, 5, [bad, *consistency(2, 5)[1:]])


def test_nothing_is_consistent_with_an_empty_tree():
    """Not even with the right roots: a proof from size 0 would show nothing."""
    for size in (0, 1, 5):
        assert not is_consistent(ROOTS[0], old_size=0, root=ROOTS[size], size=size, proof=[])
        with pytest.raises(ValueError, match="above 0"):
            merkle.consistency_places(0, size)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3), (4, 3)])
def test_there_is_no_proof_of_what_is_not_there(index, size):
    """Neither made nor accepted."""
    with pytest.raises(ValueError, match="no such entry"):
        merkle.inclusion_places(index, size)
    assert not is_included(LEAVES[0], index=index, size=size, proof=[], root=ROOTS[size])


@given(st.integers(1, 33), st.integers(0, 33), st.data())
@settings(deadline=None)
def test_proofs_of_invented_hashes_are_refused(size, index, data):
    """Whatever their number."""
    proof = data.draw(st.lists(st.binary(min_size=32, max_size=32), max_size=8))
    root = hashlib.sha256(b"other").digest()
    assert not is_included(LEAVES[0], index=index, size=size, proof=proof, root=root)
    old = data.draw(st.integers(0, size))
    assert not is_consistent(ROOTS[old], old_size=old, root=root, size=size, proof=proof)


@given(st.integers(1, 10**6), st.data())
@settings(deadline=None)
def test_a_proof_takes_few_nodes_of_a_large_log(size, data):
    """Some forty at a million: each perfect subtree once, none of them outside the log."""
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    for places in (merkle.inclusion_places(index, size), merkle.consistency_places(old, size)):
        flat = [place for part in places for place in part]
        assert len(flat) <= 2 * size.bit_length()
        assert len(set(flat)) == len(flat)
        assert all((position + 1) << level <= size for level, position in flat)
