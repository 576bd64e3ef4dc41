"""The folder of a log: its files, each named by the first record in it, and who may touch them."""

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from a360.files import PRIVATE_FILE, sync_folder
from a360.trust.audit._faults import unwritable

LOCK: Final = ".lock"
_FILE: Final = re.compile(r"[0-9]{12}\.jsonl")
_OPEN = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


def file_name(sequence: int) -> str:
    """The name of the file that begins with a record; names sort as records do."""
    return f"{sequence:012d}.jsonl"


def first_of(name: str) -> int:
    """The first record of a file of this name."""
    return int(name.partition(".")[0])


class LogFolder:
    """A folder of mode 0700 with files of mode 0600, all of this account."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[Path]:
        """The files of the log in the order of their records.

        Raises:
            OperatorError: `audit-unwritable` where the folder cannot be read.
        """
        try:
            return sorted(path for path in self.path.iterdir() if _FILE.fullmatch(path.name))
        except OSError as error:
            raise unwritable("The folder of the audit log cannot be read", self.path, error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the log alone among processes; the kernel lets go of it when a process dies.

        The lock's file is opened anew each time: a process that was forked shares no lock with its parent.

        Raises:
            OperatorError: `audit-unwritable` where the folder is gone, or belongs to or is open to others.
        """
        try:
            lock = os.open(self.path / LOCK, _OPEN | os.O_CREAT, PRIVATE_FILE)
        except OSError as error:
            raise unwritable("The audit log cannot be locked", self.path, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._require_private(self.path, self.path.lstat())
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)

    def create(self, name: str) -> int:
        """Make a new file and open it; its name is durable when this returns."""
        try:
            descriptor = os.open(self.path / name, _OPEN | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
            sync_folder(self.path)
        except OSError as error:
            raise unwritable("A file of the audit log cannot be made", self.path / name, error) from error
        return descriptor

    def open(self, name: str) -> int:
        """Open a file to read it and write on."""
        try:
            descriptor = os.open(self.path / name, _OPEN)
        except OSError as error:
            raise unwritable("A file of the audit log cannot be opened", self.path / name, error) from error
        return descriptor

    def require_same(self, name: str, descriptor: int) -> int:
        """Raise where the open file is no longer the one of its name, or is not ours; its size."""
        try:
            there = (self.path / name).lstat()
        except OSError as error:
            raise unwritable("A file of the audit log is gone", self.path / name, error) from error
        self._require_private(self.path / name, there)
        if not os.path.samestat(there, os.fstat(descriptor)):
            raise unwritable(
                "A file of the audit log was put in another's place", self.path / name, "another file"
            )
        return there.st_size

    def _require_private(self, path: Path, found: os.stat_result) -> None:
        if found.st_uid != os.geteuid():
            raise unwritable("The audit log belongs to another account", path, f"owner {found.st_uid}")
        if stat.S_IMODE(found.st_mode) & 0o077:
            mode = f"mode {stat.S_IMODE(found.st_mode):04o}"
            raise unwritable("The audit log is open to others than its owner", path, mode)
