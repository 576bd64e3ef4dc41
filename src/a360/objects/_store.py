"""The store of objects in a folder of the lake."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from a360.errors import OperatorError
from a360.failpoints import failpoint
from a360.files import is_draft, sync_folder, whole
from a360.objects._form import ObjectReader, batch_of, key_of, write_object
from a360.protect import BatchSealer, Sealer, Tokenizer

_NAME: Final = re.compile(r"[0-9a-f]{32}")
_SUFFIX: Final = ".a3o"
_OWNER_ONLY: Final = 0o700


def object_name(data: bytes, tokenizer: Tokenizer) -> str:
    """The keyed digest by which a file's content, as it was received, is known."""
    digest = hashlib.blake2b(data, digest_size=32).hexdigest()
    return str(tokenizer.digests(pa.array([digest]))[0].as_py())


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a file: as it is served, and what it needs to be as it was received."""

    media_type: str
    served: bytes
    patches: Sequence[tuple[int, bytes, bytes]]


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """A file of the store; what a process that died left of one has no name and no batch."""

    name: str | None
    batch: str | None
    path: Path
    bytes: int
    modified: datetime


class ObjectStore:
    """Objects by the keyed digests of their content, each a file of its own."""

    def __init__(self, folder: Path, sealer: Sealer) -> None:
        self._folder = folder
        self._sealer = sealer

    def holds(self, name: str) -> bool:
        """Whether there is an object of this name."""
        return self._path(name).is_file()

    def batch(self, name: str) -> str | None:
        """The batch that wrote an object; None where there is none that opens."""
        try:
            with self.opened(name) as reader:
                return reader.batch
        except OperatorError:
            return None

    def key(self, name: str) -> str | None:
        """The data key of an object, which no other object has; None where there is no such object."""
        try:
            with self._path(name).open("rb") as stream:
                return key_of(stream)
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Delete an object's file; one that is gone is no fault."""
        path = self._path(name)
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)

    def put(self, name: str, kept: Kept, sealer: BatchSealer, batch: str) -> None:
        """Write an object, or replace the one of this name; it is there for good when this returns.

        Raises:
            OperatorError: `environment-unfit` where it cannot be written; nothing is left of it then.
        """
        path = self._path(name)
        try:
            for folder in (self._folder, path.parent):
                folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
            with whole(path) as stream:
                write_object(
                    stream,
                    sealer,
                    name=name,
                    batch=batch,
                    media_type=kept.media_type,
                    served=kept.served,
                    patches=kept.patches,
                )
                failpoint("objects.put.before-close")
            sync_folder(path.parent)
        except OSError as error:
            raise OperatorError(
                "environment-unfit",
                "An object could not be written",
                where=str(self._folder),
                found=error.strerror or type(error).__name__,
                next_step="make room, and run the ingest again: what is whole is not written twice",
            ) from error

    @contextmanager
    def opened(self, name: str) -> Iterator[ObjectReader]:
        """An object, to be read once.

        Raises:
            OperatorError: `input-missing` where it is not there, `key-missing` or `seal-broken`.
        """
        try:
            stream = self._path(name).open("rb")
        except OSError as error:
            raise OperatorError(
                "input-missing",
                "An object is not in the store",
                where=f"object {name}",
                found=error.strerror or "no such file",
                next_step="restore warehouse/objects/ from a backup, or ingest the file again",
            ) from error
        with stream:
            yield ObjectReader(stream, self._sealer, name)

    def files(self) -> Iterator[ObjectFile]:
        """Every file of the store, in order."""
        for path in sorted(self._folder.glob("*/*")):
            if not path.is_file():
                continue
            known = path.suffix == _SUFFIX and _NAME.fullmatch(path.stem) and not is_draft(path)
            with path.open("rb") as stream:
                batch = batch_of(stream) if known else None
            stat = path.stat()
            modified = datetime.fromtimestamp(stat.st_mtime, UTC)
            yield ObjectFile(path.stem if known else None, batch, path, stat.st_size, modified)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise OperatorError(
                "input-missing",
                "An object was asked for by what is no digest",
                where=str(self._folder),
                next_step="find out what wrote the row that names it",
            )
        return self._folder / name[:2] / f"{name}{_SUFFIX}"
