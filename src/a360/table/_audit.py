"""Write, audit, publish: a commit is made on a branch, looked at there, and only then becomes `main`.

What no audit has passed is never the table's content, whoever reads it meanwhile. The branch goes with the
commit that publishes its head, so that one that is found belongs to a commit under way, or to one that died.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.update import (
    AssertRefSnapshotId,
    AssertTableUUID,
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    SetSnapshotRefUpdate,
    TableRequirement,
    TableUpdate,
)

from a360.catalog import CommitStamp
from a360.engine import quote_table
from a360.errors import ConflictError, OperatorError
from a360.failpoints import failpoint
from a360.table._summary import AUDITED

if TYPE_CHECKING:
    from a360.table._commit import Change, Committer

_PREFIX = "a360-audit-"

type Audit = Callable[[str], None]
"""Looks at a table as it will be, by a relation in SQL, and raises to refuse it."""


@dataclass(frozen=True, slots=True)
class AuditedCommit:
    """Carries out one change of a table by way of a branch that bears the commit's id."""

    committer: "Committer"
    stamp: CommitStamp
    audit: Audit

    def carry_out(self, name: str, table: Table, change: "Change") -> None:
        """Write, audit and publish; where that ends early, no branch stays and `main` is as it was."""
        branch = f"{_PREFIX}{self.stamp.commit_id}"
        at = table.metadata.current_snapshot_id
        if at is None and change.first_rows is not None:
            # An engine finds no branch where there is no snapshot; but what comes is all that will be there.
            self.audit(change.first_rows)
            with self.committer.catalog.stamped(self.stamp, base={name: at}) as endpoint:
                change.apply(self.committer.catalog, endpoint)
            return
        try:
            head = self._written(name, table, change, branch)
            if head is None or head == at:
                self._abandon(name, branch)
                return
            self.audit(f"(SELECT * FROM {quote_table(name)} AT (VERSION => {head}))")
            failpoint("table.audit.passed")
            self._publish(table, branch, head)
        except BaseException:
            self._abandon(name, branch)
            raise

    def _written(self, name: str, table: Table, change: "Change", branch: str) -> int | None:
        """The head of the branch once the change is on it; what was there if it changed nothing."""
        at = table.metadata.current_snapshot_id
        if at is not None:
            # An engine writes to branches that are there. Left by a try before, it is set back.
            self._commit(table, (_at(MAIN_BRANCH, at),), (pointing(branch, at),))
        stamp = replace(self.stamp, extra={**self.stamp.extra, AUDITED: "true"})
        with self.committer.catalog.stamped(stamp, base={name: at}) as endpoint:
            change.apply(self.committer.catalog, endpoint, branch)
        failpoint("table.audit.written")
        ref = self.committer.standing(name).table.metadata.refs.get(branch)
        if ref is None and at is not None:
            raise ConflictError(
                "commit-conflict",
                f"The branch of a commit to {name} was taken away before its audit",
                where=name,
                next_step="run again; nothing of this commit has landed",
            )
        return None if ref is None else ref.snapshot_id

    def _publish(self, table: Table, branch: str, head: int) -> None:
        """Move `main` to the head of the branch, and take the branch away: both or neither."""
        at = table.metadata.current_snapshot_id
        self._commit(
            table,
            (_at(MAIN_BRANCH, at), _at(branch, head)),
            (pointing(MAIN_BRANCH, head), RemoveSnapshotRefUpdate(ref_name=branch)),
        )

    def _abandon(self, name: str, branch: str) -> None:
        """Take the branch away with the snapshots that it alone has; their files are left for `collect`.

        What cannot be taken away now, as where the catalog is gone, is left for `collect`.
        """
        try:
            drop_branch(self.committer, self.committer.load(name), branch)
        except (OperatorError, CommitFailedException):
            return

    def _commit(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> None:
        uuid = AssertTableUUID(uuid=table.metadata.table_uuid)
        self.committer.catalog.client().commit_table(table, (uuid, *requirements), updates)


def pointing(
    ref: str, snapshot_id: int, kind: SnapshotRefType = SnapshotRefType.BRANCH
) -> SetSnapshotRefUpdate:
    """The update that has a branch or tag name a snapshot."""
    return SetSnapshotRefUpdate(
        ref_name=ref,
        type=kind,
        snapshot_id=snapshot_id,
        max_ref_age_ms=None,
        max_snapshot_age_ms=None,
        min_snapshots_to_keep=None,
    )


def _at(ref: str, snapshot_id: int | None) -> AssertRefSnapshotId:
    return AssertRefSnapshotId(snapshot_id=snapshot_id, ref=ref)


def stale_branches(table: Table, grace: timedelta) -> list[str]:
    """The branches of commits that began longer ago than a grace and were never published."""
    limit = (datetime.now(UTC) - grace).timestamp() * 1000
    heads = {name: ref.snapshot_id for name, ref in table.metadata.refs.items() if name.startswith(_PREFIX)}
    written = {each.snapshot_id: each.timestamp_ms for each in table.metadata.snapshots}
    return sorted(name for name, head in heads.items() if written.get(head, 0) <= limit)


def drop_branch(committer: "Committer", table: Table, branch: str) -> None:
    """Take a branch off a table, with the snapshots that nothing else names; nothing if it is not there."""
    ref = table.metadata.refs.get(branch)
    if ref is None:
        return
    alone = _only_on(table, branch)
    updates: list[TableUpdate] = [RemoveSnapshotRefUpdate(ref_name=branch)]
    if alone:
        updates.append(RemoveSnapshotsUpdate(snapshot_ids=alone))
    requirements = (AssertTableUUID(uuid=table.metadata.table_uuid), _at(branch, ref.snapshot_id))
    committer.catalog.client().commit_table(table, requirements, tuple(updates))


def unpublished(table: Table) -> set[int]:
    """The snapshots of commits whose audit has not passed them, or never will."""
    branches = [name for name in table.metadata.refs if name.startswith(_PREFIX)]
    return {snapshot_id for branch in branches for snapshot_id in _only_on(table, branch)}


def _only_on(table: Table, branch: str) -> list[int]:
    """The snapshots of a branch that lie on no other one's line, and never were the table's content."""
    elsewhere = {entry.snapshot_id for entry in table.metadata.snapshot_log} | {
        snapshot_id
        for name, ref in table.metadata.refs.items()
        if name != branch
        for snapshot_id in _line(table, ref.snapshot_id)
    }
    return [each for each in _line(table, table.metadata.refs[branch].snapshot_id) if each not in elsewhere]


def _line(table: Table, snapshot_id: int | None) -> list[int]:
    line = []
    while snapshot_id is not None and (snapshot := table.metadata.snapshot_by_id(snapshot_id)) is not None:
        line.append(snapshot_id)
        snapshot_id = snapshot.parent_snapshot_id
    return line
