"""The public keys of an identity provider (JWK set, RFC 7517), from a file or its URL."""

import asyncio
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
# Keys of an hour ago are good until the provider answers again, but not for ever.
_GOOD_SECONDS = 24 * 3600.0
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
    """Finds keys by their id; they are read anew now and then, and for an id not seen before.

    Keys are read by a thread of their own, one at a time: who has a known key never waits for the provider,
    others wait until it has answered or its time is up.

    Args:
        source: A file, or an https URL (http on loopback).
        clock: Seconds.
        seconds: How long the provider has to answer, from the first byte to the last.
    """

    def __init__(
        self, source: str, clock: Callable[[], float] = time.monotonic, *, seconds: float = _SECONDS
    ) -> None:
        self._source = source
        self._clock = clock
        self._seconds = seconds
        self._lock = threading.Lock()
        self._keys: Mapping[str, PublicKey] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._reading: threading.Event | None = None
        self._fault: str | None = None

    def key(self, identity: str) -> PublicKey | None:
        """The key of an id; None where the provider has none of it.

        Raises:
            OperatorError: that cannot be told, as the provider's keys cannot be read.
        """
        reading = self._begin(identity)
        found = self._good().get(identity)
        late = False
        if found is None and reading is not None:
            # A little more than the reading itself may take: names of hosts are looked up beside its clock.
            late = not reading.wait(self._seconds + 1.0)
            found = self._good().get(identity)
        if found is None and (late or self._fault is not None or not self._good()):
            raise OperatorError(
                "environment-unfit",
                "The keys of the identity provider cannot be read",
                where=self._source,
                found=self._fault or "no answer yet",
                next_step="see that the setting oidc_jwks names its JWK set, and that it can be reached",
            )
        return found

    def _begin(self, identity: str) -> threading.Event | None:
        """Have the keys read where it is time to; what says that they were."""
        with self._lock:
            now = self._clock()
            if self._reading is None and self._due(now, known=identity in self._keys):
                self._tried_at = now
                self._reading = threading.Event()
                threading.Thread(target=self._read, args=[now, self._reading], daemon=True).start()
            return self._reading

    def _due(self, now: float, *, known: bool) -> bool:
        fresh = self._read_at is not None and now - self._read_at < _FRESH_SECONDS
        if known and fresh:
            return False
        return self._tried_at is None or now - self._tried_at >= _BETWEEN_SECONDS

    def _good(self) -> Mapping[str, PublicKey]:
        with self._lock:
            old = self._read_at is None or self._clock() - self._read_at > _GOOD_SECONDS
            return {} if old else self._keys

    def _read(self, now: float, done: threading.Event) -> None:
        keys, fault = None, None
        try:
            keys = _keys_in(_text(self._source, self._seconds))
        except Exception as error:  # noqa: BLE001 -- whatever a stranger's answer was, it gave no keys
            fault = type(error).__name__
        with self._lock:
            if keys is not None:
                self._keys, self._read_at = keys, now
            self._fault, self._reading = fault, None
        done.set()


def _text(source: str, seconds: float) -> bytes:
    if source.startswith(("https://", "http://")):
        return asyncio.run(_fetched(source, seconds))
    with Path(source).open("rb") as file:
        return _bounded(file.read(_MOST_BYTES + 1))


async def _fetched(source: str, seconds: float) -> bytes:
    """What a URL answers, within a time that covers all of it: a byte now and then gains nothing."""
    # Compressed, a small answer could be a large one.
    plain = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(timeout=seconds, follow_redirects=False, trust_env=False) as client,
        client.stream("GET", source, headers=plain) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise ValueError("no answer of keys")
        read = bytearray()
        async for part in answer.aiter_raw():
            _bounded(read := read + part)
    return bytes(read)


def _bounded[T: (bytes, bytearray)](read: T) -> T:
    if len(read) > _MOST_BYTES:
        raise ValueError("too large")
    return read


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
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
    if isinstance(known.key, RSAPublicKey) and known.key.key_size < _SHORTEST_RSA:
        return None
    # An RSA key that does not say for which algorithm it is, is for all of RSA's.
    of_rsa = known.key_type == "RSA" and "alg" not in told
    return PublicKey(known.key, _OF_RSA if of_rsa else frozenset({known.algorithm_name}))
