"""Sessions of the trusted process: each reads for one query at a time."""

import threading
from collections.abc import Callable
from itertools import chain, islice

import duckdb
import pyarrow as pa

from a360.engine.duckdb import DuckDBSession
from a360.errors import A360Error, DeniedError, InternalError
from a360.trust.gateway._budget import exceeded


class Sessions:
    """Some sessions over the lake's tables, opened as they are needed. Safe in threads."""

    def __init__(
        self, open_session: Callable[[], DuckDBSession], *, first: DuckDBSession | None = None, most: int = 2
    ) -> None:
        self._open = open_session
        self._more = most - (first is not None)
        self._changed = threading.Condition()
        self._free: list[DuckDBSession] = [first] if first is not None else []
        self._opened: list[DuckDBSession] = []

    def take(self, seconds: float | None) -> DuckDBSession:
        """A session of one's own; give it back.

        Raises:
            DeniedError: `budget-exceeded` where none comes free in time.
        """
        with self._changed:
            if not self._free and len(self._opened) < self._more:
                session = self._open()
                self._opened.append(session)
                return session
            if not self._changed.wait_for(lambda: self._free, timeout=seconds):
                raise _busy(seconds)
            return self._free.pop()

    def give_back(self, session: DuckDBSession) -> None:
        """Let others have a session."""
        with self._changed:
            self._free.append(session)
            self._changed.notify()

    def close(self) -> None:
        """Close those that were opened here."""
        with self._changed:
            for session in self._opened:
                session.close()
            self._opened.clear()
            self._free.clear()


def reader_of(session: DuckDBSession) -> Callable[[str], pa.RecordBatchReader]:
    """Reads the lake's tables for a principal who may not see all of them: failures are not told to it."""

    def read(sql: str) -> pa.RecordBatchReader:
        try:
            return session.stream(sql)
        except A360Error:
            raise InternalError(
                "engine-failed",
                "A table could not be read as the policy has it",
                next_step="the policy's filters, or the table, do not fit the contracts; ask who keeps them",
            ) from None

    return read


def aggregated(session: DuckDBSession, sql: str) -> pa.RecordBatchReader | None:
    """The groups of a table; None where a value does not fit what is computed.

    All values are seen before the first group is there. A worker, to which the same rows are all there is,
    tells whether it was one of them.
    """
    try:
        rows = session.stream(sql)
        first = list(islice(rows, 1))
    except (A360Error, duckdb.Error, pa.ArrowException):
        return None
    return pa.RecordBatchReader.from_batches(rows.schema, chain(first, rows))


def _busy(seconds: float | None) -> DeniedError:
    return exceeded("waited for its turn to read", f"{seconds:g} s", "ask again later")
