"""Files that stand whole or not at all, whatever dies while they are written."""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from a360.errors import UsageError

__all__ = [
    "PRIVATE_FILE",
    "is_draft",
    "new_folder",
    "require_new_folder",
    "sync_folder",
    "whole",
    "whole_by_name",
    "write_new",
    "write_private",
    "write_whole",
]

PRIVATE_FILE = 0o600
_SHARED_FILE = 0o666  # less what the user's mask takes
_PRIVATE_FOLDER = 0o700
_DRAFT = "a360-{}.tmp"
DRAFTS = _DRAFT.format("*")
"""The files that who died while writing one as a whole leaves, as a pattern."""
_UNFINISHED = "{}.unfinished-{}"


@contextmanager
def whole(path: Path, *, private: bool = True, replace: bool = True) -> Iterator[IO[bytes]]:
    """A stream whose bytes become the file at the end; where it breaks off, what was there stays.

    The bytes are on the disk when this returns; the file's name is after `sync_folder`. A private file is its
    owner's alone; any other keeps the mode of the file that it replaces. A pipe or a device is written into.

    Raises:
        OSError: the file cannot be written; FileExistsError where it is there and is not to be replaced.
    """
    if replace and path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as stream:
            yield stream
        return
    # The file that a link points at is replaced, not the link.
    place = path.resolve() if replace and path.is_symlink() else path
    draft = place.with_name(_DRAFT.format(secrets.token_hex(8)))
    with _created(draft, private=private) as stream:
        if not private and place.is_file():
            os.fchmod(stream.fileno(), stat.S_IMODE(place.stat().st_mode))
        yield stream
    try:
        if replace:
            draft.replace(place)
        else:
            # A hard link, unlike a rename, fails where the name is taken.
            os.link(draft, place)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def whole_by_name(*paths: Path) -> Iterator[list[Path]]:
    """Empty private files, for writers that ask for a name: at the end all of them become the files, or none.

    Raises:
        OSError: a file cannot be written.
    """
    places = [path.resolve() if path.is_symlink() else path for path in paths]
    for place in places:
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(place))
    with ExitStack() as left_over:
        drafts = []
        for place in places:
            draft = place.with_name(_DRAFT.format(secrets.token_hex(8)))
            with _created(draft, private=True):
                left_over.callback(draft.unlink, missing_ok=True)
            drafts.append(draft)
        yield drafts
        for draft in drafts:
            with draft.open("rb") as stream:
                os.fsync(stream.fileno())
        for draft, place in zip(drafts, places, strict=True):
            draft.replace(place)


@contextmanager
def _created(path: Path, *, private: bool) -> Iterator[IO[bytes]]:
    """A new file, on the disk at the end; one that breaks off is taken away."""
    mode = PRIVATE_FILE if private else _SHARED_FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def is_draft(path: Path) -> bool:
    """Whether a file is what a process that died while it wrote one left behind."""
    return path.match(_DRAFT.format("*"))


def require_new_folder(path: Path) -> None:
    """Raise where what is handed out would lie beside something else.

    Raises:
        UsageError: the folder holds something, or is none.
    """
    found = "something is there already"
    if path.is_dir() and not any(path.iterdir()):
        # It is replaced as a whole, and whoever stands in it would see nothing of that.
        found = "it is the folder that this runs in" if path.resolve() == Path.cwd() else ""
    if found and path.exists():
        raise UsageError(
            "usage",
            "What is handed out goes into a folder of its own",
            where=str(path),
            found=found,
            next_step="name a folder that is new or empty",
        )


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder of mode 0700 to fill; at the end it becomes `path`, which is new or empty, as a whole.

    Where it breaks off, nothing is left. A process that dies leaves what it wrote in a folder beside, which
    says in its name that it is unfinished.

    Raises:
        UsageError: something else is there in the meantime.
        OSError: a folder cannot be written.
    """
    place = path.resolve()
    place.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    draft = place.with_name(_UNFINISHED.format(place.name, secrets.token_hex(4)))
    draft.mkdir(mode=_PRIVATE_FOLDER)
    try:
        yield draft
        for folder in (draft, *(each for each in draft.rglob("*") if each.is_dir())):
            sync_folder(folder)
        require_new_folder(place)
        draft.rename(place)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_folder(place.parent)


def write_whole(path: Path, content: str | bytes, *, private: bool = True) -> None:
    """Write or replace a file as a whole; text is UTF-8, and its line ends stay as they are."""
    with whole(path, private=private) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def write_private(path: Path, content: bytes) -> None:
    """Create a file of mode 0600 that is there for good when this returns; an existing file is an error."""
    with whole(path, replace=False) as stream:
        stream.write(content)
    sync_folder(path.parent)


def write_new(path: Path, content: bytes) -> None:
    """Create a file of mode 0600 under its own name, whole when this returns; an existing file is an error.

    Its name is not durable yet, as after `sync_folder`; for places where nobody looks before.
    """
    with _created(path, private=True) as stream:
        stream.write(content)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
