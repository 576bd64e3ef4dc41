"""What identifies the software and its tests, and facts of the machine that are no secrets."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("cryptography", "duckdb", "pyarrow", "pyiceberg")
_PACKAGE = Path(__file__).parents[2]
# What decides how the tests of a checkout come out: they, and what pytest reads beside them.
_OF_TESTS = ("tests/**/*", "*.py", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Checkout:
    """The state of files: a digest of them, and the commit of git that they are, where git knows them.

    Attributes:
        digest: SHA-256 over the names and contents of the files.
        commit: The commit that is checked out.
        changed: Whether files differ from it.
    """

    digest: str
    commit: str | None
    changed: bool | None

    def to_json(self) -> dict[str, Any]:
        """The state as JSON."""
        return asdict(self)


def checkout_of(folder: Path, parts: Sequence[str] = ("**/*",)) -> Checkout:
    """The state of those files of a folder that match one of the patterns, less what Python makes of them."""
    commit = _git(folder, "rev-parse", "HEAD")
    changed = (
        _git(folder, "status", "--porcelain", "--", *(f":(glob){each}" for each in parts)) if commit else None
    )
    return Checkout(_digest(folder, parts), commit, None if changed is None else bool(changed))


def state_of_tests(checkout: Path) -> Checkout:
    """The state of the tests of a checkout."""
    return checkout_of(checkout, _OF_TESTS)


def _digest(folder: Path, parts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted({path for part in parts for path in folder.glob(part) if _is_kept(path, folder)}):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def _is_kept(path: Path, folder: Path) -> bool:
    made = any(each == "__pycache__" or each.startswith(".") for each in path.relative_to(folder).parts)
    return not made and path.is_file()


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says of a folder; None where it is none of git's, or there is no git."""
    try:
        ended = subprocess.run(  # noqa: S603 -- fixed words and a folder
            ["git", "-C", str(folder), *arguments],  # noqa: S607 -- whichever git the machine has
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ended.stdout.strip()


def software_facts() -> dict[str, Any]:
    """Which software this is."""
    return {"version": version("a360-data-lake"), **checkout_of(_PACKAGE).to_json()}


def machine_facts() -> dict[str, Any]:
    """What it runs on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }
