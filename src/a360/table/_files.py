"""Which files a table's snapshots reach, and which files lie in its folder."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow.fs as pafs
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

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


def delete_files(table: Table, paths: Iterable[str]) -> None:
    """Delete files by their plain paths; what is gone already is no fault."""
    system, _ = _system(table)
    for path in paths:
        try:
            system.delete_file(path)
        except FileNotFoundError:
            continue


def _system(table: Table) -> tuple[pafs.FileSystem, str]:
    access = open_io(table)
    scheme, place, root = access.parse_location(table.location(), table.io.properties)
    return access.fs_by_scheme(scheme, place), root
