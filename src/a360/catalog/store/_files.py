"""Metadata files and table folders in the warehouse."""

import contextlib
import gzip
import hashlib
import os
import re
import shutil
import threading
import uuid
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from a360.catalog._errors import BadRequestError, FileDamagedError, InternalServerError
from a360.catalog._wire import Json, decode_object, encode
from a360.catalog.metadata import normal_form
from a360.catalog.store._checked import CheckedFiles
from a360.errors import DataError
from a360.files import sync_folder, write_new

_FOLDERS = ("data", "metadata")
_CACHED_FILES = 256
_CACHED_BYTES = 64 * 1024 * 1024
# What reading a file that is missing, cut short, garbage, or JSON of another shape ends in.
_BROKEN = (OSError, EOFError, zlib.error, BadRequestError, KeyError, TypeError, ValueError, AttributeError)
_VERSION = re.compile(r"^(\d+)-")
# How Java, and so Spark, writes the URL of a local path; the other engines know the path and `file://`.
_ONE_SLASH = re.compile(r"^file:/(?!/)")


@dataclass(frozen=True, slots=True)
class MetadataFile:
    """A metadata file.

    Attributes:
        location: Where it lies.
        text: Its content as JSON.
        document: Its content in normal form; shared between threads, never to be changed.
        size: Its size on the disk.
        sha256: The digest of what is on the disk.
    """

    location: str
    text: bytes
    document: Json
    size: int
    sha256: bytes


