"""Where a session may spill: a folder of its own, locked while the session lives, swept up after a crash."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "duckdb-"
_LOCK = "in-use"


class SpillFolder:
    """A private folder under `parent`; the folders of processes that died are removed on the way."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep(parent)
        self.path, self._lock = _locked_folder(parent)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """A new folder and the lock on it; another session may sweep it up before it is locked, then one more."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = path / _LOCK
        try:
            handle = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        fcntl.flock(handle, fcntl.LOCK_EX)
        if lock.exists():
            return path, handle
        os.close(handle)


def sweep(parent: Path) -> None:
    """Remove spill folders that no living session holds."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)
