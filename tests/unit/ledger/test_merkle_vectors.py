"""The tree against the known vectors of Certificate Transparency."""

import hashlib

import pytest

from knowingly.ledger import merkle

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("size", ROOTS)
def test_the_root_is_the_known_one(size):
    """Sizes 0, 1, 2, 3 and 8 of the reference leaves."""
    frontier: list[bytes] = []
    list(merkle.grow(0, frontier, map(merkle.leaf_hash, LEAVES[:size])))
    assert merkle.root(frontier).hex() == ROOTS[size]
    assert len(frontier) == size.bit_count()


def test_a_leaf_cannot_pass_for_a_node():
    """Leaves and nodes are hashed with different first bytes."""
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert merkle.node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()
    assert merkle.node_hash(left, right) != merkle.leaf_hash(left + right)


@pytest.mark.parametrize(("size", "length"), [(0, 32), (1, 0), (3, 32), (4, 64), (5, 63)])
def test_a_frontier_of_another_length_is_refused(size, length):
    """One hash for each 1 in the binary form of the size, no more and no less."""
    with pytest.raises(ValueError, match="does not fit"):
        merkle.unpack(size, b"x" * length)
