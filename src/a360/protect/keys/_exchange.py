"""Two folders change places by one act of the kernel: at no time is there none."""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from a360.failpoints import failpoint

_HERE: Final = -100  # AT_FDCWD
_EXCHANGE: Final = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS alike
# What a kernel, a library or a file system says that cannot do it.
_CANNOT: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})


def exchange(one: Path, two: Path) -> None:
    """Have two folders change places; where the system cannot, by renames, between which `two` is missing."""
    swap = _swap()
    if swap is not None:
        ctypes.set_errno(0)
        if swap(os.fsencode(one), os.fsencode(two)) == 0:
            return
        number = ctypes.get_errno()
        if number not in _CANNOT:
            raise OSError(number, os.strerror(number), str(two))
    between = one.with_name(f"{one.name}-old")
    two.rename(between)
    failpoint("keys.import.between")
    one.rename(two)
    between.rename(one)


def _swap() -> Callable[[bytes, bytes], int] | None:
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return lambda one, two: int(library.renamex_np(one, two, _EXCHANGE))
    if hasattr(library, "renameat2"):
        return lambda one, two: int(library.renameat2(_HERE, one, _HERE, two, _EXCHANGE))
    return None
