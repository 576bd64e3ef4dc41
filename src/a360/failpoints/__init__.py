"""Named hooks at which fault tests stop, kill or break the program; a no-op unless switched on.

`A360_FAILPOINTS` names what happens where, as in `table.commit.before=kill;ingest.block=raise@3`:
`kill` ends the process as SIGKILL would, `raise` raises `FailpointError`, `sleep:SECONDS` waits. `@N` acts on
the Nth passage only (counted from 1, in each process).
"""

import os
import signal
import threading
import time
from collections import Counter

__all__ = ["ENV", "FailpointError", "failpoint"]

ENV = "A360_FAILPOINTS"

_passages: Counter[str] = Counter()
_lock = threading.Lock()


class FailpointError(RuntimeError):
    """Raised by a failpoint that was told to raise."""


def failpoint(name: str) -> None:
    """Mark a place where a fault may be made to happen; `name` is `room.action.step`."""
    switched_on = os.environ.get(ENV)
    if switched_on:
        _act(name, switched_on)


def _act(name: str, switched_on: str) -> None:
    for setting in filter(None, switched_on.split(";")):
        place, _, rest = setting.partition("=")
        if place != name:
            continue
        action, _, nth = rest.partition("@")
        with _lock:
            _passages[name] += 1
            passage = _passages[name]
        if not nth or passage == int(nth):
            _perform(action, name)


def _perform(action: str, name: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "raise":
        raise FailpointError(name)
    elif action.startswith("sleep:"):
        time.sleep(float(action.removeprefix("sleep:")))
    else:
        raise ValueError(f"{ENV}: {name}={action} is none of kill, raise, sleep:SECONDS")
