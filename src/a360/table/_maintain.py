"""What keeps a table fit: rewrite it clean, expire old snapshots, collect files that nothing reaches."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import DataFileContent
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Operation, Snapshot
from pyiceberg.table.update import AssertRefSnapshotId, AssertTableUUID, RemoveSnapshotsUpdate

from a360.catalog import CommitStamp
from a360.engine import DEFAULT_FILE_BYTES, discard, quote_table
from a360.failpoints import failpoint
from a360.table._audit import drop_branch, stale_branches
from a360.table._commit import Change, Committer, SnapshotChange
from a360.table._files import LyingFile, delete_files, lying_in, reachable, reached_by
from a360.table._retry import again_on
from a360.table._shape import live_entries
from a360.table._snapshot import Draft
from a360.table._summary import carried, history
from a360.table._types import CommitResult
from a360.table._write import Writer

# So many files below half the target size make a rewrite worth its while; delete files always do.
MANY_SMALL_FILES = 5

# Files younger than this may belong to a commit that is still under way.
GRACE = timedelta(days=1)


def rewrite(
    writer: Writer, name: str, stamp: CommitStamp, *, target_bytes: int = DEFAULT_FILE_BYTES
) -> CommitResult:
    """Write a table anew in files of the target size, without delete files; nothing if it is fit already."""

    def plan(table: Table) -> Change | None:
        files = _unfit(table, target_bytes)
        if files is None:
            return None
        staged = writer.stage_into(
            table, name, f"SELECT * FROM {quote_table(name)}", target_bytes=target_bytes
        )
        if files and len(staged) >= files:
            discard(table, staged)
            return None
        added = [each.data_file for each in staged]
        # Should the table move between the two loads, the commit is fenced, and all is done again.
        says = carried(writer.committer.load(name))
        draft = Draft(Operation.REPLACE, added, keeps=False, says=says)
        return SnapshotChange(table, draft, disposable=staged)

    return writer.committer.commit(name, stamp, plan)


def _unfit(table: Table, target_bytes: int) -> int | None:
    """None for a table that is fit; else the number of files that a rewrite must stay below, 0 for any."""
    snapshot = table.current_snapshot()
    if snapshot is None:
        return None
    files = [entry.data_file for entry in live_entries(table, snapshot)]
    if any(each.content != DataFileContent.DATA for each in files):
        return 0
    small = [each for each in files if each.file_size_in_bytes * 2 < target_bytes]
    return len(files) if len(small) >= MANY_SMALL_FILES else None


def expire(committer: Committer, name: str, older_than: datetime, *, keep: int = 1) -> list[str]:
    """Forget snapshots older than a time, and delete the files that they alone reach.

    The newest `keep` snapshots of the history stay, as does whatever a branch or tag names.
    """

    def forget() -> tuple[Table, list[str]]:
        table = committer.load(name)
        old = _expired(table, older_than, keep)
        gone = _reached_only_by(table, old)
        failpoint("table.expire.before")
        if old:
            _remove(committer, table, old)
        return table, gone

    table, gone = again_on(CommitFailedException, forget, patience=committer.patience)
    failpoint("table.expire.after")
    delete_files(committer.catalog, table, gone)
    return gone


def _remove(committer: Committer, table: Table, old: Sequence[Snapshot]) -> None:
    """Take snapshots out of a table's metadata, unless the table has moved."""
    committer.catalog.client().commit_table(
        table,
        (
            AssertTableUUID(uuid=table.metadata.table_uuid),
            AssertRefSnapshotId(snapshot_id=table.metadata.current_snapshot_id, ref=MAIN_BRANCH),
        ),
        (RemoveSnapshotsUpdate(snapshot_ids=[each.snapshot_id for each in old]),),
    )


def _expired(table: Table, older_than: datetime, keep: int) -> list[Snapshot]:
    kept = {each.snapshot_id for each, _ in zip(history(table), range(keep), strict=False)}
    kept |= {ref.snapshot_id for ref in table.metadata.refs.values()}
    limit = older_than.timestamp() * 1000
    return [
        each
        for each in table.metadata.snapshots
        if each.timestamp_ms < limit and each.snapshot_id not in kept
    ]


def _reached_only_by(table: Table, old: Sequence[Snapshot]) -> list[str]:
    if not old:
        return []
    ids = {each.snapshot_id for each in old}
    kept = [each for each in table.metadata.snapshots if each.snapshot_id not in ids]
    return sorted(reached_by(table, old) - reached_by(table, kept))


def collect(
    committer: Committer, name: str, *, dry_run: bool = True, grace: timedelta = GRACE
) -> list[LyingFile]:
    """The files in a table's folder that nothing reaches and that are older than a grace; deleted unless dry.

    They are what commits that failed or died leave behind, as are branches that were to be audited: these go
    first, and what they alone reach with them.
    """
    if not dry_run:
        table = committer.load(name)
        for branch in stale_branches(table, grace):
            drop_branch(committer, table, branch)
            table = committer.load(name)
    # The folder is listed before the metadata is read: what is committed meanwhile is then known as reached.
    lying = list(lying_in(committer.load(name)))
    table = committer.load(name)
    reached, limit = reachable(table), datetime.now(UTC) - grace
    lost = [each for each in lying if each.path not in reached and each.modified <= limit]
    if not dry_run:
        failpoint("table.collect.before")
        delete_files(committer.catalog, table, (each.path for each in lost))
        _forget_gone(committer, table, reached)
    return lost


def _forget_gone(committer: Committer, table: Table, reached: set[str]) -> None:
    """Forget digests of files that are neither there nor reached, as where a process died in between."""
    there = {each.path for each in lying_in(table)} | reached
    folder = committer.catalog.endpoint.warehouse
    recorded = (f"{folder}/{each.path}" for each in committer.catalog.recorded_files(table.location()))
    committer.catalog.forget_files(path for path in recorded if path not in there)
