"""`Lake.verify`: all that a lake keeps, read again and held against what was committed and recorded."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from a360._progress import Progress
from a360.errors import A360Error
from a360.lake._anchor import checkpoint_place
from a360.lake._parts import Parts
from a360.table import Damage, FilesVerified, verify_files

_REBUILD = "`a360 catalog rebuild --force` makes it anew from the tables' own files"
_KEYS = "put the file back from a backup, or import the keys from their escrow: see docs/keys.md"
_AUDIT = "put the file back from a copy of the log; `a360 audit verify` says more of what is missing"
_UNREADABLE = (A360Error, OSError, ValueError, sqlite3.DatabaseError)


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification has read, and what it found damaged.

    Attributes:
        known: The files that commits have brought and that are still part of the lake.
        files: Those of them that were read.
        bytes: Their size.
        damage: What is not what was committed or recorded.
    """

    known: int
    files: int
    bytes: int
    damage: Sequence[Damage]

    @property
    def sound(self) -> bool:
        """Whether all that was read is what was committed or recorded."""
        return not self.damage

    def to_json(self) -> dict[str, Any]:
        """The verification as JSON."""
        return {
            "sound": self.sound,
            "known": self.known,
            "files": self.files,
            "bytes": self.bytes,
            "damage": [each.to_json() for each in self.damage],
        }


def verify(
    parts: Parts, names: Sequence[str] = (), *, sample: int | None = None, progress: Progress | None = None
) -> Verification:
    """Verify the catalog and the files of some tables; of all tables, keys and audit log too.

    A part that does not even open is damaged, and no reason to leave the others alone.
    """
    damage: list[Damage] = []
    read = FilesVerified(0, 0, 0, ())
    try:
        damage += _catalog(parts)
        read = verify_files(parts.catalog, names, sample=sample, progress=progress)
    except _UNREADABLE as broken:
        damage.append(Damage("catalog", "catalog.db", _found(broken), _REBUILD))
    for check in () if names else CHECKS.values():
        damage += check(parts)
    return Verification(read.known, read.files, read.bytes, [*damage, *read.damage])


def _catalog(parts: Parts) -> Iterator[Damage]:
    for each in parts.catalog.broken_rows():
        yield Damage("catalog", "catalog.db", f"{each}: not what was committed", _REBUILD)


def _keys(parts: Parts) -> Iterator[Damage]:
    """Keys that no longer open under the master: what they sealed is lost with them."""
    try:
        for each in parts.keys.damaged():
            yield Damage("key", "keys", each, _KEYS)
    except _UNREADABLE as broken:
        yield Damage("key", "keys", _found(broken), _KEYS)


def _audit(parts: Parts) -> Iterator[Damage]:
    from a360.trust.audit import (  # noqa: PLC0415 -- few commands look at the log
        CHECKPOINTS,
        CheckpointFolder,
        log_key,
        verify,
    )

    folder, beside = parts.folder.audit, parts.folder.audit / CHECKPOINTS
    try:
        anchor = checkpoint_place(parts.settings)
        places = [anchor] if anchor else [CheckpointFolder(beside)] if beside.is_dir() else []
        notes = [name for place in places for name in place.names()]
        # Before the first record there is neither log nor checkpoint; a policy in force was recorded.
        if not (notes or parts.policy_file.exists() or any(folder.glob("*.jsonl"))):
            return
        found = verify(folder, log_key(parts.keys), places)
    except _UNREADABLE as broken:
        yield Damage("audit", "audit", _found(broken), _AUDIT)
        return
    for each in found.findings:
        line = "" if each.line is None else f"line {each.line}: "
        yield Damage("audit", f"audit/{each.file}", f"{line}{each.text}", _AUDIT)


def _found(broken: BaseException) -> str:
    """What an error tells, without what a foreign one may quote."""
    if isinstance(broken, A360Error):
        return broken.found or broken.what
    return type(broken).__name__


# What a lake keeps beside its tables, each with what finds damage in it.
CHECKS: Mapping[str, Callable[[Parts], Iterator[Damage]]] = {"keys": _keys, "audit": _audit}
