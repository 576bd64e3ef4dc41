"""The tree of RFC 6962, held against its published vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.trust.audit._tree import (
    EMPTY,
    Tree,
    consistency_proof,
    consistent,
    includes,
    inclusion_proof,
    leaf_hash,
    root_of,
)

# The inputs and roots that implementations of Certificate Transparency test themselves with.
INPUTS = [
    *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count):
    """The hashes of that many different leaves."""
    return [leaf_hash(str(number).encode()) for number in range(count)]


def test_roots_are_those_of_the_published_vectors():
    """A tree over the first inputs has the root that Certificate Transparency publishes for them."""
    tree, roots = Tree(), []
    for each in INPUTS:
        tree.append(leaf_hash(bytes.fromhex(each)))
        roots.append(tree.root.hex())
    assert roots == ROOTS
    assert Tree().root == EMPTY


@pytest.mark.parametrize("size", range(1, 20))
def test_every_leaf_has_a_proof_that_holds_for_it_alone(size):
    """The proof of a leaf holds for its place, and for no other leaf, place, size or root."""
    known = leaves(size)
    root = root_of(known)
    for index, leaf in enumerate(known):
        proof = inclusion_proof(known, index)
        assert includes(root, size, index, leaf, proof)
        assert not includes(root, size, index, leaf_hash(b"another"), proof)
        assert not includes(EMPTY, size, index, leaf, proof)
        assert not includes(root, size, index, leaf, [*proof, EMPTY])
        assert all(not includes(root, size, other, leaf, proof) for other in range(size) if other != index)


@given(st.integers(1, 70), st.data())
def test_growth_has_a_proof_that_holds_for_these_trees_alone(size, data):
    """A proof of growth holds for the two trees, and not where the older one is another."""
    older = data.draw(st.integers(1, size))
    known = leaves(size)
    proof = consistency_proof(known, older)
    first, second = root_of(known[:older]), root_of(known)
    assert consistent(older, first, size, second, proof)
    assert not consistent(older, EMPTY, size, second, proof)
    assert not consistent(older, first, size, EMPTY, proof)


@given(st.integers(0, 70), st.integers(0, 70))
def test_a_tree_goes_on_from_its_edge(before, after):
    """A tree that knows only an older tree's edge gets the root that the whole has."""
    known = leaves(before + after)
    tree = Tree()
    for leaf in known[:before]:
        tree.append(leaf)
    resumed = Tree(tree.size, list(tree.edge))
    for leaf in known[before:]:
        resumed.append(leaf)
    assert resumed.root == root_of(known)
    assert len(resumed.edge) == (before + after).bit_count()
