"""What wraps the keys of packs: a port, and its form for a master key that this process holds."""

import secrets
from collections.abc import Mapping
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

KEY_BYTES: Final = 32


class Guard(Protocol):
    """Wraps keys, each bound to its name and to one store. It alone sees how.

    What the guard is, `facts` tell to the keyring, so that the next process finds the same one; they hold no
    secret.
    """

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the keyring says of the guard."""
        ...

    def generate(self, name: str) -> tuple[bytes, bytes]:
        """A fresh 32-byte key, and the same wrapped."""
        ...

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """The key of that name.

        Raises:
            NotOpenedError: it does not open under this guard, or under this name.
        """
        ...

    def rewrap(self, name: str, wrapped: bytes, before: "Guard") -> bytes:
        """The key that `before` wrapped, wrapped by this guard."""
        ...


class NotOpenedError(Exception):
    """Wrapped bytes that a guard did not open."""


class MasterGuard:
    """AES-256-KWP (RFC 5649) under keys derived from a master key, one for each name."""

    def __init__(self, master: bytes, store: str, facts: Mapping[str, Any]) -> None:
        self._master = master
        self._store = store
        self.facts = facts

    def generate(self, name: str) -> tuple[bytes, bytes]:
        """A fresh key, drawn from the system's random numbers."""
        key = secrets.token_bytes(KEY_BYTES)
        return key, self._wrap(name, key)

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """The key of that name."""
        return unwrapped(self._key_of(name), wrapped)

    def rewrap(self, name: str, wrapped: bytes, before: Guard) -> bytes:
        """The key that `before` wrapped, wrapped under this master."""
        return self._wrap(name, before.unwrap(name, wrapped))

    def _wrap(self, name: str, key: bytes) -> bytes:
        return aes_key_wrap_with_padding(self._key_of(name), key)

    def _key_of(self, name: str) -> bytes:
        info = f"a360 key wrap {self._store} {name}".encode()
        return HKDFExpand(SHA256(), KEY_BYTES, info=info).derive(self._master)


def unwrapped(under: bytes, wrapped: bytes) -> bytes:
    """AES-KWP opened; NotOpenedError where it does not."""
    try:
        return aes_key_unwrap_with_padding(under, wrapped)
    except (InvalidUnwrap, ValueError):
        raise NotOpenedError from None
