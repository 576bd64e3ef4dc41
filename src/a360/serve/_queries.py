"""The queries that run: how many, whose, and how each is stopped."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from a360.errors import UsageError
from a360.trust.identity import TooManyRequestsError
from a360.trust.policy import Principal

# The gateway lets fewer run; the others wait for their turn, each in a thread.
_MOST = 96
_MOST_OF_ONE = 24


class Query:
    """A query that was asked; it may be stopped before it runs."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._stopped = False

    def began(self, stop: Callable[[], None]) -> None:
        """Say how it is stopped; it is at once where it was told to before."""
        with self._lock:
            self._stop = stop
            if not self._stopped:
                return
        stop()

    def stop(self) -> None:
        """Stop it, from any thread."""
        with self._lock:
            self._stopped = True
            stop = self._stop
        if stop is not None:
            stop()


class Queries:
    """What runs in one server. Safe in threads."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(_MOST, thread_name_prefix="a360-query")
        self._lock = threading.Lock()
        self._running: dict[str, Query] = {}

    @contextmanager
    def running(self, identity: str, principal: Principal) -> Iterator[Query]:
        """A query from when it is asked until its answer is told.

        Raises:
            DeniedError: `too-many-requests`.
            UsageError: there is a query of this id.
        """
        query = Query(principal.name)
        with self._lock:
            of_each = Counter(each.owner for each in self._running.values())
            if len(self._running) >= _MOST or of_each[principal.name] >= _MOST_OF_ONE:
                raise TooManyRequestsError("Too many queries wait for their turn", 1)
            if identity in self._running:
                raise UsageError(
                    "usage", "There is a query of this id", next_step="give each an id of its own"
                )
            self._running[identity] = query
        try:
            yield query
        finally:
            with self._lock:
                del self._running[identity]

    def stop(self, identity: str, principal: Principal) -> bool:
        """Stop a query; False where there is none of this principal."""
        with self._lock:
            query = self._running.get(identity)
        if query is None or query.owner != principal.name:
            return False
        query.stop()
        return True

    def close(self) -> None:
        """Stop all, and wait until they have ended."""
        with self._lock:
            running = list(self._running.values())
        for each in running:
            each.stop()
        self.threads.shutdown()
