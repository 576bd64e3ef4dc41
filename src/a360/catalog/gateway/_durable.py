"""What a commit names is on the disk before the commit is: data files, manifests and the folders they are in.

Writers leave their files to the operating system, which may write them a while later. A table that names
files a power cut took is lost as a whole, so the gateway, which every commit passes, forces them out first.
"""

import io
import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from a360.catalog._errors import InternalServerError
from a360.catalog._wire import Json
from a360.files import sync_folder

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestFile

_FILE_SCHEME = "file://"
# Manifests are a few megabytes; what is larger is forced out and not looked into.
_LARGEST_MANIFEST = 256 * 1024 * 1024
# Clocks of file systems tick some hundred times a second.
_SETTLED_NS = 1_000_000_000
_REMEMBERED = 10_000

type _State = tuple[int, int]


class Durability:
    """Forces the files of commits to the disk of this machine."""

    def __init__(self, warehouse: Path) -> None:
        self._warehouse = warehouse
        self._unchanged: dict[Path, _State] = {}

    def require(self, updates: Sequence[Json]) -> None:
        """Return once everything that these updates newly name in the warehouse is on the disk.

        Files that are missing or cannot be understood are not this room's to judge.

        Raises:
            InternalServerError: The disk failed; the commit must not be made.
        """
        forced = _Forced(self._warehouse)
        try:
            for update in updates:
                for location in _named_by(update, forced):
                    forced.file(location)
            for folder in sorted(forced.folders):
                self._force_names(folder)
        except OSError as failed:
            raise InternalServerError(
                f"Nothing was committed: a file could not be forced to the disk ({failed.strerror})"
            ) from failed

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

    def __init__(self, warehouse: Path) -> None:
        self._warehouse = warehouse
        self.folders: set[Path] = set()

    def file(self, location: str, *, read: bool = False) -> bytes | None:
        """Force a file out; its content if asked for, None where there is no such file in the warehouse."""
        path = Path(os.path.normpath(location.removeprefix(_FILE_SCHEME)))
        if not path.is_absolute() or not path.is_relative_to(self._warehouse):
            return None
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
            self.folders.update(_between(path, self._warehouse))
            return opened.read() if read and facts.st_size <= _LARGEST_MANIFEST else None


def _between(path: Path, warehouse: Path) -> Iterator[Path]:
    """The folders of a file inside the warehouse: any of them may be new."""
    for folder in path.parents:
        yield folder
        if folder == warehouse:
            return


def _named_by(update: Json, forced: _Forced) -> Iterator[str]:
    """The files that an update names and that are new with it."""
    for key in ("statistics", "partition-statistics"):
        attached = update.get(key)
        if isinstance(attached, dict) and isinstance(attached.get("statistics-path"), str):
            yield attached["statistics-path"]
    snapshot = update.get("snapshot")
    if isinstance(snapshot, dict) and isinstance(snapshot.get("manifest-list"), str):
        listed = forced.file(snapshot["manifest-list"], read=True)
        if listed is not None:
            yield from _data_files(listed, int(snapshot["snapshot-id"]), forced)


def _data_files(listed: bytes, snapshot_id: int, forced: _Forced) -> Iterator[str]:
    """The data and delete files that a snapshot adds; its new manifests are forced out on the way."""
    for manifest in _manifests(listed, snapshot_id):
        content = forced.file(manifest.manifest_path, read=True)
        if content is not None:
            yield from _added(manifest, content)


def _manifests(listed: bytes, snapshot_id: int) -> "list[ManifestFile]":
    from pyiceberg.manifest import read_manifest_list  # noqa: PLC0415 -- 0.2 s

    try:
        every = read_manifest_list(_Bytes(listed))  # type: ignore[arg-type]
        return [each for each in every if each.added_snapshot_id == snapshot_id]
    except Exception:  # noqa: BLE001 -- what is no manifest list is the catalog's to refuse
        return []


def _added(manifest: "ManifestFile", content: bytes) -> list[str]:
    from pyiceberg.manifest import ManifestEntryStatus  # noqa: PLC0415 -- 0.2 s

    try:
        entries = manifest.fetch_manifest_entry(_Files(content))  # type: ignore[arg-type]
        return [each.data_file.file_path for each in entries if each.status == ManifestEntryStatus.ADDED]
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