class Warehouse:
    """The folder under which all tables lie; nothing outside it is ever written or removed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self._cache: OrderedDict[str, MetadataFile] = OrderedDict()
        self._cached_bytes = 0
        self._lock = threading.Lock()
        self._checked: CheckedFiles | None = None

    def checked_by(self, files: CheckedFiles) -> None:
        """Read no metadata from now on that is not what was committed."""
        self._checked = files

    def path_of(self, location: str) -> Path:
        """The path of a table or metadata location.

        Raises:
            BadRequestError: It is not a local path, or not inside the warehouse.
        """
        path = Path(os.path.normpath(location.removeprefix("file://")))
        if not path.is_absolute() or not path.is_relative_to(self.folder) or path == self.folder:
            raise BadRequestError("Invalid location: it must lie inside the warehouse")
        return path

    def is_bare(self) -> bool:
        """Whether no table's metadata lies in the warehouse."""
        return next(metadata_files(self.folder), None) is None

    def default_location(self, namespace: Sequence[str], name: str) -> str:
        """A folder for a new table, readable by people; never one that holds files of an earlier table.

        Namespaces of several levels make one folder, so that no table's folder lies in another's.
        """
        levels = ".".join(_folder_name(level).replace(".", "%2E") for level in namespace)
        plain = self.folder / levels / _folder_name(name)
        while any(_holds_files(plain / each) for each in _FOLDERS):
            plain = plain.with_name(f"{_folder_name(name)}-{uuid.uuid4().hex[:8]}")
        return str(plain)

    def location_for(self, namespace: Sequence[str], name: str, wanted: object) -> str:
        """Where a new table or view lies: where it is wanted, or a folder of its own.

        Raises:
            BadRequestError: The wanted place is not inside the warehouse.
        """
        if not wanted:
            return self.default_location(namespace, name)
        location = _ONE_SLASH.sub("/", str(wanted).rstrip("/"))
        self.path_of(location)
        return location

    def make_folders(self, location: str) -> None:
        """Create a table's folders; DuckDB writes into them and does not create them."""
        for each in _FOLDERS:
            (self.path_of(location) / each).mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, location: str, *, anew: bool = False) -> MetadataFile:
        """The metadata file at a location, from memory where it was read or written before.

        Args:
            location: Where it lies.
            anew: Whether to look at the disk all the same: a file that is not ours yet may have changed.

        Raises:
            InternalServerError: The file is missing or broken.
            FileDamagedError: It is not what was committed.
        """
        with self._lock:
            found = self._cache.get(location)
            if found is not None and not anew:
                self._cache.move_to_end(location)
                return found
        try:
            raw = self.path_of(location).read_bytes()
            if self._checked is not None:
                self._checked.require_content(location, raw, known=anew)
            text = gzip.decompress(raw) if location.endswith(".gz.metadata.json") else raw
            loaded = _normal(location, text, raw)
        except DataError as damaged:
            raise FileDamagedError(damaged) from damaged
        except _BROKEN as broken:
            self._require_whole(location)
            raise InternalServerError("The table's metadata file is missing or broken") from broken
        self._remember(loaded)
        return loaded

    def _require_whole(self, location: str) -> None:
        """Tell damage by its name, which no client asks about again, unlike a fault of the catalog."""
        try:
            if self._checked is not None:
                self._checked.require([location], known=True)
        except DataError as damaged:
            raise FileDamagedError(damaged) from damaged

    def write(self, document: Json, *, after: str | None, limit: int | None = None) -> MetadataFile:
        """Write a new metadata file and force it to disk, before anything points at it.

        Raises:
            BadRequestError: The metadata is larger than the limit.
        """
        text = encode(document)
        if limit is not None and len(text) > limit:
            raise BadRequestError(
                f"The table's metadata exceeds {limit} bytes; expire snapshots or compact it"
            )
        zipped = (document.get("properties") or {}).get("write.metadata.compression-codec") == "gzip"
        suffix = ".gz.metadata.json" if zipped else ".metadata.json"
        folder = self.path_of(document["location"]) / "metadata"
        path = folder / f"{_next_version(after):05d}-{uuid.uuid4()}{suffix}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        raw = gzip.compress(text, 6, mtime=0) if zipped else text
        _write_durably(path, raw)
        written = MetadataFile(str(path), text, document, len(raw), hashlib.sha256(raw).digest())
        self._remember(written)
        return written

    def _remember(self, file: MetadataFile) -> None:
        with self._lock:
            replaced = self._cache.pop(file.location, None)
            self._cache[file.location] = file
            self._cached_bytes += len(file.text) - (len(replaced.text) if replaced else 0)
            while len(self._cache) > _CACHED_FILES or (
                len(self._cache) > 1 and self._cached_bytes > _CACHED_BYTES
            ):
                self._cached_bytes -= len(self._cache.popitem(last=False)[1].text)

    def discard(self, location: str) -> None:
        """Delete a metadata file that nothing points at; a file that is gone or elsewhere does not matter."""
        with self._lock:
            found = self._cache.pop(location, None)
            self._cached_bytes -= len(found.text) if found else 0
        try:
            self.path_of(location).unlink(missing_ok=True)
        except (OSError, BadRequestError):
            return

    def discard_view(self, view: MetadataFile) -> list[str]:
        """Delete all metadata of a dropped view, and its folder where nothing else lies in it."""
        folder = self.path_of(view.document["location"]) / "metadata"
        gone = []
        for path in metadata_files(folder):
            with contextlib.suppress(InternalServerError, FileDamagedError):
                if self.read(str(path), anew=True).document.get("view-uuid") == view.document["view-uuid"]:
                    self.discard(str(path))
                    gone.append(str(path))
        with contextlib.suppress(OSError):
            folder.rmdir()
            folder.parent.rmdir()
        return gone

    def purge(self, location: str) -> None:
        """Delete a dropped table's folder with all that is in it."""
        shutil.rmtree(self.path_of(location), ignore_errors=True)


def metadata_files(warehouse: Path) -> Iterator[Path]:
    """Every metadata file below a folder; links are not followed."""
    for folder, below, files in os.walk(warehouse):
        below.sort()
        if Path(folder).name == "metadata":
            yield from (Path(folder) / name for name in sorted(files) if name.endswith(".metadata.json"))


def _normal(location: str, text: bytes, raw: bytes) -> MetadataFile:
    written = decode_object(text)
    document = normal_form(written)
    shown = text if document == written else encode(document)
    return MetadataFile(location, shown, document, len(raw), hashlib.sha256(raw).digest())


def _folder_name(name: str) -> str:
    return quote(name, safe=" ")


def _holds_files(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except FileNotFoundError:
        return False


def _next_version(location: str | None) -> int:
    if location is None:
        return 0
    found = _VERSION.match(location.rpartition("/")[2])
    return int(found[1]) + 1 if found else 1


def _write_durably(path: Path, content: bytes) -> None:
    write_new(path, content)
    try:
        sync_folder(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
