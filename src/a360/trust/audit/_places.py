"""Where checkpoints are kept: a folder, and whatever else takes notes that nobody can take back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from a360.errors import OperatorError
from a360.files import is_draft, write_private
from a360.trust.audit._faults import unwritable

_SUFFIX = ".note"
_OWNER_ONLY = 0o700


class CheckpointPlace(Protocol):
    """Keeps notes under names. A place that lets nobody change or delete them is worth the most."""

    @property
    def label(self) -> str:
        """What to call the place in a message."""
        ...

    def names(self) -> Sequence[str]:
        """The names of all notes, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """A note."""
        ...

    def write(self, name: str, note: bytes) -> bool:
        """Keep a note for good; False where there is one of this name, which stays as it is."""
        ...


class CheckpointFolder:
    """Checkpoints as files of a folder."""

    def __init__(self, folder: Path, *, make: bool = False) -> None:
        self._folder = folder
        if make:
            folder.mkdir(mode=_OWNER_ONLY, exist_ok=True)

    @property
    def label(self) -> str:
        """The folder's name."""
        return str(self._folder)

    def names(self) -> list[str]:
        """The names of all notes, sorted.

        Raises:
            OperatorError: `audit-unwritable` where the folder is not there.
        """
        try:
            return sorted(
                path.name for path in self._folder.iterdir() if path.suffix == _SUFFIX and not is_draft(path)
            )
        except OSError as error:
            raise self._lost(error) from error

    def read(self, name: str) -> bytes:
        """A note."""
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise self._lost(error) from error

    def write(self, name: str, note: bytes) -> bool:
        """Keep a note; it is on the disk when this returns."""
        try:
            write_private(self._folder / name, note)
        except FileExistsError:
            return False
        except OSError as error:
            raise self._lost(error) from error
        return True

    def _lost(self, error: OSError) -> OperatorError:
        return unwritable("The place of the audit log's checkpoints cannot be used", self._folder, error)


def note_name(size: int) -> str:
    """The name of the checkpoint at a size; names sort as sizes do."""
    return f"{size:012d}{_SUFFIX}"
