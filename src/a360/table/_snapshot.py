"""Writing a table's next snapshot: manifests, manifest list, and the update that a catalog takes.

PyIceberg's own producers keep delete files that no longer delete anything, rebase appends unasked, and cannot
rewrite a table under Iceberg's operation `replace`; its manifest writers do all we need.
"""

import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Operation, Snapshot, SnapshotSummaryCollector, Summary
from pyiceberg.table.snapshots import update_snapshot_summaries as with_totals
from pyiceberg.table.update import (
    AddSnapshotUpdate,
    AssertRefSnapshotId,
    AssertTableUUID,
    SetSnapshotRefUpdate,
    TableRequirement,
    TableUpdate,
)

from a360.engine import open_io

_CODEC: Final = "deflate"
# Iceberg's defaults: so many manifests make a merge worth its while, and so large may one become.
_MANY_MANIFESTS: Final = 100
_TARGET_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Draft:
    """The next snapshot: files to add, whether what is there stays, and what else its summary says.

    Of what stays, the files of the paths in `without` go. `replace` says that the rows are the same as
    before, only kept in other files.
    """

    operation: Operation
    added: Sequence[DataFile] = ()
    keeps: bool = True
    says: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WrittenSnapshot:
    """A snapshot whose files lie in the table's folder, as a catalog takes it."""

    requirements: tuple[TableRequirement, ...]
    updates: tuple[TableUpdate, ...]
    files: tuple[str, ...]


def write_snapshot(table: Table, draft: Draft, branch: str = MAIN_BRANCH) -> WrittenSnapshot:
    """Write the manifests of a draft upon a table's current snapshot; `branch` is set to it."""
    return _Writer(table, branch).write(draft)


