"""How large a table is, and how much of it is waiting to be deleted: what the choice of a write rests on."""

from collections.abc import Iterable
from dataclasses import dataclass

from pyiceberg.manifest import DataFileContent, ManifestContent, ManifestEntry, ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from a360.engine import open_io
from a360.table._summary import summary_of

_TOTALS = (
    "total-records",
    "total-position-deletes",
    "total-files-size",
    "total-data-files",
    "total-delete-files",
)

# Below this a table is rewritten sooner than given delete files: it costs less than what readers would pay.
TINY_ROWS = 20_000
# Up to this it is unless only one row in so many changes.
SMALL_ROWS = 200_000
SMALL_BYTES = 32 * 1024 * 1024
MODES = ("copy-on-write", "merge-on-read")
_MOST = 2
_FEW = 50
_MANY_DELETES = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a table's current snapshot; `rows` are those in data files, deleted ones included."""

    rows: int = 0
    deletes: int = 0
    bytes: int = 0
    files: int = 0
    delete_files: int = 0

    @property
    def live_rows(self) -> int:
        """Rows that readers see, exact unless a row was deleted twice."""
        return max(self.rows - self.deletes, 0)

    def better_rewritten(self, changed: int, mode: str | None = None) -> bool:
        """Whether changing so many rows is better done by writing the table anew.

        `mode` is what the table's owner wants, in the words of Iceberg's `write.merge.mode`.
        """
        if mode in MODES:
            return mode == MODES[0]
        small = self.rows <= SMALL_ROWS and self.bytes <= SMALL_BYTES
        if small and (self.rows <= TINY_ROWS or changed * _FEW >= self.live_rows):
            return True
        return changed * _MOST >= self.live_rows or self.deletes * _MANY_DELETES >= self.rows


def shape_of(table: Table) -> Shape:
    """The shape of a table, from its snapshot's summary where that has all the totals."""
    snapshot = table.current_snapshot()
    if snapshot is None:
        return Shape()
    summary = summary_of(snapshot)
    if all(key in summary for key in _TOTALS):
        rows, deletes, size, files, delete_files = (int(summary[key]) for key in _TOTALS)
        return Shape(rows, deletes, size, files, delete_files)
    return _counted(live_entries(table, snapshot))


def live_entries(table: Table, snapshot: Snapshot) -> list[ManifestEntry]:
    """The data and delete files of a snapshot."""
    access = open_io(table)
    return [
        entry
        for manifest in snapshot.manifests(access)
        for entry in manifest.fetch_manifest_entry(access, discard_deleted=True)
    ]


def only_grew(table: Table, snapshot_id: str) -> bool:
    """Whether since a snapshot files were added only, none of them one that deletes rows.

    Manifests tell it without being read; of some that were merged meanwhile it is denied.
    """
    then, now = table.metadata.snapshot_by_id(int(snapshot_id)), table.current_snapshot()
    if then is None or now is None:
        return False
    access = open_io(table)
    before = {each.manifest_path for each in then.manifests(access)}
    after = {each.manifest_path: each for each in now.manifests(access)}
    added = [each for path, each in after.items() if path not in before]
    return before <= after.keys() and all(_only_adds(each) for each in added)


def _only_adds(manifest: ManifestFile) -> bool:
    untold = manifest.existing_files_count is None or manifest.deleted_files_count is None
    changed = manifest.existing_files_count or manifest.deleted_files_count
    return manifest.content == ManifestContent.DATA and not untold and not changed


def _counted(entries: Iterable[ManifestEntry]) -> Shape:
    rows = deletes = size = files = delete_files = 0
    for entry in entries:
        size += entry.data_file.file_size_in_bytes
        if entry.data_file.content == DataFileContent.DATA:
            rows += entry.data_file.record_count
            files += 1
        else:
            deletes += entry.data_file.record_count
            delete_files += 1
    return Shape(rows, deletes, size, files, delete_files)
