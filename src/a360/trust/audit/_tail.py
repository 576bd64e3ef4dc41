"""Where a log ends: what the next record has to name, and where it goes."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from a360.trust.audit import _record
from a360.trust.audit._checkpoint import Checkpoint
from a360.trust.audit._faults import broken
from a360.trust.audit._folder import LogFolder, file_name
from a360.trust.audit._record import FIRST_PREVIOUS
from a360.trust.audit._tree import Tree, leaf_hash

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a log, as far as a writer has followed it."""

    file: str
    descriptor: int
    offset: int = 0
    sequence: int = 0
    head: str = FIRST_PREVIOUS
    tree: Tree = field(default_factory=Tree)

    def after(self, lines: list[bytes], head: str) -> "Tail":
        """The end after lines that continue the chain."""
        tree = self.tree.copy()
        for line in lines:
            tree.append(leaf_hash(line))
        written = sum(map(len, lines)) + len(lines)
        return replace(
            self, offset=self.offset + written, sequence=self.sequence + len(lines), head=head, tree=tree
        )

    def following(self, data: bytes, where: Path) -> tuple["Tail", bytes]:
        """The end after what stands behind it in the file, and the bytes of a line that has no end.

        Raises:
            OperatorError: `audit-broken` where a line does not continue the chain.
        """
        *lines, torn = data.split(b"\n")
        head, sequence = self.head, self.sequence
        for line in lines:
            link = _record.read(line)
            if link is None or not link.whole or (link.previous, link.sequence) != (head, sequence + 1):
                raise broken(where, f"what follows record {sequence} does not continue the chain")
            head, sequence = link.hash, link.sequence
        return self.after(lines, head), torn

    def in_file(self, name: str, descriptor: int) -> "Tail":
        """The same end, where the next record goes into a new file."""
        return replace(self, file=name, descriptor=descriptor, offset=0)


def tail_at(folder: LogFolder, checkpoint: Checkpoint | None) -> Tail:
    """The end as a checkpoint has it, checked against the record that it calls the last.

    Raises:
        OperatorError: `audit-broken` where the log is shorter, or has another record there.
    """
    if checkpoint is None:
        name = file_name(1)
        return Tail(name, folder.open(name))
    where = folder.path / checkpoint.file
    if not where.exists():
        raise broken(where, f"the file is gone; a checkpoint has {checkpoint.size} records")
    descriptor = folder.open(checkpoint.file)
    link = _record.read(line_before(descriptor, checkpoint.offset))
    if link is None or not link.whole or (link.sequence, link.hash) != (checkpoint.size, checkpoint.head):
        os.close(descriptor)
        raise broken(where, f"record {checkpoint.size} is not where and what a checkpoint has signed")
    return Tail(
        checkpoint.file,
        descriptor,
        checkpoint.offset,
        checkpoint.size,
        checkpoint.head,
        checkpoint.tree.copy(),
    )


def line_before(descriptor: int, end: int) -> bytes:
    """The line that ends at an offset, without its end."""
    start, found = end, b""
    while start > 0 and b"\n" not in found[:-1]:
        size = min(_BLOCK, start)
        start -= size
        found = os.pread(descriptor, size, start) + found
    return found[:-1].rpartition(b"\n")[2] if found.endswith(b"\n") else b""
