"""The public keys of an identity provider (JWK set, RFC 7517), from a file or its URL."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from a360.errors import OperatorError

_MOST_BYTES = 1_000_000
_SECONDS = 10.0
_FRESH_SECONDS = 3600.0
# Tokens with made-up key ids must not have us ask the provider each time.
_BETWEEN_SECONDS = 30.0
_SHORTEST_RSA = 2048
_OF_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies signatures, and the algorithms that it is for."""

    key: Any
    algorithms: frozenset[str]


class KeySet:
    """Finds keys by their id; from a URL they are fetched anew now and then, and for an id not seen before.

    Args:
        source: A file, or an https URL (http on loopback).
        clock: Seconds.
    """

    def __init__(self, source: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, PublicKey] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None

    def key(self, identity: str) -> PublicKey | None:
        """The key of an id.

        Raises:
            OperatorError: no keys could be read so far.
        """
        with self._lock:
            now = self._clock()
            if self._due(now, known=identity in self._keys):
                self._tried_at = now
                self._read(now)
            return self._keys.get(identity)

    def _due(self, now: float, *, known: bool) -> bool:
        fresh = self._read_at is not None and now - self._read_at < _FRESH_SECONDS
        if known and fresh:
            return False
        return self._tried_at is None or now - self._tried_at >= _BETWEEN_SECONDS

    def _read(self, now: float) -> None:
        try:
            self._keys = _keys_in(self._text())
            self._read_at = now
        except (OSError, ValueError, httpx.HTTPError, jwt.PyJWTError) as fault:
            # Keys of an hour ago are good until the provider answers again, but not for ever.
            if self._read_at is None or now - self._read_at > 24 * _FRESH_SECONDS:
                self._keys = {}
                raise OperatorError(
                    "environment-unfit",
                    "The keys of the identity provider cannot be read",
                    where=self._source,
                    found=type(fault).__name__,
                    next_step="see that the setting oidc_jwks names its JWK set, and that it can be reached",
                ) from None

    def _text(self) -> bytes:
        if not self._source.startswith(("https://", "http://")):
            return Path(self._source).read_bytes()
        with (
            httpx.Client(timeout=_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", self._source) as answer,
        ):
            answer.raise_for_status()
            if answer.status_code != httpx.codes.OK:
                raise ValueError("a redirect")
            read = bytearray()
            for part in answer.iter_bytes():
                read += part
                if len(read) > _MOST_BYTES:
                    raise ValueError("too large")
        return bytes(read)


def _keys_in(text: bytes) -> Mapping[str, PublicKey]:
    """The keys that verify signatures, by id; secrets, short keys and what we do not know are left out."""
    told = json.loads(text)
    listed = told.get("keys") if isinstance(told, dict) else None
    found = {str(each["kid"]): key for each in listed or () if (key := _key(each))}
    if not found:
        raise ValueError("no key that verifies signatures")
    return found


def _key(told: Any) -> PublicKey | None:  # noqa: ANN401 -- whatever stands in the file
    if not isinstance(told, dict) or not isinstance(told.get("kid"), str):
        return None
    if told.get("kty") == "oct" or "d" in told or told.get("use", "sig") != "sig":
        return None
    try:
        known = jwt.PyJWK(told)
    except jwt.PyJWTError:
        return None
    if isinstance(known.key, RSAPublicKey) and known.key.key_size < _SHORTEST_RSA:
        return None
    # An RSA key that does not say for which algorithm it is, is for all of RSA's.
    of_rsa = known.key_type == "RSA" and "alg" not in told
    return PublicKey(known.key, _OF_RSA if of_rsa else frozenset({known.algorithm_name}))
