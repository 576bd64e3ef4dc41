"""The Merkle tree of RFC 6962 over the lines of the log, kept by its right edge."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

EMPTY = sha256().digest()


def leaf_hash(line: bytes) -> bytes:
    """The hash of a line as a leaf."""
    return sha256(b"\0" + line).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


@dataclass(slots=True)
class Tree:
    """A tree that grows at its right: `edge` holds the roots of its full subtrees, the largest first.

    An edge has as many hashes as its size has bits that are set, so that a root costs O(log n), and a tree
    goes on from where a checkpoint left it.
    """

    size: int = 0
    edge: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add a leaf, given by its hash."""
        full = self.size
        while full & 1:
            leaf = _node(self.edge.pop(), leaf)
            full >>= 1
        self.edge.append(leaf)
        self.size += 1

    @property
    def root(self) -> bytes:
        """The hash of the whole tree."""
        if not self.edge:
            return EMPTY
        *rest, root = self.edge
        for left in reversed(rest):
            root = _node(left, root)
        return root

    def copy(self) -> "Tree":
        """A tree of its own that is the same now."""
        return Tree(self.size, list(self.edge))


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over leaf hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What shows that the leaf at an index is in the tree over `leaves` (RFC 6962, section 2.1.1)."""
    if len(leaves) == 1:
        return []
    half = _half(len(leaves))
    if index < half:
        return [*inclusion_proof(leaves[:half], index), root_of(leaves[half:])]
    return [*inclusion_proof(leaves[half:], index - half), root_of(leaves[:half])]


def includes(root: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that a leaf is at an index of the tree (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for each in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = _node(each, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, each)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def consistency_proof(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """What shows that the tree over `leaves` began as that over the `first` of them (RFC 6962, 2.1.2)."""
    return list(_consistency(leaves, first, whole=True)) if 0 < first < len(leaves) else []


def _consistency(leaves: Sequence[bytes], first: int, *, whole: bool) -> Iterator[bytes]:
    if first == len(leaves):
        if not whole:
            yield root_of(leaves)
        return
    half = _half(len(leaves))
    if first <= half:
        yield from _consistency(leaves[:half], first, whole=whole)
        yield root_of(leaves[half:])
    else:
        yield from _consistency(leaves[half:], first - half, whole=False)
        yield root_of(leaves[:half])


def consistent(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether a proof shows that a tree began as an older one (RFC 9162, section 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return first_root == second_root and not proof
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    older = newer = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            older, newer = _node(each, older), _node(each, newer)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            newer = _node(newer, each)
        at, last = at >> 1, last >> 1
    return last == 0 and older == first_root and newer == second_root


def _half(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << (size - 1).bit_length() - 1
