"""Manifests: what a CSV or NDJSON file beside other files says of each, and which files it names."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from a360.errors import DataError, OperatorError
from a360.ingest._inputs import stays
from a360.ingest._rules import Rule

_MANIFEST_BYTES: Final = 256 << 20
_LINE_CELLS: Final = "more cells than the header has"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a manifest: `line` counts from 1; a row that cannot be read has a fault and no values."""

    line: int
    values: Mapping[str, object]
    raw: bytes
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """A file that a row names and that is not to be read."""

    rule: Rule
    reason: str


class LostError(Exception):
    """Ends the look at a row or file that is not to be taken."""

    def __init__(self, rule: Rule, reason: str) -> None:
        super().__init__(reason)
        self.lost = Lost(rule, reason)


class Versions:
    """The versions that a call has seen; two that say the same time and differ cannot be told in order."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, object], bytes] = {}

    def is_ambiguous(self, key: str, updated: object, content: bytes) -> bool:
        """Whether another content has come under this key and time; notes what came first."""
        digest = hashlib.blake2b(content, digest_size=16).digest()
        return self._seen.setdefault((key, updated), digest) != digest


def read_manifest(path: Path) -> list[Row]:
    """The rows of a manifest.

    Raises:
        DataError: `input-refused` where it is no UTF-8, has no header, or is larger than a manifest may be.
        OperatorError: `input-missing` where it cannot be read.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= _MANIFEST_BYTES else None
    except OSError as error:
        raise OperatorError(
            "input-missing", "A manifest could not be read", where=str(path), found=error.strerror or ""
        ) from error
    if data is None:
        raise _refused(path, f"more than {_MANIFEST_BYTES} bytes", "split it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(path, "bytes that are no UTF-8", "save it as UTF-8") from None
    return list(_csv_rows(path, text) if path.suffix.lower() == ".csv" else _json_rows(text))


def _refused(path: Path, found: str, next_step: str) -> DataError:
    return DataError(
        "input-refused", "A manifest cannot be read", where=str(path), found=found, next_step=next_step
    )


def _csv_rows(path: Path, text: str) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = reader.fieldnames
        if not header or len(set(header)) < len(header) or "file" not in header:
            raise _refused(path, "a header without `file`, or with a column twice", "give each column a name")
        for row in reader:
            raw = json.dumps(row, ensure_ascii=False, default=str, sort_keys=False).encode()
            long = None in row
            yield Row(reader.line_num, {} if long else row, raw, _LINE_CELLS if long else "")
    except csv.Error as error:
        raise _refused(path, f"line {reader.line_num}: {error}", "mend its quotes") from None


def _json_rows(text: str) -> Iterator[Row]:
    for line, part in enumerate(text.split("\n"), start=1):
        if not part.strip():
            continue
        try:
            row = json.loads(part)
        except (ValueError, RecursionError):
            row = None
        is_row = isinstance(row, dict)
        yield Row(line, row if is_row else {}, part.encode(), "" if is_row else "no JSON object")


def inside(folder: Path, name: str) -> Path | Lost:
    """The file that a manifest in a folder names, if it lies in that folder, links followed."""
    parts = PurePosixPath(name).parts
    windows = PureWindowsPath(name)
    if not parts or name.startswith("/") or ".." in parts or windows.drive or "\\" in name or "\0" in name:
        return Lost(Rule.OUTSIDE_FOLDER, "the row names a file that does not lie beside its manifest")
    path = folder.joinpath(*parts)
    try:
        place = path.resolve()
        if not place.is_relative_to(folder.resolve()):
            return Lost(Rule.OUTSIDE_FOLDER, "the row names a link that leads out of its folder")
        if not place.is_file():
            return Lost(Rule.MISSING_FILE, "the file that the row names is not there")
    except OSError:
        return Lost(Rule.MISSING_FILE, "the file that the row names cannot be read")
    return path


def walk(folder: Path) -> Iterator[tuple[list[Path], int]]:
    """The files of each folder in order, and how many are left out: hidden ones, and links that leave it."""
    root = folder.resolve()
    for place, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = [Path(place, name) for name in sorted(names)]
        kept = [path for path in here if not path.name.startswith(".") and stays(path, root)]
        yield kept, len(here) - len(kept)


def _unreadable(error: OSError) -> None:
    raise OperatorError(
        "input-missing",
        "A folder could not be read",
        where=str(error.filename or ""),
        found=error.strerror or "",
        next_step="check who may read it",
    ) from error
