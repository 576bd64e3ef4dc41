"""What erasures work with, and what they come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from a360.contract import LakePlan
from a360.objects import ObjectStore
from a360.protect import Sealer, Tokenizer
from a360.table import Tables
from a360.trust.audit import LocalAuditLog
from a360.trust.erasure._journal import Found
from a360.trust.vault import Vault


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure would take, or has taken.

    `rows` tells how many of each dataset, `unnamed` how many of the patients the lake knows by their keys
    alone, so that no text was searched for them. Of one that is done, `certificate` is where that lies; of
    one that is looked at, `references` are the branches and tags that name older states, by dataset.
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
    references: Mapping[str, Sequence[str]] = field(default_factory=dict)
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
            "references": {name: list(names) for name, names in self.references.items()},
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
        vault: What identifies people.
        keep_again: Has the vault keep versions of people's records that it lacks.
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
    vault: Vault
    keep_again: Callable[[], None]


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
