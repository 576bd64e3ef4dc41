"""What a commit carries about itself: its id, what it was computed from, and its counts."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from a360.catalog._wire import Json, encode

COMMIT_ID = "a360.commit-id"
UPSTREAM = "a360.upstream"
COUNTS = "a360.counts"
CREATED_BY = "a360.created-by"
_PREFIX = "a360."


def generated_commit_id() -> str:
    """A fresh commit id: 32 hex digits that sort by time (the layout of UUID version 7)."""
    head = time.time_ns() // 1_000_000
    tail = secrets.randbits(80)
    version, variant = 0x7, 0b10
    high = version << 12 | tail >> 68
    low = variant << 62 | tail & (1 << 62) - 1
    return f"{head:012x}{high:04x}{low:016x}"


@dataclass(frozen=True, slots=True)
class CommitStamp:
    """Written into the summary of every snapshot that a commit adds.

    Attributes:
        commit_id: Names the commit; a MERGE may make two snapshots, readers group them by this.
        upstream: Snapshot id of each table the rows were computed from.
        counts: Counts of the step, in input units.
        extra: Further facts, kept under `a360.`.
    """

    commit_id: str = field(default_factory=generated_commit_id)
    upstream: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> dict[str, str]:
        """The stamp as snapshot summary properties."""
        named = {
            key if key.startswith(_PREFIX) else f"{_PREFIX}{key}": value for key, value in self.extra.items()
        }
        if self.upstream:
            named[UPSTREAM] = encode(dict(sorted(self.upstream.items()))).decode()
        if self.counts:
            named[COUNTS] = encode(dict(sorted(self.counts.items()))).decode()
        return {**named, COMMIT_ID: self.commit_id}


def stamped_updates(updates: Sequence[Json], summary: Mapping[str, str]) -> list[Json]:
    """The updates of a commit with the stamp in every snapshot it adds."""
    return [
        _stamped(update, summary) if update.get("action") == "add-snapshot" else update for update in updates
    ]


def _stamped(update: Json, summary: Mapping[str, str]) -> Json:
    snapshot: Json = update.get("snapshot") or {}
    return {**update, "snapshot": {**snapshot, "summary": {**(snapshot.get("summary") or {}), **summary}}}
