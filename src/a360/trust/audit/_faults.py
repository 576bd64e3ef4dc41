"""What stops the log: it cannot be written, or it is not what was recorded."""

import errno
import os
from pathlib import Path

from a360.errors import OperatorError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def unwritable(what: str, where: Path, found: OSError | str) -> OperatorError:
    """Nothing can be recorded, so nothing that has to be on record may happen."""
    if isinstance(found, OSError) and found.errno in _FULL:
        return OperatorError(
            "storage-full",
            what,
            where=str(where),
            found=os.strerror(found.errno or 0),
            next_step="make room; nothing is answered that is not on record",
        )
    told = (found.strerror or type(found).__name__) if isinstance(found, OSError) else found
    return OperatorError(
        "audit-unwritable",
        what,
        where=str(where),
        found=told,
        next_step="make it what it was, owned by and open to the lake's account alone; nothing is answered "
        "that is not on record",
    )


def broken(where: Path, found: str) -> OperatorError:
    """The log is not what was recorded; going on would hide it."""
    return OperatorError(
        "audit-broken",
        "The audit log is not what was recorded",
        where=str(where),
        found=found,
        next_step="keep the folder as it is and run `a360 audit verify`: it names what differs; "
        "nothing is answered until the log is restored",
    )
