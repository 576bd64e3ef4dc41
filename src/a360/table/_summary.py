"""What snapshots say of themselves: stamps, row counts, and the results of commits."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from a360.catalog import COMMIT_ID, COUNTS, UPSTREAM
from a360.table._types import CommitResult, SnapshotInfo

_STAMPED = "a360."
# The commit whose rows a rewritten snapshot holds.
MADE_BY = "a360.made-by"
# Of a snapshot that became the table's content some time after it was written: when its audit had passed it.
AUDITED = "a360.audited"


def summary_of(snapshot: Snapshot) -> dict[str, str]:
    """All of a snapshot's summary, the operation included."""
    if snapshot.summary is None:
        return {}
    return {"operation": snapshot.summary.operation.value, **snapshot.summary.additional_properties}


def commit_id_of(snapshot: Snapshot) -> str | None:
    """The id of the commit that made a snapshot; none for commits of strangers."""
    return summary_of(snapshot).get(COMMIT_ID)


def history(table: Table) -> Iterator[Snapshot]:
    """The snapshots of the current history that are still retained, newest first."""
    snapshot = table.current_snapshot()
    while snapshot is not None:
        yield snapshot
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else table.metadata.snapshot_by_id(parent)


def carried(table: Table) -> dict[str, str]:
    """What a snapshot of the same rows in other files goes on saying: where the rows come from.

    It is what the newest commit stamped that told of more than itself, as of the upstream snapshots.
    """
    for snapshot in history(table):
        stamped = {
            key: value
            for key, value in summary_of(snapshot).items()
            if key.startswith(_STAMPED) and key not in {COMMIT_ID, COUNTS, AUDITED}
        }
        if stamped:
            return {MADE_BY: summary_of(snapshot).get(COMMIT_ID, ""), **stamped}
    return {}


def describe(snapshot: Snapshot) -> SnapshotInfo:
    """A snapshot in plain values."""
    summary = summary_of(snapshot)
    parent = snapshot.parent_snapshot_id
    return SnapshotInfo(
        snapshot_id=str(snapshot.snapshot_id),
        parent_id=None if parent is None else str(parent),
        timestamp=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC),
        operation=summary.get("operation", ""),
        commit_id=summary.get(COMMIT_ID),
        upstream=_parsed(summary, UPSTREAM),
        counts=_parsed(summary, COUNTS),
        summary=summary,
    )


def results(table: Table, name: str) -> list[CommitResult]:
    """The commits of a table's current history, oldest first; one commit may have made several snapshots."""
    groups: dict[str, list[SnapshotInfo]] = {}
    for snapshot in reversed(list(history(table))):
        commit_id = commit_id_of(snapshot)
        if commit_id is not None:
            groups.setdefault(commit_id, []).append(describe(snapshot))
    return [_result(name, commit_id, infos) for commit_id, infos in groups.items()]


def result_of(name: str, commit_id: str, snapshots: Sequence[Snapshot]) -> CommitResult:
    """What a commit did to a table, by the snapshots that it made, oldest first."""
    return _result(name, commit_id, [describe(each) for each in snapshots])


def _result(name: str, commit_id: str, infos: list[SnapshotInfo]) -> CommitResult:
    operations = {info.operation for info in infos}
    last = infos[-1]
    return CommitResult(
        table=name,
        snapshot_id=last.snapshot_id,
        commit_id=commit_id,
        added_rows=sum(info.added_rows for info in infos),
        deleted_rows=sum(info.deleted_rows for info in infos),
        operation=operations.pop() if len(operations) == 1 else "overwrite",
        parent_id=infos[0].parent_id,
        committed_at=last.timestamp,
        upstream=last.upstream,
        counts=last.counts,
    )


def _parsed(summary: Mapping[str, str], key: str) -> dict[str, Any]:
    """A stamped JSON object; what a stranger wrote under our key is taken as nothing."""
    try:
        value = json.loads(summary.get(key, "{}"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
