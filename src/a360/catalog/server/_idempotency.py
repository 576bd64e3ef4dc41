"""Requests with an `Idempotency-Key`: carried out once, answered alike however often they are sent."""

import hashlib
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from a360.catalog._errors import BadRequestError, CommitStateUnknownError, RestError, UnprocessableError
from a360.catalog._wire import Reply, Request
from a360.catalog.store import IdempotencyKeys, KeyRecord, KeyTakenError

HEADER = "idempotency-key"
_KEY_LENGTH = 36
_STAMP = "a360."
_BODY_KEPT = 64 * 1024
_CLIENT_FAULT, _SERVER_FAULT = 400, 500
# Refusals that say nothing of the request itself: the same one may pass a moment later.
_PASSING = frozenset({401, 403, 408, 419, 425, 429})
_STRIPES = 64

type Recover = Callable[[KeyRecord], Reply]


class Once:
    """Carries out each keyed request once, whichever process it reaches."""

    def __init__(self, keys: IdempotencyKeys) -> None:
        self._keys = keys
        # Retries that arrive while the first try is under way wait for it.
        self._stripes: Sequence[threading.Lock] = [threading.Lock() for _ in range(_STRIPES)]

    def run(self, request: Request, act: Callable[[], Reply], recover: Recover) -> Reply:
        """Answer a keyed request: from memory where its key is known, else by carrying it out.

        Args:
            request: The request, with its key.
            act: Carries it out.
            recover: Gives the answer where only the effect is known: it was too large to keep, or the process
                ended before it was noted.

        Raises:
            BadRequestError: The key is none.
            UnprocessableError: The key came with another request before.
        """
        key = _key(request)
        mark = _fingerprint(request)
        with self._stripes[hash(key) % _STRIPES]:
            known = self._keys.find(key)
            if known is None:
                reply = self._first(key, mark, act)
                if reply is not None:
                    return reply
                known = self._keys.find(key)
        if known is None:
            raise CommitStateUnknownError("The Idempotency-Key expired while its request was carried out")
        if known.fingerprint != mark:
            raise UnprocessableError("Cannot reuse Idempotency-Key: it came with another request before")
        return _replay(known, recover)

    def _first(self, key: str, mark: str, act: Callable[[], Reply]) -> Reply | None:
        """Carry a request out and note its answer; None where another process was first."""
        try:
            with self._keys.pending(key, mark):
                reply = act()
        except KeyTakenError:
            return None
        except RestError as error:
            reply = Reply.error(error)
        if reply.ok:
            kept = reply.body if len(reply.body) <= _BODY_KEPT else None
            self._keys.answered(key, mark, reply.status, kept)
        elif _CLIENT_FAULT <= reply.status < _SERVER_FAULT and reply.status not in _PASSING:
            return reply if self._keys.refused(key, mark, reply.status, reply.body) else None
        return reply


def _replay(known: KeyRecord, recover: Recover) -> Reply:
    if known.status is None or known.body is None:
        return recover(known)
    return Reply(known.status, known.body)


def _key(request: Request) -> str:
    text = request.headers.get(HEADER, "")
    try:
        parsed = uuid.UUID(text) if len(text) == _KEY_LENGTH else None
    except ValueError:
        parsed = None
    if parsed is None:
        raise BadRequestError("Invalid Idempotency-Key: it is not a UUID")
    return str(parsed)


def _fingerprint(request: Request) -> str:
    """Names a request by what it asks; the gateway's stamp differs from try to try and does not count."""
    try:
        body = msgspec.json.decode(request.body) if request.body else None
    except msgspec.DecodeError as broken:
        raise BadRequestError(f"Malformed JSON: {broken}") from broken
    parts = [request.method, request.segments, sorted(request.parameters.items()), _unstamped(body)]
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _unstamped(value: Any) -> Any:  # noqa: ANN401 -- raw JSON
    if isinstance(value, Mapping):
        return {key: _unstamped(each) for key, each in value.items() if not key.startswith(_STAMP)}
    return [_unstamped(each) for each in value] if isinstance(value, list) else value
