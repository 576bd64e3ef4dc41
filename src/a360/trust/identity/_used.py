"""Which tokens have been used to log in: each is good for one login, also after a restart."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from a360.errors import OperatorError

_TABLE = "CREATE TABLE IF NOT EXISTS used (token BLOB PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID"
_PRIVATE = 0o600


def _now() -> datetime:
    return datetime.now(UTC)


class UsedTokens:
    """The ids of used tokens, as digests, until the tokens expire. Safe in threads and between processes."""

    def __init__(self, file: Path, clock: Callable[[], datetime] = _now) -> None:
        self._file = file
        self._clock = clock

    def use(self, issuer: str, identity: str, until: float) -> bool:
        """Note that a token is used; False where it was before.

        Args:
            issuer: Who issued it.
            identity: Its `jti`.
            until: When nobody would take it any more.

        Raises:
            OperatorError: it cannot be noted, so that the login must not go ahead.
        """
        token = hashlib.sha256(f"{issuer}\0{identity}".encode("utf-8", "surrogatepass")).digest()
        try:
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            self._file.touch(mode=_PRIVATE)
            with closing(sqlite3.connect(self._file, timeout=10, isolation_level=None)) as database:
                database.execute(_TABLE)
                database.execute("DELETE FROM used WHERE until < ?", [self._clock().timestamp()])
                noted = database.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", [token, until])
                return noted.rowcount == 1
        except (OSError, sqlite3.Error) as fault:
            raise OperatorError(
                "environment-unfit",
                "It cannot be noted that a token was used to log in",
                where=str(self._file),
                found=type(fault).__name__,
                next_step="see that the lake's folder can be written, and that the disk is not full",
            ) from None
