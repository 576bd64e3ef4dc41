"""Which files a table's snapshots reach, and which files lie in its folder."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow.fs as pafs
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from a360.catalog import CatalogSession
from a360.engine import open_io


@dataclass(frozen=True, slots=True)
class LyingFile:
    """A file in a table's folder."""

    path: str
    bytes: int
    modified: datetime


def plain(table: Table, path: str) -> str:
    """A path in the one form in which paths are compared: without scheme, object stores with the bucket."""
    _, _, bare = open_io(table).parse_location(path, table.io.properties)
    return bare


def reached_by(table: Table, snapshots: Iterable[Snapshot]) -> set[str]:
    """Manifest lists, manifests, data and delete files of snapshots."""
    access = open_io(table)
    files: set[str] = set()
    manifests: dict[str, ManifestFile] = {}
    for snapshot in snapshots:
        files.add(snapshot.manifest_list)
        manifests.update((each.manifest_path, each) for each in snapshot.manifests(access))
    for path, manifest in manifests.items():
        files.add(path)
        entries = manifest.fetch_manifest_entry(access, discard_deleted=True)
        files.update(entry.data_file.file_path for entry in entries)
    return {plain(table, path) for path in files}


def reachable(table: Table) -> set[str]:
    """Everything that a table's metadata reaches: snapshots, statistics, metadata files still logged."""
    metadata = table.metadata
    others = [table.metadata_location]
    others += [entry.metadata_file for entry in metadata.metadata_log]
    others += [each.statistics_path for each in (*metadata.statistics, *metadata.partition_statistics)]
    return reached_by(table, metadata.snapshots) | {plain(table, path) for path in others}


def lying_in(table: Table) -> Iterator[LyingFile]:
    """The files in a table's folder."""
    system, root = _system(table)
    for info in system.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True)):
        if info.type == pafs.FileType.File:
            modified = datetime.fromtimestamp(info.mtime_ns / 1_000_000_000, UTC)
            yield LyingFile(info.path, info.size, modified)


def delete_files(catalog: CatalogSession, table: Table, paths: Iterable[str]) -> None:
    """Delete files by their plain paths, and forget their digests; what is gone already is no fault."""
    system, _ = _system(table)
    gone = list(paths)
    for path in gone:
        try:
            system.delete_file(path)
        except FileNotFoundError:
            continue
    catalog.forget_files(gone)


def _system(table: Table) -> tuple[pafs.FileSystem, str]:
    access = open_io(table)
    scheme, place, root = access.parse_location(table.location(), table.io.properties)
    return access.fs_by_scheme(scheme, place), root


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at a table's files found.

    `missing` are reached and not there; `lost` are there, reached by nothing and older than a grace; `young`
    counts those that may belong to a commit under way. `changed` is when the table last was.
    """

    missing: Sequence[str]
    lost: Sequence[LyingFile]
    young: int
    changed: datetime


def look_at_files(table: Table, *, grace: timedelta = timedelta(days=1)) -> Inspection:
    """Hold the files in a table's folder against those that its metadata reaches."""
    # The folder is listed last: a file that is committed meanwhile counts as young, and never as missing.
    reached = reachable(table)
    lying = {each.path: each for each in lying_in(table)}
    unreached = [each for path, each in lying.items() if path not in reached]
    limit = datetime.now(UTC) - grace
    lost = [each for each in unreached if each.modified <= limit]
    missing = sorted(path for path in reached if path not in lying)
    changed = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=table.metadata.last_updated_ms)
    return Inspection(missing, lost, len(unreached) - len(lost), changed)
