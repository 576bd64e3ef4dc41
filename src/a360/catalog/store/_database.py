"""The SQLite file that says which metadata file is each table's current one."""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from a360.catalog.store._seals import SEALED, broken_seals, statements, teach
from a360.errors import OperatorError

_BUSY_SECONDS = 60.0

_VERSION = 4

_TABLES = """
CREATE TABLE namespace (
    name TEXT PRIMARY KEY,
    properties TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE iceberg_table (
    namespace TEXT NOT NULL REFERENCES namespace (name),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    location TEXT NOT NULL UNIQUE,
    metadata_location TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
CREATE TABLE idempotency_key (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    first_seen REAL NOT NULL,
    note TEXT,
    status INTEGER,
    body BLOB
) WITHOUT ROWID;
CREATE TABLE metrics_report (
    id INTEGER PRIMARY KEY,
    received_ms INTEGER NOT NULL,
    dataset TEXT NOT NULL,
    report TEXT NOT NULL,
    batch TEXT
);
CREATE TABLE ledger (
    path TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    snapshot_id INTEGER
) WITHOUT ROWID
"""
_STATEMENTS = (*_TABLES.split(";"), *statements())
_SCRIPT = ";".join(_STATEMENTS)
# The ledger grows with the lake; each of its rows is held against the file that it tells of.
_SEALED_AT_START = tuple(name for name in SEALED if name != "ledger")


class Database:
    """One SQLite file, opened once per thread; processes share it through SQLite's own locks.

    Write-ahead logging lets readers go on during a commit; `synchronous=FULL` makes a commit survive a power
    cut before it is acknowledged.
    """

    def __init__(self, path: Path, *, anew: Callable[[], bool] = lambda: True, sound: bool = True) -> None:
        """Open the file.

        Args:
            path: The file.
            anew: Whether to make it where it is missing or empty: that hides all tables there are.
            sound: Whether its rows must be what was committed.

        Raises:
            OperatorError: It is damaged, of another version, or missing and not to be made.
        """
        self._path = path
        if (not path.is_file() or not path.stat().st_size) and not anew():
            raise _damaged(path, "no such file, or an empty one")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        _create_private(path)
        try:
            self._prepare()
            if sound and (broken := self.broken(_SEALED_AT_START)):
                raise _damaged(path, f"rows of {', '.join(broken)} are not what was committed")
        except (sqlite3.DatabaseError, UnicodeDecodeError) as broken_file:
            self.close()
            if isinstance(broken_file, sqlite3.OperationalError) and not _tells_damage(broken_file):
                raise
            raise _damaged(path, str(broken_file)) from broken_file
        except OperatorError:
            self.close()
            raise

    def _prepare(self) -> None:
        """Make the tables of a new file.

        Raises:
            OperatorError: It is of another version.
        """
        found = _version(self.connection)
        if found == 0:
            with self.writing() as connection:
                # Another process may have made them since we looked.
                found = _version(connection)
                if found == 0 and not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                    for statement in _STATEMENTS:
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
                    found = _VERSION
        if found != _VERSION:
            raise OperatorError(
                "not-a-lake",
                "The lake's catalog was written by another version of this software",
                where=str(self._path),
                found=f"version {found}, this software knows {_VERSION}",
                next_step=(
                    "open it with the version that wrote it; if that is this one, the file is damaged: "
                    "`a360 catalog rebuild` makes it anew from the tables' own files"
                ),
            )

    def broken(self, tables: Sequence[str] = ()) -> list[str]:
        """The tables whose rows are not what was committed; all are looked at by default.

        Raises:
            sqlite3.DatabaseError: SQLite itself finds the file damaged.
        """
        return broken_seals(self.connection, _SCRIPT, tables)

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
        teach(connection)
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


def _tells_damage(error: sqlite3.OperationalError) -> bool:
    """Whether an error that may be of the moment is one of the file: its schema no longer parses, say."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) == sqlite3.SQLITE_ERROR


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
