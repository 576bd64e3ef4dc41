"""What a commit names is on the disk before the commit is, and known to the ledger by size and digest.

Writers leave their files to the operating system, which may write them a while later. A table that names
files a power cut took is lost as a whole, so the catalog forces them out first; and reads them, which costs
little as long as the system still holds them in memory.
"""

import hashlib
import io
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from a360.catalog._errors import InternalServerError
from a360.catalog._wire import Json
from a360.catalog.store import CheckedFiles, LedgerEntry
from a360.files import sync_folder

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestFile

# Manifests are a few megabytes; what is larger is forced out and not looked into.
_LARGEST_MANIFEST = 256 * 1024 * 1024
# Clocks of file systems tick some hundred times a second.
_SETTLED_NS = 1_000_000_000
_REMEMBERED = 10_000
_THREADS = 4

type _State = tuple[int, int]


class Durability:
    """Forces the files of commits to the disk of this machine, and tells the ledger's entries of them."""

    def __init__(self, files: CheckedFiles) -> None:
        self._files = files
        self._unchanged: dict[Path, _State] = {}

    def require(self, updates: Sequence[Json]) -> list[LedgerEntry]:
        """Return once everything that these updates newly name in the warehouse is on the disk.

        What the ledger has is not new. Files that are missing or cannot be understood are not this room's to
        judge: the ledger does not get to know them, and no reader of ours will open them.

        Raises:
            InternalServerError: The disk failed; the commit must not be made.
        """
        forced = _Forced(self._files)
        try:
            for update in updates:
                forced.all_of(update)
            for folder in sorted(forced.folders):
                self._force_names(folder)
        except OSError as failed:
            raise InternalServerError(
                f"Nothing was committed: a file could not be forced to the disk ({failed.strerror})"
            ) from failed
        return list(forced.entries.values())

    def _force_names(self, folder: Path) -> None:
        """Force out the names in a folder, so that its files are found again, unless it stands as it did.

        Folders of tables and namespaces seldom change, and to force one out costs as much as a file does. One
        that changed a moment ago may change again without its time moving on: it is forced out next time too.
        """
        facts = folder.stat()
        state = (facts.st_ino, facts.st_mtime_ns)
        if self._unchanged.get(folder) == state:
            return
        sync_folder(folder)
        if time.time_ns() - facts.st_mtime_ns > _SETTLED_NS:
            if len(self._unchanged) >= _REMEMBERED:
                self._unchanged.clear()
            self._unchanged[folder] = state


class _Forced:
    """The files forced out for one commit, and their folders, which are forced out once at the end."""

    def __init__(self, files: CheckedFiles) -> None:
        self._files = files
        self._ledger = files.ledger
        self.folders: set[Path] = set()
        self.entries: dict[str, LedgerEntry] = {}

    def all_of(self, update: Json) -> None:
        """Force out what an update names; one that is malformed is refused elsewhere."""
        match update:
            case {"snapshot": {"manifest-list": str(listed), "snapshot-id": int(number)}}:
                self._snapshot(listed, number)
        for key in ("statistics", "partition-statistics"):
            match update.get(key):
                case {"statistics-path": str(path), "snapshot-id": int(number)}:
                    self._file(path, number)

    def _snapshot(self, manifest_list: str, number: int) -> None:
        """Force out manifest list, manifests, data and delete files, as far as they are new."""
        listed = self._file(manifest_list, number, read=True)
        manifests = {} if listed is None else {each.manifest_path: each for each in manifests_in(listed)}
        for path in self._new(manifests):
            content = self._file(path, number, read=True)
            if content is not None:
                self._many(self._new(live_files(manifests[path], content)), number)
        if manifests:
            top, *below = (self._ledger.name_of(path) or "" for path in (manifest_list, *manifests))
            self._files.note_whole(top, below)

    def _new(self, locations: Iterable[str]) -> list[str]:
        """The locations, less those of files that the ledger has or this commit has brought already."""
        names = {location: self._ledger.name_of(location) for location in locations}
        inside = {location: name for location, name in names.items() if name is not None}
        known = self._ledger.entries(set(inside.values()) - self.entries.keys()).keys() | self.entries.keys()
        return [location for location, name in inside.items() if name not in known]

    def _many(self, locations: Sequence[str], number: int) -> None:
        if len(locations) < 2:  # noqa: PLR2004 -- one file needs no second thread
            for location in locations:
                self._file(location, number)
            return
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="a360-digest") as pool:
            for _ in pool.map(lambda location: self._file(location, number), locations):
                pass

    def _file(self, location: str, number: int | None, *, read: bool = False) -> bytes | None:
        """Force a file out; its content if asked for, None where there is no such file in the warehouse."""
        name = self._ledger.name_of(location)
        if name is None:
            return None
        path = self._ledger.warehouse / name
        try:
            # Neither a link out of the warehouse nor a pipe that would never open.
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as opened:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                return None
            os.fsync(handle)
            self.folders.update(_between(path, self._ledger.warehouse))
            content = opened.read() if read and facts.st_size <= _LARGEST_MANIFEST else None
            digest = (
                hashlib.file_digest(opened, "sha256") if content is None else hashlib.sha256(content)
            ).digest()
        if name not in self._ledger.entries([name]):
            self.entries[name] = LedgerEntry(name, facts.st_size, digest, number)
            self._files.remember(name, facts)
        return content


def _between(path: Path, warehouse: Path) -> Iterator[Path]:
    """The folders of a file inside the warehouse: any of them may be new."""
    for folder in path.parents:
        yield folder
        if folder == warehouse:
            return


def manifests_in(listed: bytes) -> "list[ManifestFile]":
    """What a manifest list names; nothing where it is none."""
    from pyiceberg.manifest import read_manifest_list  # noqa: PLC0415 -- 0.2 s

    try:
        return list(read_manifest_list(_Bytes(listed)))  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 -- what is no manifest list is the catalog's to refuse
        return []


def live_files(manifest: "ManifestFile", content: bytes) -> list[str]:
    """The data and delete files of a manifest."""
    from pyiceberg.manifest import ManifestEntryStatus  # noqa: PLC0415 -- 0.2 s

    try:
        entries = manifest.fetch_manifest_entry(_Files(content))  # type: ignore[arg-type]
        return [each.data_file.file_path for each in entries if each.status != ManifestEntryStatus.DELETED]
    except Exception:  # noqa: BLE001 -- likewise
        return []


class _Bytes:
    """A file that was read already, as PyIceberg's Avro reader opens one."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def open(self, seekable: bool = True) -> io.BytesIO:  # noqa: ARG002, FBT001, FBT002 -- the reader's interface
        """The content as a stream."""
        return io.BytesIO(self._content)


class _Files:
    """File access that knows one file."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def new_input(self, location: str) -> _Bytes:  # noqa: ARG002 -- the reader's interface
        """That file."""
        return _Bytes(self._content)
