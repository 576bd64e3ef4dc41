"""Proofs from a log: that a record is in it, and that it only grew."""

from dataclasses import dataclass
from pathlib import Path

from a360.errors import UsageError
from a360.trust.audit._checkpoint import Checkpoint
from a360.trust.audit._faults import broken
from a360.trust.audit._folder import LogFolder, first_of
from a360.trust.audit._tree import consistency_proof, inclusion_proof, leaf_hash, root_of


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A record with what shows that a checkpoint has it: `includes` of its leaf is true for the root."""

    record: str
    index: int
    size: int
    proof: tuple[bytes, ...]


def prove_record(folder: Path, sequence: int, checkpoint: Checkpoint) -> Inclusion:
    """Show that a record is one of those of a checkpoint.

    Raises:
        UsageError: the checkpoint does not go as far.
        OperatorError: `audit-broken` where the log is not what the checkpoint signed.
    """
    lines = _lines(folder, checkpoint.size)
    if not 0 < sequence <= len(lines):
        raise UsageError(
            "usage",
            "No checkpoint has this record",
            found=f"record {sequence}, the checkpoint has {len(lines)}",
            next_step="`a360 audit checkpoint` signs what there is",
        )
    leaves = [leaf_hash(line) for line in lines]
    if root_of(leaves) != checkpoint.tree.root:
        raise broken(folder, f"its first {checkpoint.size} records are not those of the checkpoint")
    proof = inclusion_proof(leaves, sequence - 1)
    return Inclusion(lines[sequence - 1].decode(), sequence - 1, len(lines), tuple(proof))


def record_at(folder: Path, sequence: int) -> str:
    """A record as it stands in the log.

    Raises:
        UsageError: the log has no such record.
    """
    files = [path for path in LogFolder(folder).files() if first_of(path.name) <= sequence]
    lines = _lines_of(files[-1]) if files else []
    index = sequence - first_of(files[-1].name) if files else 0
    if index >= len(lines):
        raise UsageError("usage", "The log has no such record", found=f"record {sequence}")
    return lines[index].decode(errors="replace")


def prove_growth(folder: Path, older: Checkpoint, newer: Checkpoint) -> list[bytes]:
    """Show that the log of a checkpoint began as that of an older one."""
    return consistency_proof([leaf_hash(line) for line in _lines(folder, newer.size)], older.size)


def _lines(folder: Path, count: int) -> list[bytes]:
    lines: list[bytes] = []
    for path in LogFolder(folder).files():
        lines += _lines_of(path)
        if len(lines) >= count:
            break
    return lines[:count]


def _lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]
