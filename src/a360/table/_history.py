"""The past of the lake as a person asks for it: what was committed when, by which run, from what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pyiceberg.table import Table
from pyiceberg.table.refs import SnapshotRefType

from a360.table._audit import unpublished
from a360.table._moments import set_back, undone_snapshots
from a360.table._summary import describe
from a360.table._tables import Tables
from a360.table._types import SnapshotInfo

type State = Literal["current", "past", "undone"]

_RUNS, _STEPS = "ops.run", "ops.run_step"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A snapshot of a table, or the moment at which a rollback made one current again.

    `state` says whether the snapshot is the current one, one of its ancestors, or undone by a rollback.
    """

    table: str
    snapshot: SnapshotInfo
    timestamp: datetime
    operation: str
    state: State
    run_id: str | None = None
    tags: Sequence[str] = ()

    @property
    def snapshot_id(self) -> str:
        """The snapshot's id, a string, since it exceeds JavaScript's numbers."""
        return self.snapshot.snapshot_id

    @property
    def commit_id(self) -> str | None:
        """The commit that made the snapshot; None for a rollback, which made none, and for strangers."""
        return None if self.operation == "rollback" else self.snapshot.commit_id

    @property
    def upstream(self) -> Mapping[str, str]:
        """The upstream snapshots that its rows were made from."""
        return self.snapshot.upstream

    @property
    def counts(self) -> Mapping[str, int]:
        """What the step counted that made it."""
        return {} if self.operation == "rollback" else self.snapshot.counts

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON; snapshot ids are strings, since they exceed JavaScript's numbers."""
        shown = self.snapshot
        moved = self.operation == "rollback"
        return {
            "table": self.table,
            "snapshot_id": shown.snapshot_id,
            "parent_id": shown.parent_id,
            "timestamp": self.timestamp.isoformat(timespec="milliseconds"),
            "operation": self.operation,
            "state": self.state,
            "added_rows": 0 if moved else shown.added_rows,
            "deleted_rows": 0 if moved else shown.deleted_rows,
            "commit_id": self.commit_id,
            "run_id": None if moved else self.run_id,
            "tags": list(self.tags),
            "counts": dict(self.counts),
            "upstream": dict(self.upstream),
        }


def history(tables: Tables, names: Sequence[str]) -> list[HistoryEntry]:
    """What is known of tables' past, newest first."""
    runs = _runs(tables)
    entries = [entry for name in names for entry in _of_table(tables.load(name), name, runs)]
    return sorted(entries, key=lambda entry: entry.timestamp, reverse=True)


def _runs(tables: Tables) -> Mapping[str, str]:
    """The run of each commit. What a run committed to `ops` bears the run's own id."""
    if not (tables.exists(_RUNS) and tables.exists(_STEPS)):
        return {}
    steps = tables.read(_STEPS, columns=["commit_id", "run_id"])
    own = tables.read(_RUNS, columns=["run_id"])["run_id"].to_pylist()
    found = dict(zip(steps["commit_id"].to_pylist(), steps["run_id"].to_pylist(), strict=True))
    return found | dict(zip(own, own, strict=True))


def _of_table(table: Table, name: str, runs: Mapping[str, str]) -> Iterator[HistoryEntry]:
    metadata = table.metadata
    undone, waiting = {each.snapshot_id for each in undone_snapshots(table)}, unpublished(table)
    tags: dict[int, list[str]] = {}
    for tag, ref in metadata.refs.items():
        if ref.snapshot_ref_type == SnapshotRefType.TAG:
            tags.setdefault(ref.snapshot_id, []).append(tag)

    def state(snapshot_id: int) -> State:
        if snapshot_id == metadata.current_snapshot_id:
            return "current"
        return "undone" if snapshot_id in undone else "past"

    # A writer may take many commits within a millisecond: snapshots are listed in the order they were added.
    for snapshot in reversed(metadata.snapshots):
        if snapshot.snapshot_id in waiting:
            continue
        info = describe(snapshot)
        run = runs.get(info.commit_id or "")
        names = sorted(tags.get(snapshot.snapshot_id, ()))
        yield HistoryEntry(
            name, info, info.timestamp, info.operation, state(snapshot.snapshot_id), run, names
        )
    for entry in set_back(metadata):
        snapshot_ = metadata.snapshot_by_id(entry.snapshot_id)
        if snapshot_ is not None:
            time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=entry.timestamp_ms)
            yield HistoryEntry(name, describe(snapshot_), time, "rollback", state(entry.snapshot_id))