@dataclass(slots=True)
class _Writer:
    table: Table
    branch: str
    snapshot_id: int = 0
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    files: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.snapshot_id = self.table.metadata.new_snapshot_id()

    def write(self, draft: Draft) -> WrittenSnapshot:
        current = self.table.current_snapshot()
        standing = current.manifests(open_io(self.table)) if current else []
        manifests = self._added(draft.added)
        collector = SnapshotSummaryCollector()
        schema, specs = self.table.schema(), self.table.specs()
        for each in draft.added:
            collector.add_file(each, schema, specs[each.spec_id])
        gone: list[ManifestEntry] = []
        if draft.keeps:
            live = [each for each in standing if each.has_added_files() or each.has_existing_files()]
            live, gone = self._split(live, draft.without) if draft.without else (live, gone)
            manifests += self._merged(live)
        else:
            gone = self._entries(standing)
        manifests += self._removed(gone)
        for entry in gone:
            collector.remove_file(entry.data_file, schema, specs[entry.data_file.spec_id])
        summary = _summary(draft, collector.build(), current)
        snapshot = Snapshot(
            snapshot_id=self.snapshot_id,
            parent_snapshot_id=current.snapshot_id if current else None,
            manifest_list=self._list(manifests, current),
            sequence_number=self.table.metadata.next_sequence_number(),
            timestamp_ms=max(time.time_ns() // 1_000_000, current.timestamp_ms if current else 0),
            summary=summary,
            schema_id=self.table.metadata.current_schema_id,
        )
        return WrittenSnapshot(*_commit_of(self.table, snapshot, self.branch), tuple(self.files))

    def _entries(self, manifests: Sequence[ManifestFile]) -> list[ManifestEntry]:
        access = open_io(self.table)
        return [
            entry for each in manifests for entry in each.fetch_manifest_entry(access, discard_deleted=True)
        ]

    def _split(
        self, standing: Sequence[ManifestFile], without: frozenset[str]
    ) -> tuple[list[ManifestFile], list[ManifestEntry]]:
        """The manifests without the entries of some files, and these entries; others stay as they are."""
        live: list[ManifestFile] = []
        gone: list[ManifestEntry] = []
        for each in standing:
            entries = self._entries([each])
            leaving = [entry for entry in entries if entry.data_file.file_path in without]
            if not leaving:
                live.append(each)
                continue
            gone += leaving
            staying = [entry for entry in entries if entry.data_file.file_path not in without]
            if staying:
                live.append(self._manifest(each.partition_spec_id, [_kept(entry) for entry in staying]))
        return live, gone

    def _merged(self, standing: Sequence[ManifestFile]) -> list[ManifestFile]:
        """The manifests that stay, many small ones of a spec packed into few.

        Each append brings a manifest. Unmerged, every commit and every query would read and write a list of
        all there ever were.
        """
        kept: list[ManifestFile] = []
        by_spec: dict[int, list[ManifestFile]] = {}
        most = self._number("commit.manifest.target-size-bytes", _TARGET_BYTES)
        for each in standing:
            # What has been packed is left alone: its entries are not written again with every merge.
            small = each.manifest_length * 2 <= most and each.content == ManifestContent.DATA
            (by_spec.setdefault(each.partition_spec_id, []) if small else kept).append(each)
        least = self._least_to_merge()
        for spec_id, group in by_spec.items():
            kept += self._packed(spec_id, group, most) if len(group) >= least else group
        return kept

    def _packed(self, spec_id: int, manifests: Sequence[ManifestFile], most: int) -> Iterator[ManifestFile]:
        """Neighbours in one manifest, up to a size: readers skip manifests without what they seek."""
        packs: list[list[ManifestFile]] = []
        room = 0
        for each in manifests:
            if each.manifest_length > room:
                packs.append([])
                room = most
            packs[-1].append(each)
            room -= each.manifest_length
        for pack in packs:
            yield pack[0] if len(pack) == 1 else self._manifest(spec_id, self._staying(pack))

    def _least_to_merge(self) -> int:
        properties = self.table.metadata.properties
        if properties.get("commit.manifest-merge.enabled", "true").lower() == "false":
            return sys.maxsize
        return max(self._number("commit.manifest.min-count-to-merge", _MANY_MANIFESTS), 2)

    def _number(self, name: str, default: int) -> int:
        wanted = self.table.metadata.properties.get(name, "")
        return int(wanted) if wanted.isdigit() else default

    def _staying(self, manifests: Sequence[ManifestFile]) -> list[ManifestEntry]:
        """Live entries as they are carried over, with the snapshot and sequence numbers they came with."""
        return [_kept(entry) for entry in self._entries(manifests)]

    def _added(self, files: Sequence[DataFile]) -> list[ManifestFile]:
        entries = [
            ManifestEntry.from_args(
                status=ManifestEntryStatus.ADDED, snapshot_id=self.snapshot_id, data_file=each
            )
            for each in files
        ]
        return self._manifests(entries)

    def _removed(self, entries: Sequence[ManifestEntry]) -> list[ManifestFile]:
        """Manifests that tell which data files left; delete files just leave, as the spec allows.

        The bounds of their columns are left out: they are values of rows that may have to be gone for good.
        """
        return self._manifests(
            [
                ManifestEntry.from_args(
                    status=ManifestEntryStatus.DELETED,
                    snapshot_id=self.snapshot_id,
                    sequence_number=entry.sequence_number,
                    file_sequence_number=entry.file_sequence_number,
                    data_file=self._without_statistics(entry.data_file),
                )
                for entry in entries
                if entry.data_file.content == DataFileContent.DATA
            ]
        )

    def _without_statistics(self, file: DataFile) -> DataFile:
        bare = DataFile.from_args(
            content=file.content,
            file_path=file.file_path,
            file_format=file.file_format,
            partition=file.partition,
            record_count=file.record_count,
            file_size_in_bytes=file.file_size_in_bytes,
        )
        bare.spec_id = file.spec_id
        return bare

    def _manifests(self, entries: Sequence[ManifestEntry]) -> list[ManifestFile]:
        """One manifest for each partition spec among the entries."""
        by_spec: dict[int, list[ManifestEntry]] = {}
        for entry in entries:
            by_spec.setdefault(entry.data_file.spec_id, []).append(entry)
        return [self._manifest(spec_id, group) for spec_id, group in by_spec.items()]

    def _manifest(self, spec_id: int, entries: Sequence[ManifestEntry]) -> ManifestFile:
        with write_manifest(
            format_version=self.table.format_version,
            spec=self.table.specs()[spec_id],
            schema=self.table.schema(),
            output_file=open_io(self.table).new_output(self._path(f"{self.token}-m{len(self.files)}.avro")),
            snapshot_id=self.snapshot_id,
            avro_compression=_CODEC,
        ) as writer:
            for entry in entries:
                writer.add_entry(entry)
        return writer.to_manifest_file()

    def _list(self, manifests: list[ManifestFile], current: Snapshot | None) -> str:
        path = self._path(f"snap-{self.snapshot_id}-0-{self.token}.avro")
        with write_manifest_list(
            format_version=self.table.format_version,
            output_file=open_io(self.table).new_output(path),
            snapshot_id=self.snapshot_id,
            parent_snapshot_id=current.snapshot_id if current else None,
            sequence_number=self.table.metadata.next_sequence_number(),
            avro_compression=_CODEC,
        ) as writer:
            writer.add_manifests(manifests)
        return path

    def _path(self, name: str) -> str:
        path = self.table.location_provider().new_metadata_location(name)
        self.files.append(path)
        return path


def _kept(entry: ManifestEntry) -> ManifestEntry:
    """A live entry as another manifest carries it."""
    return ManifestEntry.from_args(
        status=ManifestEntryStatus.EXISTING,
        snapshot_id=entry.snapshot_id,
        sequence_number=entry.sequence_number,
        file_sequence_number=entry.file_sequence_number,
        data_file=entry.data_file,
    )


def _summary(draft: Draft, changes: dict[str, str], current: Snapshot | None) -> Summary:
    before = None
    if draft.keeps and current is not None and current.summary is not None:
        before = current.summary.additional_properties
    # PyIceberg totals overwrites alone, and a replacement starts its totals anew.
    counted = (
        changes if draft.keeps else {key: value for key, value in changes.items() if key.startswith("added-")}
    )
    totals = with_totals(Summary(Operation.OVERWRITE, **counted), before).additional_properties
    return Summary(draft.operation, **{**totals, **changes, **draft.says})


def _commit_of(
    table: Table, snapshot: Snapshot, branch: str
) -> tuple[tuple[TableRequirement, ...], tuple[TableUpdate, ...]]:
    return (
        (
            AssertTableUUID(uuid=table.metadata.table_uuid),
            AssertRefSnapshotId(snapshot_id=snapshot.parent_snapshot_id, ref=MAIN_BRANCH),
        ),
        (
            AddSnapshotUpdate(snapshot=snapshot),
            SetSnapshotRefUpdate(
                snapshot_id=snapshot.snapshot_id,
                parent_snapshot_id=snapshot.parent_snapshot_id,
                ref_name=branch,
                type=SnapshotRefType.BRANCH,
                max_ref_age_ms=None,
                max_snapshot_age_ms=None,
                min_snapshots_to_keep=None,
            ),
        ),
    )
