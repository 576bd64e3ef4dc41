"""The keys that no row may name yet, or any more: noted before, swept after, whatever dies in between."""

import os
from collections.abc import Iterable
from pathlib import Path

from a360.files import PRIVATE_FILE, sync_folder


class PendingKeys:
    """A file of key ids, one a line. Ids are no secrets: they open nothing without the key store."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, key_ids: Iterable[str]) -> None:
        """Note keys; they are on the disk when this returns."""
        lines = "".join(f"{key_id}\n" for key_id in key_ids)
        if not lines:
            return
        number = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        with os.fdopen(number, "w") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._path.parent)

    def read(self) -> list[str]:
        """The keys that were noted, each once; of a line that was cut short nothing was sealed yet."""
        try:
            lines = self._path.read_text().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return list(dict.fromkeys(line.strip() for line in lines if line.endswith("\n")))

    def clear(self) -> None:
        """Forget what was noted: each key is named by a row, or destroyed."""
        self._path.unlink(missing_ok=True)
        sync_folder(self._path.parent)
