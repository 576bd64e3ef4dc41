"""Trying again after a conflict."""

import random
import time
from collections.abc import Callable

_FIRST_WAIT = 0.02
_LONGEST_WAIT = 2.0


def again_on[T](
    conflict: type[Exception],
    action: Callable[[], T],
    *,
    patience: float,
    wait: Callable[[float], None] = time.sleep,
) -> T:
    """Do something again, after growing waits of random length, for as long as it ends in a conflict.

    Conflicts are a matter of course between writers, so that nothing is logged, and a lasting one is raised.
    This is why stamina is not used here: it tells every retry to whatever logging the process has.
    """
    deadline, longest = time.monotonic() + patience, _FIRST_WAIT
    while True:
        try:
            return action()
        except conflict:
            if time.monotonic() >= deadline:
                raise
        wait(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret
        longest = min(longest * 2, _LONGEST_WAIT)
