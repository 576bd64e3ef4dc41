"""How long the gateway tries, and which answers settle what."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

from a360.catalog._wire import Reply

# Timeouts, "too early" and "too many" say nothing of a request that may have been passed on before they were
# sent.
_UNSETTLED = frozenset({408, 425, 429})
_NOT_IMPLEMENTED = 501
_SERVER_FAULT = 500

# Refusals that the same request would have met at any earlier try too, or that end its chances for good.
CONCLUSIVE = frozenset({400, 404, 405, 406, 409, 413, 422})
CONFLICT = 409
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds of the gateway's patience, in seconds.

    Attributes:
        settle: How long the outcome of a change is sought before the gateway gives up.
        read: How long a read is tried.
        upstream: How long one request may take; below the 30 s after which DuckDB's client sends again.
        first_wait: The wait after a first failure; it doubles, with jitter.
        longest_wait: The longest wait between two tries.
    """

    settle: float = 120.0
    read: float = 5.0
    upstream: float = 20.0
    first_wait: float = 0.02
    longest_wait: float = 1.0

    def waits(self, seconds: float) -> Iterator[float]:
        """How long to wait before each further try, until the time is over."""
        deadline = monotonic() + seconds
        wait = self.first_wait
        while monotonic() < deadline:
            yield wait * random.uniform(0.5, 1.0)  # noqa: S311 -- jitter, not a secret
            wait = min(wait * 2, self.longest_wait)


def settles(reply: Reply) -> bool:
    """Whether an answer tells the outcome of the request it answers."""
    if reply.status == _NOT_IMPLEMENTED:
        return True
    return reply.status < _SERVER_FAULT and reply.status not in _UNSETTLED
