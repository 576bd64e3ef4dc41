"""Small durable file operations: whole or absent, readable by the owner alone."""

import contextlib
import os
import secrets
from pathlib import Path

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


def write_private(path: Path, content: bytes) -> None:
    """Create a file of mode 0600 that is on the disk when this returns; an existing file is an error."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_new(part, content)
        # A hard link, unlike a rename, fails where the name is taken: nobody's key is ever replaced.
        os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_new(path: Path, content: bytes) -> None:
    """Create a file of mode 0600 whose bytes are on the disk, or none; an existing file is an error.

    Its name is not yet, as after `sync_folder`.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def shred(path: Path) -> None:
    """Overwrite a file, delete it and make both durable; a missing file is fine.

    Copy-on-write disks and snapshots may keep the old bytes: there, as with backups, what counts is that
    the bytes are a wrapped key, useless without the master key.
    """
    with contextlib.suppress(FileNotFoundError):
        with path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            file.write(secrets.token_bytes(size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
