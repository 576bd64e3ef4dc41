"""The files of the export, laid out as a FHIR Bulk Data export lays them out."""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from a360.errors import UsageError
from a360.synth._fhir import BASE, EXTENSIONS, SECURITY, SERVER, TAG, Resource, concept
from a360.synth._tables import OTHER_KINDS

MANIFEST = "manifest.json"
SYNTHETIC_EXTENSION = f"{EXTENSIONS}/synthetic"
# The folders beside the export that hold other formats, with their files; ingest of FHIR passes them by.
OTHER_EXTENSION = f"{EXTENSIONS}/other-formats"
_STAGING = ".a360-synth"
_DELETED = "Bundle"
_ERRORS = "OperationOutcome"
_DELETES_PER_BUNDLE = 100


@dataclass(slots=True)
class _Series:
    """The files of one resource type; a second one is begun when the first is full."""

    name: str
    counts: list[int]
    file: BinaryIO | None = None

    def final_names(self) -> list[str]:
        """The names after the last line: numbered if there are several files."""
        if len(self.counts) == 1:
            return [f"{self.name}.ndjson"]
        return [self.staged_name(number) for number in range(len(self.counts))]

    def staged_name(self, number: int) -> str:
        """The name while it is written."""
        return f"{self.name}.{number:03}.ndjson"


class ExportWriter:
    """Writes the export into a staging folder and puts it in place when it is whole."""

    def __init__(self, folder: Path, rows_per_file: int) -> None:
        self._folder = folder
        self._staging = folder / _STAGING
        self._rows = rows_per_file
        self._series: dict[str, _Series] = {}
        self._deletes: list[tuple[str, str]] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        _require_ours(self._folder)
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(parents=True)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._open.close()
        shutil.rmtree(self._staging, ignore_errors=True)

    def add(self, resource_type: str, line: bytes) -> None:
        """Write one line to the file of its type."""
        series = self._series.get(resource_type)
        if series is None:
            series = self._series[resource_type] = _Series(resource_type, [])
        if series.file is None or series.counts[-1] >= self._rows:
            if series.file is not None:
                series.file.close()
            path = self._staging / series.staged_name(len(series.counts))
            series.file = self._open.enter_context(path.open("wb", buffering=1 << 18))
            series.counts.append(0)
        series.file.write(line)
        series.file.write(b"\n")
        series.counts[-1] += 1

    def add_deleted(self, deleted: list[tuple[str, str]]) -> None:
        """Note resources that have been deleted."""
        self._deletes += deleted

    @property
    def deletes(self) -> int:
        """How many deletions were noted."""
        return len(self._deletes)

    def counts(self) -> dict[str, int]:
        """Lines by resource type, in alphabetical order."""
        return {name: sum(self._series[name].counts) for name in sorted(self._series)}

    @property
    def staging(self) -> Path:
        """Where files lie until all are whole."""
        return self._staging

    def finish(self, transaction_time: str, extension: Resource, other: Resource) -> tuple[str, ...]:
        """Write deletions, errors and manifest, and put everything in place; the names of the files."""
        data = [self._series[name] for name in sorted(self._series)]
        deleted, errors = self._write_deleted(transaction_time), self._write_errors()
        self._open.close()
        manifest = {
            "transactionTime": transaction_time,
            "request": f"{SERVER}/$export?_since={extension['since']}",
            "requiresAccessToken": False,
            "output": [entry for series in data for entry in _entries(series)],
            "deleted": [entry for series in deleted for entry in _entries(series)],
            "error": [entry for series in errors for entry in _entries(series)],
            "extension": {SYNTHETIC_EXTENSION: extension, **({OTHER_EXTENSION: other} if other else {})},
        }
        _clear(self._folder)
        names: list[str] = []
        for series in (*data, *deleted, *errors):
            for number, name in enumerate(series.final_names()):
                (self._staging / series.staged_name(number)).replace(self._folder / name)
                names.append(name)
        for name in _other_names(other):
            (self._folder / name).parent.mkdir(exist_ok=True)
            (self._staging / name).replace(self._folder / name)
            names.append(name)
        encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        staged = self._staging / MANIFEST
        staged.write_bytes(encoded + b"\n")
        # Last, so that a folder with a manifest is whole.
        staged.replace(self._folder / MANIFEST)
        return (*names, MANIFEST)

    def _write_deleted(self, transaction_time: str) -> list[_Series]:
        """Transaction Bundles whose entries say DELETE."""
        meta = {"lastUpdated": transaction_time, "security": SECURITY, "tag": TAG}
        lines: list[bytes] = []
        for start in range(0, len(self._deletes), _DELETES_PER_BUNDLE):
            part = self._deletes[start : start + _DELETES_PER_BUNDLE]
            bundle = {
                "resourceType": "Bundle",
                "id": f"deleted-{start // _DELETES_PER_BUNDLE:06}",
                "meta": meta,
                "type": "transaction",
                "timestamp": transaction_time,
                "entry": [{"request": {"method": "DELETE", "url": f"{kind}/{key}"}} for kind, key in part],
            }
            lines.append(msgspec.json.encode(bundle))
        return self._write_lines(_DELETED, lines)

    def _write_errors(self) -> list[_Series]:
        """What the sender could not export, as it would say so."""
        outcome = {
            "resourceType": "OperationOutcome",
            "id": "export-1",
            "meta": {"security": SECURITY, "tag": TAG},
            "issue": [
                {
                    "severity": "warning",
                    "code": "not-supported",
                    "details": concept(
                        f"{BASE}/CodeSystem/export", "type-skipped", "Resource type not exported"
                    ),
                    "diagnostics": "Coverage is not exported by this server",
                }
            ],
        }
        return self._write_lines(_ERRORS, [msgspec.json.encode(outcome)])

    def _write_lines(self, name: str, lines: list[bytes]) -> list[_Series]:
        if not lines:
            return []
        series = _Series(name, [len(lines)])
        (self._staging / series.staged_name(0)).write_bytes(b"".join(line + b"\n" for line in lines))
        return [series]


