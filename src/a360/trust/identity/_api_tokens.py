"""API tokens: secrets of programs and of tools that know no login. The lake keeps a digest of each.

One small file a token, in a folder that only the lake's owner can read; so a token that was revoked is void
at once, in servers that run too.
"""

import hashlib
import hmac
import re
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from a360.errors import OperatorError, UsageError
from a360.files import sync_folder, write_private

LONGEST = timedelta(days=366)
PREFIX = "a360_"

_TOKEN = re.compile(r"a360_([0-9a-f]{16})_([0-9a-f]{64})")
_ID = re.compile(r"[0-9a-f]{16}")
_SUFFIX = ".json"
_NOBODY = "0" * 64


class ApiToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token as its file has it: whose it is, until when it holds, and what it is used for if it says so."""

    id: str
    user: str
    digest: str
    created_at: datetime
    expires_at: datetime
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class Presented:
    """What was found for a token that somebody presented.

    `token` is there for a good one only; `user` is whose it claims to be, where there is such a token.
    `reason` is for the record: who holds no secret is not told which tokens there are.
    """

    token: ApiToken | None = None
    user: str | None = None
    reason: str = "there is no such API token"
    proven: bool = False


def _now() -> datetime:
    return datetime.now(UTC)


class ApiTokens:
    """The API tokens of one lake.

    Args:
        folder: Where they lie; made for the first of them.
        key: Under which their digests are made: who copies the folder cannot try secrets out.
        clock: The time.
    """

    def __init__(self, folder: Path, key: bytes, clock: Callable[[], datetime] = _now) -> None:
        self._folder = folder
        self._key = key
        self._clock = clock

    def create(self, user: str, lasts: timedelta, *, purpose: str | None = None) -> tuple[ApiToken, str]:
        """Make a token; its text is kept nowhere.

        Raises:
            UsageError: it would hold for too long, or not at all.
        """
        if not timedelta(0) < lasts <= LONGEST:
            raise UsageError(
                "usage",
                "A token cannot hold for so long",
                found=f"{lasts.days} days",
                next_step=f"take 1 to {LONGEST.days} days, and make a new one then",
            )
        identity, secret = secrets.token_hex(8), secrets.token_hex(32)
        now = self._clock().astimezone(UTC).replace(microsecond=0)
        token = ApiToken(
            id=identity,
            user=user,
            digest=self._digest(identity, secret),
            created_at=now,
            expires_at=now + lasts,
            purpose=purpose,
        )
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._path(identity), msgspec.json.encode(token))
        return token, f"{PREFIX}{identity}_{secret}"

    def revoke(self, identity: str) -> ApiToken:
        """Make a token void, for good.

        Raises:
            UsageError: there is no such token.
        """
        token = self._read(identity)
        if token is None:
            raise UsageError(
                "usage",
                "There is no API token of this id",
                found=identity[:32],
                next_step="`a360 token list` shows them",
            )
        self._path(identity).unlink(missing_ok=True)
        sync_folder(self._folder)
        return token

    def all(self) -> list[ApiToken]:
        """The tokens, those that have expired included, oldest first."""
        if not self._folder.is_dir():
            return []
        names = (each.stem for each in self._folder.iterdir() if each.suffix == _SUFFIX)
        found = [token for name in names if (token := self._read(name))]
        return sorted(found, key=lambda token: (token.created_at, token.id))

    def check(self, text: str) -> Presented:
        """What a presented token is worth.

        A digest is made and compared whether or not there is such a token. That a file is found and read does
        take longer than that it is not: a token's id is no secret, and is in the audit log.
        """
        parts = _TOKEN.fullmatch(text)
        identity, secret = parts.groups() if parts else ("", text)
        token = self._read(identity)
        given = self._digest(identity, secret)
        proven = hmac.compare_digest(token.digest if token else _NOBODY, given)
        if token is None:
            return Presented()
        if not proven:
            return Presented(user=token.user, reason="the secret is not the token's")
        if self._clock() >= token.expires_at:
            return Presented(user=token.user, reason="the token has expired", proven=True)
        return Presented(token, token.user, proven=True)

    def standing(self, identity: str) -> ApiToken | None:
        """The token of an id, if it was neither revoked nor has expired."""
        token = self._read(identity)
        return None if token is None or self._clock() >= token.expires_at else token

    @staticmethod
    def identity(text: str) -> str | None:
        """The id that a text names, if it has the form of a token."""
        parts = _TOKEN.fullmatch(text)
        return parts[1] if parts else None

    def _digest(self, identity: str, secret: str) -> str:
        message = f"{identity}\0{secret}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def _path(self, identity: str) -> Path:
        return self._folder / f"{identity}{_SUFFIX}"

    def _read(self, identity: str) -> ApiToken | None:
        if not _ID.fullmatch(identity):
            return None
        path = self._path(identity)
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                raise _unfit(path, f"mode {mode:04o}: others can reach it")
            token = msgspec.json.decode(path.read_bytes(), type=ApiToken)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            raise _unfit(path, "not a token's file") from None
        if token.id != identity:
            raise _unfit(path, "the file of another token")
        return token


def _unfit(path: Path, found: str) -> OperatorError:
    return OperatorError(
        "environment-unfit",
        "An API token's file cannot be trusted",
        where=str(path),
        found=found,
        next_step="find out who changed it, then remove the file and make a new token",
    )
