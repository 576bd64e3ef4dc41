"""Which snapshot of a table was current at a time, and which snapshots of it hold the same rows."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pyarrow as pa
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation, Snapshot, SnapshotLogEntry

from a360.errors import UsageError
from a360.table._audit import unpublished
from a360.table._summary import AUDITED, commit_id_of, history, summary_of
from a360.table._types import SnapshotInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_METADATA = "00000-"


def as_of(table: Table, name: str, time: datetime) -> str | None:
    """The id of the snapshot that was current at a time; None where the table was there and held nothing.

    The snapshot log decides, not the snapshots' own times: after a rollback an old snapshot is current again.

    Raises:
        UsageError: `time-unreachable` where the table was not there yet, or the snapshot has been forgotten.
    """
    limit = (time - _EPOCH) // timedelta(milliseconds=1)
    log = table.metadata.snapshot_log
    current = [entry.snapshot_id for entry in log if entry.timestamp_ms <= limit]
    if current:
        return str(current[-1])
    if log and _is_cut(table.metadata):
        raise _unreachable(
            name, time, f"older snapshots have expired; the oldest is of {_said(log[0].timestamp_ms)}"
        )
    created = _created(table.metadata)
    if created is not None and created <= limit:
        return None
    since = created if created is not None else log[0].timestamp_ms if log else None
    raise _unreachable(
        name,
        time,
        f"the table is there since {_said(since)}" if since else "the table's beginning is unknown",
    )


def _is_cut(metadata: TableMetadata) -> bool:
    """Whether the log has lost its beginning: it does not start with the table's first snapshot."""
    first = metadata.snapshot_log[0]
    snapshot = metadata.snapshot_by_id(first.snapshot_id)
    if snapshot is None or snapshot.parent_snapshot_id is not None:
        return True
    return first in set_back(metadata)


def set_back(metadata: TableMetadata) -> list[SnapshotLogEntry]:
    """The entries of the log by which a rollback made a snapshot current again.

    Others become current when they are written, or for the first time once their audit has passed them.
    """
    found, known = [], set()
    for entry in metadata.snapshot_log:
        snapshot = metadata.snapshot_by_id(entry.snapshot_id)
        if snapshot is not None and entry.timestamp_ms != snapshot.timestamp_ms:
            published = AUDITED in summary_of(snapshot) and entry.snapshot_id not in known
            found += [] if published else [entry]
        known.add(entry.snapshot_id)
    return found


def _created(metadata: TableMetadata) -> int | None:
    """When the table was made, where the log of its metadata files still tells."""
    if not metadata.metadata_log:
        return metadata.last_updated_ms if not metadata.snapshots else None
    first = metadata.metadata_log[0]
    is_first = PurePosixPath(first.metadata_file).name.startswith(_FIRST_METADATA)
    return first.timestamp_ms if is_first else None


def _said(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def _unreachable(name: str, time: datetime, found: str) -> UsageError:
    return UsageError(
        "time-unreachable",
        f"{name} cannot be read as it was at {time.isoformat()}",
        where=name,
        found=found,
        next_step=f"`a360 history {name}` lists what can be read",
    )


def newest_with_rows_of(table: Table, snapshot_id: str) -> str:
    """The newest snapshot of the history that holds the very rows of a snapshot, only kept in other files.

    It is the snapshot itself where maintenance has not replaced it. The answer is to be had even when the
    snapshot itself has expired: what replaced it names it as its parent.
    """
    newest: Snapshot | None = None
    for snapshot in history(table):
        newest = newest or snapshot
        if str(snapshot.snapshot_id) == snapshot_id:
            return str(newest.snapshot_id)
        if summary_of(snapshot).get("operation") != Operation.REPLACE.value:
            newest = None
        elif str(snapshot.parent_snapshot_id) == snapshot_id:
            return str(newest.snapshot_id)
    return snapshot_id


def commits_until(snapshots: Iterable[SnapshotInfo], snapshot_id: str | None) -> list[str] | None:
    """The ids of the commits that made snapshots, newest first, after one of them; in the order of time.

    None where that one is not among them, or a commit came without an id.
    """
    ids: dict[str, None] = {}
    for snapshot in snapshots:
        if snapshot.snapshot_id == snapshot_id:
            return list(reversed(ids))
        if snapshot.operation == Operation.REPLACE.value:
            continue
        if snapshot.commit_id is None:
            return None
        ids[snapshot.commit_id] = None
    return list(reversed(ids)) if snapshot_id is None else None


def line_of(record: pa.Table, snapshot_id: str | None) -> list[SnapshotInfo]:
    """A snapshot and its ancestors by the record of commits, newest first, as far as one names the next."""
    by_snapshot = {row["snapshot_id"]: row for row in record.to_pylist()}
    line = []
    while (row := by_snapshot.pop(snapshot_id, None)) is not None:
        line.append(
            SnapshotInfo(
                row["snapshot_id"], row["parent_id"], row["known_at"], row["operation"], row["commit_id"]
            )
        )
        snapshot_id = row["parent_id"]
    return line


def undone_snapshots(table: Table) -> list[Snapshot]:
    """The retained snapshots that a rollback took out of the history, newest first.

    What is older than the oldest snapshot that the history reaches is none of them: there, ancestors have
    expired, and what a tag has kept may well be one.
    """
    kept = list(history(table))
    if not kept:
        return []
    ids, oldest = {each.snapshot_id for each in kept} | unpublished(table), _order(kept[-1])
    gone = [
        each for each in table.metadata.snapshots if each.snapshot_id not in ids and _order(each) > oldest
    ]
    return sorted(gone, key=_order, reverse=True)


def _order(snapshot: Snapshot) -> tuple[int, int]:
    return snapshot.sequence_number or 0, snapshot.timestamp_ms


def undone_commits(table: Table) -> set[str]:
    """The ids of the commits that a rollback took out of a table's history."""
    kept = {commit_id_of(each) for each in history(table)}
    return {
        each for snapshot in undone_snapshots(table) if (each := commit_id_of(snapshot)) and each not in kept
    }
