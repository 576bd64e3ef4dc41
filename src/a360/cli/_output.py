"""Files that commands write for their user: whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from a360.errors import OperatorError
from a360.files import whole, write_whole


@contextmanager
def output(path: Path, *, private: bool = True) -> Iterator[IO[bytes]]:
    """A stream into a file; where it breaks off, what was there stays.

    What may tell of patients is private: nobody but its owner can read it.

    Raises:
        OperatorError: `input-missing`, where the file cannot be written.
    """
    with _told(path), whole(path, private=private) as stream:
        yield stream


def write_output(path: Path, text: str, *, private: bool = True, make_folders: bool = False) -> Path:
    """Write a file as `output` does, and say where it is."""
    path = path.expanduser()
    with _told(path):
        if make_folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text, private=private)
    return path


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # whoever reads the pipe has had enough
    except OSError as error:
        raise OperatorError(
            "input-missing",
            "The file cannot be written",
            where=str(path),
            found=error.strerror or type(error).__name__,
            next_step="name a file in a folder that is there, has room and may be written to",
        ) from None
