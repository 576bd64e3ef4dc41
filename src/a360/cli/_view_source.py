"""Where a view on the command line comes from: a file, or the views of the contracts."""

import difflib
from pathlib import Path

from a360.cli._face import Face
from a360.contract import default_contracts
from a360.errors import OperatorError, UsageError

_MAX_BYTES = 20_000_000


def view_text(face: Face, name: str) -> str:
    """The ViewDefinition as JSON text.

    Raises:
        UsageError: The name is neither a file nor a view of the contracts.
        OperatorError: `input-missing` where the file cannot be read.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        path = _of_the_contracts(face, name)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError("usage", "The file is too large for a view", where=str(path))
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        found = "no UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or ""
        raise OperatorError(
            "input-missing",
            "The view cannot be read",
            where=str(path),
            found=found,
            next_step="name a file of JSON text",
        ) from None


def view_name(name: str) -> str:
    """What a run calls the view: the name of its file without its ending."""
    return Path(name).name.removesuffix(".json")


def _of_the_contracts(face: Face, name: str) -> Path:
    folder = (face.settings.contracts or default_contracts()) / "views"
    known = {path.stem: path for path in sorted(folder.glob("*.json"))}
    if name in known:
        return known[name]
    if Path(name).suffix or len(Path(name).parts) > 1:
        raise OperatorError(
            "input-missing",
            "The view is no file",
            where=name,
            found="a folder" if Path(name).is_dir() else "nothing there",
            next_step="name files, as contracts/views/*.json, or a view of the contracts",
        )
    near = difflib.get_close_matches(name, known, 3) or list(known)[:10]
    raise UsageError(
        "usage",
        f"There is no view {name!r}",
        where=str(folder),
        found=f"views are {', '.join(near)}{' …' if len(known) > len(near) else ''}" if near else "no views",
        next_step="name one of these, or a file",
    )
