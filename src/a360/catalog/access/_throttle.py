"""How often one may be wrong."""

import math
import threading
import time
from collections.abc import Callable


class Throttle:
    """Counts failures by subject: a few at once are forgiven, then one in a while."""

    def __init__(
        self, burst: int = 10, seconds: float = 6.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self._seconds = seconds
        self._clock = clock
        self._spent: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, subject: str) -> int:
        """Whole seconds until the subject may try again; 0 for now."""
        over = self._level(subject) - self._burst + 1
        return math.ceil(over * self._seconds) if over > 0 else 0

    def failed(self, subject: str) -> None:
        """Note a failure."""
        level = self._level(subject)
        with self._lock:
            self._spent[subject] = (level + 1, self._clock())

    def _level(self, subject: str) -> float:
        with self._lock:
            level, at = self._spent.get(subject, (0.0, 0.0))
        return max(0.0, level - (self._clock() - at) / self._seconds)