def _entries(series: _Series) -> list[Resource]:
    return [
        {"type": series.name, "url": name, "count": count}
        for name, count in zip(series.final_names(), series.counts, strict=True)
    ]


def _require_ours(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier export of ours."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError("usage", "The output of synth must be a folder", where=str(folder), found="a file")
    entries = [entry for entry in folder.iterdir() if entry.name != _STAGING]
    if entries and _our_manifest(folder) is None:
        raise UsageError(
            "usage",
            "The output folder of synth holds files that synth did not write",
            where=str(folder),
            found=f"{len(entries)} entries and no manifest of a generated export",
            next_step="name an empty folder, or one that does not exist yet",
        )


def _our_manifest(folder: Path) -> Resource | None:
    try:
        manifest: Resource = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=dict)
    except (OSError, msgspec.DecodeError):
        return None
    extension = manifest.get("extension")
    return manifest if isinstance(extension, dict) and SYNTHETIC_EXTENSION in extension else None


def _clear(folder: Path) -> None:
    """Remove the files of an earlier export, the manifest first."""
    manifest = _our_manifest(folder)
    if manifest is None:
        return
    (folder / MANIFEST).unlink()
    for part in ("output", "deleted", "error"):
        for entry in manifest.get(part, []):
            (folder / Path(str(entry.get("url", ""))).name).unlink(missing_ok=True)
    for name in _other_names(manifest["extension"].get(OTHER_EXTENSION, {})):
        (folder / name).unlink(missing_ok=True)
        if not any((folder / name).parent.iterdir()):
            (folder / name).parent.rmdir()


def _other_names(other: Resource) -> list[str]:
    """The files of the other kinds, as `folder/name`: whatever an entry says, no way out of the folder."""
    return [
        f"{kind}/{Path(str(entry.get('url', ''))).name}"
        for kind in OTHER_KINDS
        for entry in other.get(kind, [])
    ]
