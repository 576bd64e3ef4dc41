"""Idempotency keys: which requests have been carried out, and what was answered."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from a360.catalog.store._database import Database

LIFETIME_SECONDS = 30 * 60
# Retries that left in time may arrive late, from clocks that differ.
_GRACE_SECONDS = 5 * 60


class KeyTakenError(Exception):
    """Another process has carried out a request with this key since we looked."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a key.

    Attributes:
        fingerprint: Names the request it came with.
        note: The last metadata file of what the request removed.
        status: What was answered; None where that was not noted before the process ended.
        body: The answer's body; None where it was too large to keep.
    """

    fingerprint: str
    note: str | None
    status: int | None
    body: bytes | None


class IdempotencyKeys:
    """The keys of the last half hour."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._local = threading.local()

    def find(self, key: str) -> KeyRecord | None:
        """What is known of a key, None where it is new or has expired."""
        row = self._database.connection.execute(
            "SELECT fingerprint, note, status, body FROM idempotency_key WHERE key = ? AND first_seen > ?",
            (key, self._oldest()),
        ).fetchone()
        return KeyRecord(*row) if row else None

    @contextlib.contextmanager
    def pending(self, key: str, fingerprint: str) -> Iterator[None]:
        """Note the key with whatever this thread changes meanwhile."""
        self._local.pending = (key, fingerprint)
        try:
            yield
        finally:
            self._local.pending = None

    def mark(self, db: sqlite3.Connection, note: str | None = None) -> None:
        """Note this thread's key, if it has one, in the transaction that makes the change.

        Raises:
            KeyTakenError: The key is known; the transaction must not be committed.
        """
        pending: tuple[str, str] | None = getattr(self._local, "pending", None)
        if pending is None:
            return
        self._expire(db)
        try:
            db.execute(
                "INSERT INTO idempotency_key (key, fingerprint, first_seen, note) VALUES (?, ?, ?, ?)",
                (*pending, self._clock(), note),
            )
        except sqlite3.IntegrityError as taken:
            raise KeyTakenError from taken

    def answered(self, key: str, fingerprint: str, status: int, body: bytes | None) -> None:
        """Keep the answer to a request that did what it asked."""
        with self._database.writing() as db:
            self._expire(db)
            db.execute(
                "INSERT INTO idempotency_key (key, fingerprint, first_seen, status, body) "
                "VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET status = excluded.status, body = excluded.body",
                (key, fingerprint, self._clock(), status, body),
            )

    def refused(self, key: str, fingerprint: str, status: int, body: bytes) -> bool:
        """Keep a final refusal; False where another process has carried the request out after all."""
        with self._database.writing() as db:
            self._expire(db)
            done = db.execute(
                "INSERT INTO idempotency_key (key, fingerprint, first_seen, status, body) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (key, fingerprint, self._clock(), status, body),
            )
            return done.rowcount == 1

    def _expire(self, db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM idempotency_key WHERE first_seen <= ?", (self._oldest(),))

    def _oldest(self) -> float:
        return self._clock() - LIFETIME_SECONDS - _GRACE_SECONDS
