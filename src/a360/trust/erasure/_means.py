"""What erasures work with, and what they come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a360.catalog import CommitStamp
from a360.contract import LakePlan
from a360.objects import ObjectStore
from a360.protect import Sealer, Tokenizer
from a360.table import Tables
from a360.trust.audit import LocalAuditLog
from a360.trust.erasure._journal import Found


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure would take, or has taken.

    `rows` tells how many of each dataset, `unnamed` how many of the patients the lake knows by their keys
    alone, so that no text was searched for them. Of one that is done, `certificate` is where that lies.
    """

    patients: Sequence[str]
    rows: Mapping[str, int]
    blocks: int
    masked: int
    objects: int
    files: int
    bytes: int
    keys: int
    unnamed: int = 0
    erasure_id: str | None = None
    certificate: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The erasure as JSON."""
        return {
            "erasure_id": self.erasure_id,
            "patients": list(self.patients),
            "rows": dict(self.rows),
            "blocks": self.blocks,
            "masked_resources": self.masked,
            "objects": self.objects,
            "files": self.files,
            "bytes": self.bytes,
            "keys": self.keys,
            "known_by_key_alone": self.unnamed,
            "certificate": self.certificate,
        }


@dataclass(frozen=True, slots=True)
class Means:
    """What erasures work with.

    Attributes:
        plan: What the lake is.
        tables: Its tables, which nobody else writes to meanwhile.
        sealer: Opens, seals anew, and destroys keys.
        tokenizer: Makes the digests by which what was erased is recognised.
        store: The files beside the tables.
        audit: Where erasures are on record.
        lake: The lake's folder.
        by: The account that erases.
        recompute: Brings gold up to date with what is left; the datasets that it wrote.
        keys_of: The vault's keys of patients.
        forget: Has the vault forget patients, under a commit; the keys that it destroyed.
    """

    plan: LakePlan
    tables: Tables
    sealer: Sealer
    tokenizer: Tokenizer
    store: ObjectStore | None
    audit: LocalAuditLog
    lake: Path
    by: str
    recompute: Callable[[], Sequence[str]]
    keys_of: Callable[[Sequence[str]], Sequence[str]]
    forget: Callable[[Sequence[str], CommitStamp], Sequence[str]]


def erasure_of(patients: Sequence[str], found: Found, size: tuple[int, int]) -> Erasure:
    """What was found, as it is shown; `size` is of the files that are gone through, or gone."""
    return Erasure(
        patients,
        dict(sorted(found.rows.items())),
        sum(len(blocks) for blocks in found.lines.values()),
        sum(counts(found.masked).values()),
        len(found.objects),
        *size,
        len(found.keys),
        found.unnamed,
    )


def counts(lines: Mapping[str, Mapping[str, Sequence[int]]]) -> dict[str, int]:
    """How many lines of blocks, by table."""
    return {table: sum(map(len, blocks.values())) for table, blocks in lines.items() if blocks}
