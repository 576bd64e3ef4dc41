"""What the table room tells its callers: reports, results, snapshots. Plain values, importable at no cost."""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from a360.errors import InternalError

_clock = threading.Lock()
_last_tick = 0

# What becomes of each input unit that is read; a step puts every unit under exactly one.
OUTCOMES = ("landed", "quarantined", "duplicates", "unchanged", "superseded", "filtered")


@dataclass(frozen=True, slots=True)
class StepReport:
    """One row of a report: what a step read and what became of it, in input units.

    `commit_id` is None when the step committed nothing. `output_rows` stands beside the counts: it is in
    units of the step's output and takes no part in the reconciliation.
    """

    dataset: str
    commit_id: str | None
    read: int = 0
    landed: int = 0
    quarantined: int = 0
    duplicates: int = 0
    unchanged: int = 0
    superseded: int = 0
    filtered: int = 0
    output_rows: int = 0
    seconds: float = 0.0

    def require_reconciled(self) -> None:
        """Raise unless everything that was read is accounted for exactly once."""
        parts = {name: int(getattr(self, name)) for name in OUTCOMES}
        if self.read != sum(parts.values()):
            listed = ", ".join(f"{name} {count}" for name, count in parts.items())
            raise InternalError(
                "counts-do-not-reconcile",
                f"read {self.read}, but the parts add up to {sum(parts.values())}",
                where=self.dataset,
                found=listed,
                next_step="nothing was committed; report this with the command that was run",
            )

    def to_json(self) -> dict[str, str | int | float | None]:
        """The report's row as a flat JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CommitResult:
    """What one commit did to one table; snapshot ids are strings, since int64 exceeds JavaScript's numbers.

    `snapshot_id` is None when there was nothing to commit. `replayed` says that the commit id was in the
    table already, so that nothing was done now. Rows are counted as files hold them: a row that was rewritten
    where it stood counts as deleted and as added.
    """

    table: str
    snapshot_id: str | None
    commit_id: str
    added_rows: int = 0
    deleted_rows: int = 0
    seconds: float = 0.0
    operation: str = ""
    parent_id: str | None = None
    committed_at: datetime | None = None
    replayed: bool = False
    upstream: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """One snapshot of a table's current history, with what its commit stamp says."""

    snapshot_id: str
    parent_id: str | None
    timestamp: datetime
    operation: str
    commit_id: str | None
    upstream: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    summary: Mapping[str, str] = field(default_factory=dict)

    @property
    def added_rows(self) -> int:
        """Rows in the files it added."""
        return int(self.summary.get("added-records", 0))

    @property
    def deleted_rows(self) -> int:
        """Rows in the data files it took away, and rows that its delete files hide."""
        names = ("deleted-records", "added-position-deletes")
        return sum(int(self.summary.get(name, 0)) for name in names)


def new_commit_id() -> str:
    """A fresh commit id: 32 hex characters laid out as a UUID of version 7, so that ids sort by time.

    Ids made by one process are strictly increasing, even within a millisecond.
    """
    global _last_tick  # noqa: PLW0603 - the clock of the process
    with _clock:
        # A tick is 1/4096 ms: the 12 bits that version 7 leaves for a sub-millisecond part.
        _last_tick = max(time.time_ns() * 4096 // 1_000_000, _last_tick + 1)
        tick = _last_tick
    millis, fraction = divmod(tick, 4096)
    tail = (0b10 << 62) | secrets.randbits(62)
    return f"{(millis << 80) | (7 << 76) | (fraction << 64) | tail:032x}"
