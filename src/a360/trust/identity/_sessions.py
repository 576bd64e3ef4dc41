"""Sessions of who has logged in: ids that say nothing, known to the server alone, that end when idle."""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from a360.trust.policy import Principal

IDLE_SECONDS = 15 * 60
LONGEST_SECONDS = 12 * 3600
PREFIX = "a360s_"

_MOST_OF_ONE = 16


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a session stands on: the id of an API token, or what an identity provider said of a user."""

    token: str | None = None
    claims: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in; the times are those of the clock of `Sessions`."""

    principal: Principal
    grounds: Grounds
    began: float
    used: float
    purpose: str | None = None

    def ends(self) -> float:
        """When it ends if it is not used before."""
        return min(self.used + IDLE_SECONDS, self.began + LONGEST_SECONDS)


class Sessions:
    """The sessions of one server, in memory: a restart ends them. Safe in threads.

    An id is always made here, anew for each login, and only its digest is kept.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[bytes, Session] = {}

    def begin(self, principal: Principal, grounds: Grounds, purpose: str | None = None) -> str:
        """Begin a session and give its id; of too many of one principal the one least used ends."""
        identity, now = f"{PREFIX}{secrets.token_urlsafe(32)}", self._clock()
        with self._lock:
            self._sweep(now)
            own = sorted(
                (session.used, key)
                for key, session in self._sessions.items()
                if session.principal.name == principal.name
            )
            for _, key in own[: max(0, len(own) - _MOST_OF_ONE + 1)]:
                del self._sessions[key]
            self._sessions[_digest(identity)] = Session(principal, grounds, now, now, purpose)
        return identity

    def use(self, identity: str) -> Session | None:
        """The session of an id, in use again as of now; None where it has ended or never was."""
        key, now = _digest(identity), self._clock()
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                return None
            if now >= session.ends():
                del self._sessions[key]
                return None
            session = replace(session, used=now)
            self._sessions[key] = session
        return session

    def end(self, identity: str) -> Session | None:
        """End a session; what it was, if it was one."""
        with self._lock:
            return self._sessions.pop(_digest(identity), None)

    def seconds_left(self, session: Session) -> int:
        """How long it lasts if it is not used."""
        return max(0, int(session.ends() - self._clock()))

    def _sweep(self, now: float) -> None:
        for key in [key for key, session in self._sessions.items() if now >= session.ends()]:
            del self._sessions[key]


def _digest(identity: str) -> bytes:
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).digest()
