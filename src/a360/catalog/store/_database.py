"""The SQLite file that says which metadata file is each table's current one."""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from a360.errors import OperatorError

_BUSY_SECONDS = 60.0

# What each version of the file adds to the one before; a lake of an earlier version takes the missing steps.
_STEPS = (
    """
CREATE TABLE IF NOT EXISTS namespace (
    name TEXT PRIMARY KEY,
    properties TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS iceberg_table (
    namespace TEXT NOT NULL REFERENCES namespace (name),
    name TEXT NOT NULL,
    location TEXT NOT NULL UNIQUE,
    metadata_location TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
""",
    """
ALTER TABLE iceberg_table ADD COLUMN kind TEXT NOT NULL DEFAULT 'table';
CREATE TABLE idempotency_key (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    first_seen REAL NOT NULL,
    note TEXT,
    status INTEGER,
    body BLOB
) WITHOUT ROWID;
CREATE TABLE metrics_report (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_ms INTEGER NOT NULL,
    dataset TEXT NOT NULL,
    report TEXT NOT NULL
);
""",
    "ALTER TABLE metrics_report ADD COLUMN batch TEXT",
)
_SCHEMA_VERSION = len(_STEPS)


class Database:
    """One SQLite file, opened once per thread; processes share it through SQLite's own locks.

    Write-ahead logging lets readers go on during a commit; `synchronous=FULL` makes a commit survive a power
    cut before it is acknowledged.
    """

    def __init__(self, path: Path, *, anew: Callable[[], bool] = lambda: True) -> None:
        """Open the file.

        Args:
            path: The file.
            anew: Whether to make it where it is missing or empty: that hides all tables there are.

        Raises:
            OperatorError: It is damaged, of a newer version, or missing and not to be made.
        """
        self._path = path
        if (not path.is_file() or not path.stat().st_size) and not anew():
            raise _damaged(path, "no such file, or an empty one")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        _create_private(path)
        try:
            self._migrate()
        except sqlite3.DatabaseError as broken:
            self.close()
            if isinstance(broken, sqlite3.OperationalError):
                raise
            raise _damaged(path, str(broken)) from broken

    def _migrate(self) -> None:
        found = _version(self.connection)
        if found > _SCHEMA_VERSION:
            self.close()
            raise OperatorError(
                "not-a-lake",
                "The lake's catalog was written by a newer version of this software",
                where=str(self._path),
                found=f"version {found}, this software knows {_SCHEMA_VERSION}",
                next_step="Update this software",
            )
        if found < _SCHEMA_VERSION:
            with self.writing() as connection:
                # Another process may have taken the steps since we looked.
                for step in _STEPS[_version(connection) :]:
                    for statement in filter(str.strip, step.split(";")):
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._open()
            self._local.connection = found
        return found

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        with self._lock:
            self._opened.append(connection)
        return connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A write transaction; it waits for other writers, commits on leaving, rolls back on an error."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the connections of all threads; none may be in use."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
        self._local = threading.local()


def _create_private(path: Path) -> None:
    """Make a missing file for its owner alone; what SQLite makes beside it takes after it.

    One that is there is not opened: closing it would drop the locks that SQLite holds on it in this process.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _damaged(path: Path, found: str) -> OperatorError:
    return OperatorError(
        "catalog-damaged",
        "The lake's catalog cannot be read",
        where=str(path),
        found=found,
        next_step="`a360 catalog rebuild` makes it anew from the tables' own files",
    )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Turn write-ahead logging on; SQLite does not wait for rivals here, so we do."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
