"""Access tokens: signed, short-lived, and worth nothing once their client is gone."""

import base64
import binascii
import hashlib
import hmac
import time

import msgspec

from a360.catalog.access._clients import Clients
from a360.catalog.access._scope import Scope

LIFETIME_SECONDS = 900
_PREFIX = "a360."


class _Claims(msgspec.Struct, frozen=True, array_like=True):
    name: str
    client_id: str
    scope: Scope
    expires: int


class Tokens:
    """Makes and checks the tokens of one lake's clients; servers of the same lake know each other's."""

    def __init__(self, clients: Clients, key: bytes) -> None:
        self._clients = clients
        self._key = key

    def issue(self, name: str, client_id: str, scope: Scope) -> str:
        """A token of a client, for its scope or a lesser one."""
        claims = _Claims(name, client_id, scope, int(time.time()) + LIFETIME_SECONDS)
        body = _PREFIX + _text(msgspec.json.encode(claims))
        return f"{body}.{_text(self._signature(body))}"

    def check(self, token: str) -> tuple[str, Scope] | None:
        """The client and scope of a token; None where it is not ours, has expired or its client is gone."""
        body, _, signature = token.rpartition(".")
        if not body.startswith(_PREFIX):
            return None
        if not hmac.compare_digest(_text(self._signature(body)).encode(), signature.encode()):
            return None
        try:
            claims = msgspec.json.decode(_bytes(body.removeprefix(_PREFIX)), type=_Claims)
        except (msgspec.MsgspecError, binascii.Error):
            return None
        client = self._clients.get(claims.name)
        if client is None or client.id != claims.client_id or time.time() >= claims.expires:
            return None
        return (claims.name, claims.scope) if client.scope.covers(claims.scope) else None

    def _signature(self, body: str) -> bytes:
        return hmac.new(self._key, body.encode("utf-8", "replace"), hashlib.sha256).digest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
