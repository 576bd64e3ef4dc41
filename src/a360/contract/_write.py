"""Replaces a declared file at once, so that nobody sees half of it."""

import os
import tempfile
from pathlib import Path


def write_file(path: Path, text: str) -> None:
    """Write a file beside the old one, then put it in its place; its mode stays."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
