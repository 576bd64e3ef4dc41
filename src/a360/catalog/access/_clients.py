"""Clients of a served catalog: one small file each, in a folder that only the lake's owner can read.

The file holds a keyed digest of the secret, never the secret. The key is in the lake's key store, so that who
reads a copy of the folder can neither log in nor try secrets out.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from a360.catalog.access._scope import Scope
from a360.errors import OperatorError, UsageError
from a360.files import sync_folder, write_private

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SUFFIX = ".json"


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client as its file has it; `id` tells it from a later one of the same name."""

    id: str
    scope: Scope
    digest: str
    created_at: str


@dataclass(frozen=True, slots=True)
class _Seen:
    version: tuple[int, int, int]
    client: Client


def valid_name(name: str) -> bool:
    """Whether a client may bear this name: it names a file, and stands before a credential's colon."""
    return _NAME.fullmatch(name) is not None


class Clients:
    """The clients of one lake; changes count at once, for servers that run too."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key
        self._seen: dict[str, _Seen] = {}

    def add(self, name: str, scope: Scope) -> str:
        """Add a client and give its secret, which is kept nowhere.

        Raises:
            UsageError: The name is taken, or not one a client may bear.
        """
        if not valid_name(name):
            raise UsageError(
                "usage",
                "A client cannot have this name",
                found=name[:64],
                next_step="take lower-case letters, digits, - and _, a letter first, 63 at most",
            )
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret, identity = secrets.token_hex(32), secrets.token_hex(8)
        client = Client(
            id=identity,
            scope=scope,
            digest=self._digest(name, identity, secret),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        try:
            write_private(self._path(name), msgspec.json.encode(client))
        except FileExistsError:
            raise UsageError(
                "usage",
                "There is a client of this name already",
                where=str(self._folder),
                found=name,
                next_step="choose another name, or remove that client first",
            ) from None
        return secret

    def remove(self, name: str) -> None:
        """Remove a client; its tokens end with it.

        Raises:
            UsageError: There is no such client.
        """
        try:
            self._path(name if valid_name(name) else "-").unlink()
        except FileNotFoundError:
            raise UsageError(
                "usage",
                "There is no client of this name",
                where=str(self._folder),
                found=name[:64],
                next_step="`a360 catalog client list` shows them",
            ) from None
        sync_folder(self._folder)

    def all(self) -> dict[str, Client]:
        """All clients by name."""
        with contextlib.suppress(FileNotFoundError):
            names = sorted(each.stem for each in self._folder.iterdir() if each.suffix == _SUFFIX)
            found = {name: self.get(name) for name in names}
            return {name: client for name, client in found.items() if client is not None}
        return {}

    def get(self, name: str) -> Client | None:
        """A client as of now, None where there is none.

        Raises:
            OperatorError: Its file is broken, or others than the owner can write it.
        """
        if not valid_name(name):
            return None
        path = self._path(name)
        try:
            facts = path.stat()
            version = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
            seen = self._seen.get(name)
            if seen is None or seen.version != version:
                seen = _Seen(version, _decoded(path, facts))
                self._seen[name] = seen
        except FileNotFoundError:
            self._seen.pop(name, None)
            return None
        return seen.client

    def authenticate(self, name: str, secret: str) -> Client | None:
        """The client whose secret this is, None where it is not; equally long whether or not it exists."""
        client = self.get(name)
        wanted = client.digest if client else "0" * 64
        given = self._digest(name, client.id if client else "", secret)
        return client if hmac.compare_digest(wanted, given) and client else None

    def _digest(self, name: str, identity: str, secret: str) -> str:
        message = f"{name}\0{identity}\0{secret}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"


def _decoded(path: Path, facts: os.stat_result) -> Client:
    if os.name == "posix" and stat.S_IMODE(facts.st_mode) & 0o077:
        raise _unfit(path, f"mode {stat.S_IMODE(facts.st_mode):04o}: others can reach it")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Client)
    except msgspec.MsgspecError as broken:
        raise _unfit(path, "not a client's file") from broken


def _unfit(path: Path, found: str) -> OperatorError:
    return OperatorError(
        "environment-unfit",
        "A client's file cannot be trusted",
        where=str(path),
        found=found,
        next_step="find out who changed it, then remove the client and add it anew",
    )
