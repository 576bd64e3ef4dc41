"""The doctor: what a lake and its machine need, looked at one by one."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from a360.errors import A360Error
from a360.lake._folder import LakeFolder
from a360.lake._reports import DoctorCheck

_LEAST_FREE_BYTES = 2 * 1024**3
_PINNED_DUCKDB = "1.5.5"


def machine_checks(folder: Path) -> Iterator[DoctorCheck]:
    """Checks that need no lake."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield DoctorCheck(
        "python", sys.version_info[:2] == (3, 12), version, "run with Python 3.12: `make test` sets it up"
    )
    yield _engine()
    nearest = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(nearest).free
    enough = free >= _LEAST_FREE_BYTES
    yield DoctorCheck(
        "disk", enough, f"{free / 1024**3:.1f} GiB free", "make room: a lake wants 2 GiB at least"
    )


def _engine() -> DoctorCheck:
    import duckdb  # noqa: PLC0415 -- the doctor must be able to say that it is missing

    found = duckdb.__version__
    return DoctorCheck(
        "duckdb", found == _PINNED_DUCKDB, found, f"install duckdb=={_PINNED_DUCKDB}: `uv sync`"
    )


def lake_checks(folder: LakeFolder, verify: Callable[[str], str]) -> Iterator[DoctorCheck]:
    """Checks of an open lake; `verify` runs one by name and says what it found."""
    yield _private(folder.path, "folder")
    yield _private(folder.keys, "keys")
    for name, mend in _VERIFIED.items():
        try:
            yield DoctorCheck(name, ok=True, found=verify(name))
        except A360Error as error:
            yield DoctorCheck(name, ok=False, found=error.what, next_step=error.next_step or mend)


_VERIFIED = {
    "keystore": "restore the folder keys/ from its backup: without it sealed data does not open",
    "catalog": "restore catalog.db from a backup",
    "plan": "run `a360 plan` to see what differs, then `a360 apply`",
}


def _private(path: Path, name: str) -> DoctorCheck:
    mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 -- the mode is what is looked at
    private = not mode & 0o077
    return DoctorCheck(f"{name} is private", private, f"mode {mode:04o}", f"chmod 700 {path}")
