"""Where settings come from: a file, variables, flags; what is misspelt is found before it does nothing."""

import difflib
import os
import stat
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from a360.errors import OperatorError

PREFIX = "A360_"
FILE = "a360.toml"
FILE_VARIABLE = f"{PREFIX}CONFIG"

# Variables that are no settings: which file to read, the hook of fault tests, and what printed scripts read.
_ELSEWHERE = frozenset(
    {FILE_VARIABLE, f"{PREFIX}FAILPOINTS", f"{PREFIX}CATALOG_SECRET", f"{PREFIX}URL", f"{PREFIX}TOKEN"}
)


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The settings of a file; no path where there is none."""

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def read_file() -> SettingsFile:
    """Read the file that `A360_CONFIG` names, or `a360.toml` in the working folder where there is one.

    Raises:
        OperatorError: `input-missing` for a named file that is not there, `setting-invalid` for no TOML.
    """
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named or FILE).expanduser()
    if not named and not path.is_file():
        return SettingsFile()
    try:
        return SettingsFile(path, tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise OperatorError(
            "input-missing",
            "The file of settings cannot be read",
            where=str(path),
            found=error.strerror or type(error).__name__,
            next_step=f"name a file that is there in {FILE_VARIABLE}, or unset it",
        ) from None
    except ValueError as error:
        raise OperatorError(
            "setting-invalid",
            "The file of settings is no TOML",
            where=str(path),
            found=str(error).splitlines()[0],
            next_step="write one `name = value` a line; texts stand in quotes",
        ) from None


def require_known(file: SettingsFile, names: Collection[str]) -> None:
    """Raise for keys and variables that are no settings, with the name that comes nearest.

    Raises:
        OperatorError: `setting-unknown`.
    """
    known = [f"{PREFIX}{name.upper()}" for name in names]
    unknown = [(f"{key} in {file.path}", _nearest(key, names)) for key in file.values if key not in names]
    unknown += [(name, _nearest(name, known)) for name in unknown_variables(names)]
    if unknown:
        raise OperatorError(
            "setting-unknown",
            "There is no such setting",
            where=", ".join(name for name, _ in unknown),
            found="; ".join(hint for _, hint in unknown),
            next_step="correct or remove it; `a360 settings` and docs/settings.md list every setting",
        )


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"{name}: did you mean {close[0]}?" if close else f"{name}: nothing has a name like it"


def unknown_variables(names: Collection[str], environ: Mapping[str, str] | None = None) -> list[str]:
    """Variables that look like settings and are none: a misspelt one would otherwise do nothing, silently."""
    known = {f"{PREFIX}{name.upper()}" for name in names} | _ELSEWHERE
    found = os.environ if environ is None else environ
    return sorted(name for name in found if name.startswith(PREFIX) and name not in known)


def require_private(file: SettingsFile, secrets: Collection[str]) -> None:
    """Raise where others may read the file that holds a secret."""
    held = [name for name in secrets if name in file.values]
    if held and file.path is not None and stat.S_IMODE(file.path.stat().st_mode) & 0o077:
        raise OperatorError(
            "setting-invalid",
            "A file that others may read holds a secret",
            where=f"{', '.join(held)} in {file.path}",
            next_step=f"run chmod 600 {file.path}, and change the secret if others may have read it",
        )
