"""Which files an ingest reads: files and folders as named, Bulk Data exports as their manifest tells."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from a360.errors import OperatorError
from a360.fhir import other_formats
from a360.ingest._bytes import ByteSource, digest_of
from a360.ingest._limits import Limits

_DATA_NAME: Final = re.compile(r"(?i).+\.(ndjson|jsonl|json)(\.(gz|gzip|zst|zstd))?")
_SUFFIX: Final = re.compile(r"(?i)(\.(ndjson|jsonl|json))?(\.(gz|gzip|zst|zstd))?$")
_MANIFEST: Final = "manifest.json"
_MANIFEST_BYTES: Final = 64 << 20


class Role(StrEnum):
    """What a file is to the lake."""

    DATA = "data"
    DELETED = "deleted"
    ERRORS = "errors"


@dataclass(frozen=True, slots=True)
class Input:
    """A file to read. `told_at` is when the export it belongs to was made.

    Where `content` is given, its bytes are read in the file's place; `measure` is their size and digest, if
    these are known without calling it. `reading` is the fingerprint of what says how to read it: by another
    one, the same bytes are something new. `anew` has it read though its bytes are known.
    """

    path: Path
    role: Role = Role.DATA
    told_at: str | None = None
    content: Callable[[], bytes] | None = None
    measure: tuple[int, str] | None = None
    reading: str | None = None
    anew: bool = False

    @classmethod
    def made(cls, path: Path, content: Callable[[], bytes], now: bytes) -> "Input":
        """A file whose bytes are made when they are read; of those it has `now` only the measure is kept."""
        return cls(path, content=content, measure=(len(now), digest_of(now)))

    @property
    def bytes(self) -> int:
        """How much there is to read."""
        if self.measure is not None:
            return self.measure[0]
        return self.path.stat().st_size if self.content is None else len(self.content())

    def opened(self, limits: Limits) -> ByteSource:
        """Its bytes, to be read once."""
        return ByteSource(self.path, limits, self.content)

    def digest(self) -> str:
        """The digest of its bytes, not keyed."""
        if self.measure is not None:
            return self.measure[1]
        with self.opened(Limits()) as source:
            return source.finish()


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files to read, in order, and how many files of the named folders are none."""

    files: tuple[Input, ...]
    skipped: int


class _Output(msgspec.Struct):
    url: str


class _Manifest(msgspec.Struct):
    transaction_time: str = msgspec.field(name="transactionTime")
    output: list[_Output]
    deleted: list[_Output] = []
    error: list[_Output] = []
    extension: object = None

    @property
    def others(self) -> frozenset[str]:
        """The folders beside the export that are no part of it."""
        return other_formats(self.extension)


def find_inputs(paths: Iterable[Path | str]) -> Inputs:
    """The files that the paths stand for: folders recursively, in sorted order, each file once.

    Within a folder, links are followed only where they stay in it, hidden files are left out, and only names
    that say JSON or NDJSON count. A file that is named itself is read whatever its name.

    Raises:
        OperatorError: `input-missing` where a path is neither a file nor a folder, or cannot be read.
    """
    found: dict[Path, Input] = {}
    skipped = 0
    for path in map(Path, paths):
        if path.is_dir():
            for entry in _within(path):
                if isinstance(entry, Input):
                    found.setdefault(entry.path.resolve(), entry)
                else:
                    skipped += 1
        else:
            found.setdefault(path.resolve(), named(path))
    return Inputs(tuple(found.values()), skipped)


def suffix_of(name: str) -> str:
    """The part of a file's name that says its format, in lower case."""
    match = _SUFFIX.search(name)
    return match.group(0).lower() if match else ""


def named(path: Path) -> Input:
    """A file that a caller names itself; OperatorError `input-missing` where it is none."""
    if not path.is_file():
        raise OperatorError(
            "input-missing",
            "An input is neither a file nor a folder",
            where=str(path),
            found="a device or a pipe" if path.exists() else "nothing there",
            next_step="check the path; copy what a pipe or device gives into a file first",
        )
    return Input(path)


def _within(folder: Path) -> Iterator[Input | None]:
    """The files of a folder; None for each that is left out."""
    root = folder.resolve()
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = [Path(place, name) for name in sorted(names) if not name.startswith(".")]
        usable = [path if stays(path, root) else None for path in here]
        manifest = _read_manifest(Path(place)) if Path(place, _MANIFEST) in usable else None
        if manifest is None:
            yield from (_plain(path) for path in usable)
        else:
            folders[:] = [name for name in folders if name not in manifest.others]
            yield from _export(Path(place), manifest, [path for path in usable if path])


def stays(path: Path, root: Path) -> bool:
    """Whether it is a file that lies in the folder, and no link that leaves it."""
    return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(root))


def _plain(path: Path | None) -> Input | None:
    return Input(path) if path and _DATA_NAME.fullmatch(path.name) else None


def _export(folder: Path, manifest: _Manifest, present: Sequence[Path]) -> Iterator[Input | None]:
    """The files of a Bulk Data export: those that the manifest names, then the others that lie beside."""
    by_name = {path.name: path for path in present if path.name != _MANIFEST}
    listed = (
        (Role.DATA, manifest.output),
        (Role.DELETED, manifest.deleted),
        (Role.ERRORS, manifest.error),
    )
    named: dict[Path, Role] = {}
    missing = 0
    for role, outputs in listed:
        for output in outputs:
            spellings = _spellings(_file_name(output.url))
            path = next((by_name[each] for each in spellings if each in by_name), None)
            if path is None:
                missing += 1
            else:
                named.setdefault(path, role)
    if missing:
        raise _incomplete(folder, missing)
    yield from (Input(path, role, manifest.transaction_time) for path, role in named.items())
    yield from (_plain(path) for path in by_name.values() if path not in named)


def _incomplete(folder: Path, missing: int) -> OperatorError:
    return OperatorError(
        "input-missing",
        "An export lacks files that its manifest names",
        where=str(folder / _MANIFEST),
        found=f"{missing} not there",
        next_step="finish the download; or name the files that shall be read, in place of the folder",
    )


def _file_name(url: str) -> str:
    """The last part of a URL's path: never a way out of the folder."""
    return Path(unquote(urlsplit(url).path)).name


def _spellings(name: str) -> tuple[str, ...]:
    """How a downloaded output may be named on the disk."""
    return tuple(name + ending + packed for ending in ("", ".ndjson") for packed in ("", ".gz", ".zst"))


def _read_manifest(folder: Path) -> _Manifest | None:
    """The manifest of a Bulk Data export; None where `manifest.json` is something else."""
    path = folder / _MANIFEST
    try:
        if path.stat().st_size > _MANIFEST_BYTES:
            return None
        return msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    except OSError as error:
        raise _unreadable(error) from error


def _refuse(error: OSError) -> None:
    raise _unreadable(error) from error


def _unreadable(error: OSError) -> OperatorError:
    return OperatorError(
        "input-missing",
        "An input could not be read",
        where=str(error.filename or ""),
        found=error.strerror or "",
        next_step="check who may read it",
    )
