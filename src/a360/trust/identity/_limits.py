"""How often somebody may ask, and how often be wrong."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_FAILURES = 10
_MOST_KNOWN = 50_000
_ROUNDING = 1e-6


class Rate:
    """Lets each subject do something `burst` times at once, and then once in `seconds`. Safe in threads."""

    def __init__(self, burst: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        # When what a subject has spent will be forgiven; those that were not heard of for longest go first.
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def take(self, subject: str) -> int:
        """Count one more; 0 if it may, else the whole seconds until it might."""
        now = self._clock()
        with self._lock:
            free_at = max(self._free_at.get(subject, now), now)
            over = free_at - now - (self._burst - 1) * self._seconds
            if over > _ROUNDING:
                return math.ceil(over)
            self._free_at[subject] = free_at + self._seconds
            self._free_at.move_to_end(subject)
            if len(self._free_at) > _MOST_KNOWN:
                self._free_at.popitem(last=False)
        return 0


@dataclass(slots=True)
class _Wrong:
    times: int
    since: float
    locked_until: float = 0.0


class Lockout:
    """Locks a subject out for a while after it was wrong several times within such a while."""

    def __init__(
        self, most: int = MOST_FAILURES, seconds: float = 15 * 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, _Wrong] = OrderedDict()

    def locked(self, subject: str) -> int:
        """The whole seconds for which a subject is locked out; 0 for none."""
        with self._lock:
            wrong = self._wrong.get(subject)
            return max(0, math.ceil(wrong.locked_until - self._clock())) if wrong else 0

    def failed(self, subject: str) -> int:
        """Count a failure; how many there were of late. The subject is locked out by the last it may have."""
        now = self._clock()
        with self._lock:
            wrong = self._wrong.get(subject)
            if wrong is None or (now - wrong.since >= self._seconds and now >= wrong.locked_until):
                wrong = self._wrong[subject] = _Wrong(0, now)
            self._wrong.move_to_end(subject)
            wrong.times += 1
            if len(self._wrong) > _MOST_KNOWN:
                self._wrong.popitem(last=False)
            if wrong.times == self._most:
                wrong.locked_until = now + self._seconds
            return wrong.times

    def succeeded(self, subject: str) -> None:
        """Forget the failures of a subject that is not locked out."""
        with self._lock:
            wrong = self._wrong.get(subject)
            if wrong and wrong.locked_until <= self._clock():
                del self._wrong[subject]
