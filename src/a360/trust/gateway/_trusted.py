"""Sessions of the trusted process: each reads for one query at a time."""

import threading
from collections.abc import Callable

from a360.engine.duckdb import DuckDBSession
from a360.errors import DeniedError
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


def _busy(seconds: float | None) -> DeniedError:
    return exceeded("waited for its turn to read", f"{seconds:g} s", "ask again later")
