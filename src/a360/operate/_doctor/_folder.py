"""The lake's folder: its format, who may see it, its keys, and what dead processes left lying."""

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

from a360.operate._doctor._check import DoctorCheck, judged, looked
from a360.operate._folder import FORMAT, LakeFolder
from a360.protect.keys import PackedKeyStore, put_aside

_AREA = "lake"
_OLD_SECONDS = 3600
_RESTORE_KEYS = "restore the keys from a backup (a360 keys import): without them sealed data does not open"


def format_checks(path: Path) -> Iterator[DoctorCheck]:
    """Whether this version can open the folder as a lake."""

    def look() -> DoctorCheck:
        folder = LakeFolder.open(path)
        found = f"format {FORMAT}, a360 {version('a360-data-lake')}, holds {folder.origin or 'no'} data"
        return judged(_AREA, "format", found)

    yield from looked(_AREA, "format", look, "restore a360.json from a backup")


def folder_checks(path: Path, keys: Callable[[], PackedKeyStore]) -> Iterator[DoctorCheck]:
    """Checks of the folder that do not need its catalog."""
    folder = LakeFolder(path.absolute())
    yield from private_checks(folder)
    yield from looked(_AREA, "keys", lambda: _keys(keys()), _RESTORE_KEYS)
    yield from looked(_AREA, "keys put aside", lambda: _aside(folder.keys), _RESTORE_KEYS)
    yield from looked(_AREA, "leftovers", lambda: _leftovers(folder), f"look into {folder.tmp}")
    yield from looked(_AREA, "last job", lambda: _last_job(folder), f"make {folder.path} readable")


def private_checks(folder: LakeFolder) -> Iterator[DoctorCheck]:
    """Checks of who may see the lake and its keys."""
    for name, place in (("folder is private", folder.path), ("keys are private", folder.keys)):
        yield from looked(_AREA, name, partial(_private, name, place), _RESTORE_KEYS)


def _private(name: str, place: Path) -> DoctorCheck:
    """No file or folder of the keys, and not the lake itself, may be seen by others."""
    modes = {place: _mode(place)}
    if place.name == "keys":
        modes |= {each: _mode(each) for each in place.rglob("*")}
    open_ = sorted(each for each, mode in modes.items() if mode & 0o077)
    found = f"mode {modes[place]:04o}" + (f", open to others: {len(open_)}" if open_ else "")
    flag = "-R " if place.name == "keys" else ""
    return judged(_AREA, name, found, fail=bool(open_), mend=f"chmod {flag}go-rwx {place}")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def _keys(store: PackedKeyStore) -> DoctorCheck:
    """Every key opens: one that does not has been damaged or mixed in."""
    broken = store.damaged()
    if broken:
        return judged(_AREA, "keys", f"{len(broken)} do not open: {broken[0]}", fail=True, mend=_RESTORE_KEYS)
    return judged(_AREA, "keys", f"{store.status().data_keys:,} data keys open")


def _aside(keys: Path) -> DoctorCheck:
    """Folders that an import put aside may still open what was sealed: they go once the lake is well."""
    found = sorted(each.name for each in put_aside(keys))
    mend = "see that the lake reads, then remove them"
    return judged(_AREA, "keys put aside", ", ".join(found) or "none", warn=bool(found), mend=mend)


def _leftovers(folder: LakeFolder) -> DoctorCheck:
    """Files in `tmp/` and half-written ones beside it that are too old to belong to a job."""
    limit = time.time() - _OLD_SECONDS
    entries = [each for each in folder.tmp.rglob("*") if each.is_file()] if folder.tmp.is_dir() else []
    entries += list(folder.path.glob("*.tmp"))
    old = [each.lstat() for each in entries if each.lstat().st_mtime < limit]
    size = sum(each.st_size for each in old)
    found = f"{len(old)} files of dead processes, {size:,} bytes" if old else "none"
    mend = f"while no job runs: rm -rf {folder.tmp}/* {folder.path}/*.tmp"
    return judged(_AREA, "leftovers", found, warn=bool(old), mend=mend)


def _last_job(folder: LakeFolder) -> DoctorCheck:
    """The lock says whether a job works now, and whether the last one died."""
    lock = folder.path / ".lock"
    if not lock.exists():
        return judged(_AREA, "last job", "none yet")
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return judged(_AREA, "last job", "one works in the lake now")
        died = bool(os.fstat(file.fileno()).st_size)
    found = "died, and left what it had not finished" if died else "ended well"
    return judged(_AREA, "last job", found, warn=died, mend="any next job mends it: a360 run")
