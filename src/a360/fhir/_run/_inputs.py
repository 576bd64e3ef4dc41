"""Which files of resources a run reads."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from a360.errors import OperatorError
from a360.fhir._exports import other_folders

_DATA_NAME = re.compile(r"(?i).+\.(ndjson|jsonl)(\.(gz|zst))?")


def input_files(paths: Iterable[Path | str]) -> list[Path]:
    """The files that the paths stand for: folders recursively and in order, each file once.

    In a folder, only names that say NDJSON count; hidden files do not, nor folders of other formats that an
    export's manifest names. A file that is named itself is read whatever its name.

    Raises:
        OperatorError: `input-missing` where a path is neither a file nor a folder, or where there is no file.
    """
    found: dict[Path, None] = {}
    named = [Path(path) for path in paths]
    for path in named:
        if not path.is_file() and not path.is_dir():
            raise OperatorError(
                "input-missing",
                "An input is neither a file nor a folder",
                where=str(path),
                found="a device or a pipe" if path.exists() else "nothing there",
                next_step="name files of NDJSON, or folders of them",
            )
        files = sorted(_within(path)) if path.is_dir() else [path]
        found.update(dict.fromkeys(file.resolve() for file in files))
    if not found:
        raise OperatorError(
            "input-missing",
            "There is no file to read",
            where=", ".join(map(str, named)),
            found="no name that ends in .ndjson or .jsonl, packed as .gz or .zst or not at all",
            next_step="name the files themselves, whatever they are called",
        )
    return list(found)


def _within(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=_refuse):
        others = other_folders(Path(place))
        folders[:] = [name for name in folders if not name.startswith(".") and name not in others]
        for name in names:
            if _DATA_NAME.fullmatch(name) and not name.startswith(".") and Path(place, name).is_file():
                yield Path(place, name)


def _refuse(error: OSError) -> None:
    raise OperatorError(
        "input-missing",
        "An input could not be read",
        where=str(error.filename or ""),
        found=error.strerror or "",
        next_step="check who may read it",
    ) from error
