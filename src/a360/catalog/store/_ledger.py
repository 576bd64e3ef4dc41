"""The ledger: size and SHA-256 of every file that a commit brought, written by the commit itself."""

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from a360.catalog.store._database import Database

_SCHEMES = ("file://", "file:")
# What a path may hold that has to be worked out.
_ODD = re.compile(r"//|/\.|/$")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A file as it was committed.

    Attributes:
        path: Below the warehouse.
        size: Its size.
        sha256: The digest of its content.
        snapshot_id: The snapshot that brought it; None for a table's metadata.
    """

    path: str
    size: int
    sha256: bytes
    snapshot_id: int | None


class Ledger:
    """The files of a warehouse that are committed."""

    def __init__(self, database: Database, warehouse: Path) -> None:
        self._database = database
        self.warehouse = warehouse
        self._start = f"{warehouse}/"
        self._local = threading.local()

    def name_of(self, location: str) -> str | None:
        """What the ledger calls the file at a location; None for one outside the warehouse."""
        for scheme in _SCHEMES:
            location = location.removeprefix(scheme)
        if location.startswith(self._start) and not _ODD.search(location):
            return location.removeprefix(self._start)
        path = Path(os.path.normpath(location))
        if not path.is_absolute() or not path.is_relative_to(self.warehouse):
            return None
        return str(path.relative_to(self.warehouse))

    def path_of(self, name: str) -> str:
        """Where the file lies that the ledger calls this."""
        return f"{self._start}{name}"

    def entries(self, names: Iterable[str]) -> dict[str, LedgerEntry]:
        """What is known of files; those that are not known are left out."""
        wanted, found = list(names), dict[str, LedgerEntry]()
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            rows = self._database.connection.execute(
                "SELECT path, bytes, sha256, snapshot_id FROM ledger "
                f"WHERE path IN ({', '.join('?' * len(some))})",
                some,
            )
            found.update((row[0], LedgerEntry(*row)) for row in rows)
        return found

    def below(self, folder: str = "") -> list[LedgerEntry]:
        """All files in a folder of the warehouse."""
        rows = self._database.connection.execute(
            "SELECT path, bytes, sha256, snapshot_id FROM ledger WHERE path >= ? AND path < ? ORDER BY path",
            (f"{folder}/", f"{folder}0") if folder else ("", "\U0010ffff"),  # 0 comes after the slash
        )
        return [LedgerEntry(*row) for row in rows]

    @contextlib.contextmanager
    def bringing(self, entries: Sequence[LedgerEntry]) -> Iterator[None]:
        """Have files recorded by the commit that this thread makes meanwhile."""
        self._local.brought = entries
        try:
            yield
        finally:
            self._local.brought = None

    @property
    def brought(self) -> Sequence[LedgerEntry] | None:
        """What this thread is about to commit; None where nobody has looked yet."""
        return getattr(self._local, "brought", None)

    def add(self, db: sqlite3.Connection, entries: Iterable[LedgerEntry]) -> None:
        """Record files in a commit's transaction; what is recorded stays: committed files never change."""
        db.executemany(
            "INSERT INTO ledger VALUES (?, ?, ?, ?) ON CONFLICT (path) DO NOTHING",
            [(each.path, each.size, each.sha256, each.snapshot_id) for each in entries],
        )

    def remove(self, db: sqlite3.Connection, locations: Iterable[str]) -> None:
        """Forget files in a commit's transaction."""
        names = [name for each in locations if (name := self.name_of(each)) is not None]
        db.executemany("DELETE FROM ledger WHERE path = ?", [(name,) for name in names])

    def forget(self, locations: Iterable[str]) -> None:
        """Forget files that have been deleted."""
        names = [name for each in locations if (name := self.name_of(each)) is not None]
        known = self.entries(names)
        if known:
            with self._database.writing() as db:
                db.executemany("DELETE FROM ledger WHERE path = ?", [(name,) for name in known])

    def forget_below(self, folder: str) -> None:
        """Forget all files of a folder that has been deleted."""
        name = self.name_of(folder)
        if name is None:
            return
        with self._database.writing() as db:
            db.execute("DELETE FROM ledger WHERE substr(path, 1, length(:it)) = :it", {"it": f"{name}/"})
