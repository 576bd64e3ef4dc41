"""What can be wrong with keys, told without telling anything of them."""

from datetime import UTC, datetime
from pathlib import Path

from a360.errors import OperatorError

_RESTORE = (
    "restore the keys from a backup or an escrow (a360 keys import); without them the data does not open"
)


def unreadable(path: Path, error: OSError) -> OperatorError:
    """A file of the key store that cannot be read."""
    return OperatorError(
        "key-missing",
        "A key could not be read from the key folder",
        where=str(path),
        found=error.strerror or "no such file",
        next_step=_RESTORE,
    )


def missing(folder: Path, key_id: str, found: str) -> OperatorError:
    """A data key that the store does not hold."""
    return OperatorError(
        "key-missing",
        "The key store does not hold this data key",
        where=f"{key_id} in {folder}",
        found=found,
        next_step=_RESTORE,
    )


def no_key_id(folder: Path) -> OperatorError:
    """Something that names no key; it is not told, for it may be anything."""
    return OperatorError(
        "key-missing",
        "A data key was asked for by something that is no key id",
        where=str(folder),
        next_step="find out what wrote the data that names it, or who changed it",
    )


def destroyed(folder: Path, key_id: str, at: datetime) -> OperatorError:
    """A data key that was destroyed on purpose."""
    return OperatorError(
        "key-destroyed",
        "This data key was destroyed, and what was sealed under it is gone for good",
        where=f"{key_id} in {folder}",
        found=f"destroyed at {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        next_step="nothing opens it; what still refers to it was not erased to the end, or is an old copy",
    )


def broken(path: Path, found: str) -> OperatorError:
    """A file of the key store that was changed, cut short, or belongs to another store."""
    return OperatorError(
        "seal-broken",
        "A key file is not what the key store wrote, or belongs to another one",
        where=str(path),
        found=found,
        next_step="restore the keys from one backup or escrow (a360 keys import): they belong together",
    )


def wrong_passphrase(place: Path) -> OperatorError:
    """A passphrase that opens nothing; a damaged file looks the same, and must."""
    return OperatorError(
        "passphrase-wrong",
        "The passphrase does not open the keys",
        where=str(place),
        next_step="give the passphrase that was set last; if it is that one, restore the file",
    )


def served_elsewhere(place: Path, kind: object) -> OperatorError:
    """Keys that a service guards, where a local key store was to open them."""
    return OperatorError(
        "environment-unfit",
        "The keys are guarded by a service that a local key store does not ask",
        where=str(place),
        found=f"a guard of the kind {str(kind)[:40]!r}",
        next_step="name the environment whose `keys` has the service, with --env (docs/keys.md)",
    )
