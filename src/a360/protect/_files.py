"""The folder of keys: its mode, and files that are gone for good."""

import contextlib
import os
import secrets
from pathlib import Path

from a360.files import sync_folder

PRIVATE_FOLDER = 0o700


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
