"""The committer: what is done to a table, and the record of it.

Engines compute rows and stage files; this room alone commits them, once each, through the commit gateway.
"""

from a360.table._types import CommitResult, SnapshotInfo, StepReport, new_commit_id

__all__ = ["CommitResult", "SnapshotInfo", "StepReport", "new_commit_id"]
