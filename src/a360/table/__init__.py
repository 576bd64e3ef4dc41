"""The committer: what is done to a table, and the record of it.

Engines compute rows and stage files; this room alone commits them, once each, through the commit gateway.
Reports and results are plain values that cost nothing to import; `Tables` is loaded when it is asked for.
"""

from typing import TYPE_CHECKING

from a360._lazy import lazily
from a360.table._types import OUTCOMES, CommitResult, SnapshotInfo, StepReport, new_commit_id

if TYPE_CHECKING:
    from a360.table._batches import landed_batches, sweep_lost_batches
    from a360.table._commit import UNFENCED, Base
    from a360.table._difference import Difference, diff
    from a360.table._files import LyingFile, look_at_files
    from a360.table._history import HistoryEntry, history
    from a360.table._moments import undone_snapshots
    from a360.table._pins import Moment, moment, pins
    from a360.table._purge import PurgedFile
    from a360.table._refs import Tag, commits_after
    from a360.table._schema import evolution, unchanged
    from a360.table._summary import describe
    from a360.table._tables import TableInfo, Tables
    from a360.table._tagging import remove_tag, set_tag
    from a360.table._verify import Damage, FilesVerified, verify_files

__all__ = [
    "OUTCOMES",
    "UNFENCED",
    "Base",
    "CommitResult",
    "Damage",
    "Difference",
    "FilesVerified",
    "HistoryEntry",
    "LyingFile",
    "Moment",
    "PurgedFile",
    "SnapshotInfo",
    "StepReport",
    "TableInfo",
    "Tables",
    "Tag",
    "commits_after",
    "describe",
    "diff",
    "evolution",
    "history",
    "landed_batches",
    "look_at_files",
    "moment",
    "new_commit_id",
    "pins",
    "remove_tag",
    "set_tag",
    "sweep_lost_batches",
    "unchanged",
    "undone_snapshots",
    "verify_files",
]

_LAZY = {
    "UNFENCED": "_commit",
    "Base": "_commit",
    "Difference": "_difference",
    "HistoryEntry": "_history",
    "LyingFile": "_files",
    "Moment": "_pins",
    "PurgedFile": "_purge",
    "TableInfo": "_tables",
    "Tables": "_tables",
    "Tag": "_refs",
    "commits_after": "_refs",
    "describe": "_summary",
    "diff": "_difference",
    "history": "_history",
    "landed_batches": "_batches",
    "look_at_files": "_files",
    "moment": "_pins",
    "pins": "_pins",
    "remove_tag": "_tagging",
    "set_tag": "_tagging",
    "evolution": "_schema",
    "unchanged": "_schema",
    "sweep_lost_batches": "_batches",
    "undone_snapshots": "_moments",
    "Damage": "_verify",
    "FilesVerified": "_verify",
    "verify_files": "_verify",
}

__getattr__ = lazily(__name__, _LAZY)
