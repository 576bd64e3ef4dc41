"""The token endpoint: OAuth2 client credentials (RFC 6749, 4.4), as Iceberg's REST specification has it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

from a360.catalog._wire import Reply, Request
from a360.catalog.access._clients import Clients
from a360.catalog.access._scope import Scope
from a360.catalog.access._throttle import Throttle
from a360.catalog.access._tokens import LIFETIME_SECONDS, Tokens

TOKEN_PATH = ("v1", "oauth", "tokens")

_FORM = "application/x-www-form-urlencoded"
# What clients ask for that were told nothing of our scopes: PyIceberg and Java, DuckDB and Polaris clients.
_WHOLE_SCOPE = frozenset({"catalog", "PRINCIPAL_ROLE:ALL"})
_NOT_STORED = {"cache-control": "no-store", "pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class TokenReply:
    """An answer of the token endpoint, with its headers."""

    reply: Reply
    headers: Mapping[str, str] = field(default_factory=dict)


class _Refused(Exception):  # noqa: N818 -- a refusal is an answer here, no fault
    """An error answer as RFC 6749, 5.2 words it."""

    def __init__(self, error: str, description: str, status: int = 400, **headers: str) -> None:
        super().__init__(description)
        content = {"error": error, "error_description": description}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = TokenReply(Reply.of(content, status), {**_NOT_STORED, **named})


class TokenEndpoint:
    """Gives clients that prove themselves a token."""

    def __init__(self, clients: Clients, tokens: Tokens, throttle: Throttle) -> None:
        self._clients = clients
        self._tokens = tokens
        self._throttle = throttle

    def answer(self, request: Request) -> TokenReply:
        """Answer one request for a token."""
        try:
            return self._granted(request)
        except _Refused as refused:
            return refused.answer

    def _granted(self, request: Request) -> TokenReply:
        form = _form(request)
        name, secret, by_header = _credentials(request, form)
        grant = form.get("grant_type")
        if grant is None:
            raise _Refused("invalid_request", "grant_type is missing")
        if grant != "client_credentials":
            raise _Refused("unsupported_grant_type", "The grant type has to be client_credentials")
        scope = self._authenticated(name, secret, by_header=by_header)
        client = self._clients.get(name)
        if client is None:
            raise _Refused("invalid_client", "The client was removed", 401)
        chosen = _narrowed(form.get("scope", ""), scope)
        content = {
            "access_token": self._tokens.issue(name, client.id, chosen),
            "token_type": "bearer",
            "expires_in": LIFETIME_SECONDS,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "scope": chosen.value,
        }
        return TokenReply(Reply.of(content), _NOT_STORED)

    def _authenticated(self, name: str, secret: str, *, by_header: bool) -> Scope:
        # Names nobody bears share one account: inventing them neither fills memory nor locks others out.
        subject = name if self._clients.get(name) else ""
        wait = self._throttle.wait(subject)
        if wait:
            raise _Refused(
                "invalid_client",
                f"Too many failed attempts; try again in {wait} s",
                429,
                retry_after=str(wait),
            )
        client = self._clients.authenticate(name, secret)
        if client is None:
            self._throttle.failed(subject)
            asked = {"www_authenticate": 'Basic realm="a360", charset="UTF-8"'} if by_header else {}
            raise _Refused("invalid_client", "Client authentication failed", 401, **asked)
        return client.scope


def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise _Refused("invalid_request", f"The request has to be {_FORM}")
    try:
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError:
        raise _Refused("invalid_request", "The form cannot be read") from None
    form = {name: value for name, value in pairs if value}
    if len(form) != len([pair for pair in pairs if pair[1]]):
        raise _Refused("invalid_request", "A parameter occurs more than once")
    return form


def _credentials(request: Request, form: Mapping[str, str]) -> tuple[str, str, bool]:
    """Name and secret, from the header or from the body but not from both."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    in_body = "client_id" in form or "client_secret" in form
    if scheme.lower() == "basic":
        if "client_secret" in form:
            raise _Refused("invalid_request", "Credentials stand in the header or in the body, not in both")
        name, secret = _basic(encoded)
        if form.get("client_id", name) != name:
            raise _Refused("invalid_request", "Header and body name different clients")
        return name, secret, True
    if not in_body:
        # A token cannot be exchanged for a longer one: who has a client's secret simply asks anew.
        raise _Refused("invalid_client", "client_id and client_secret are missing", 401)
    if "client_id" not in form or "client_secret" not in form:
        raise _Refused("invalid_request", "client_id or client_secret is missing")
    return form["client_id"], form["client_secret"], False


def _basic(encoded: str) -> tuple[str, str]:
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = name = secret = ""
    if not colon:
        raise _Refused("invalid_request", "The authorization header cannot be read")
    return unquote_plus(name), unquote_plus(secret)


def _narrowed(asked: str, granted: Scope) -> Scope:
    """The highest of the scopes asked for; the client's own where none of ours is named.

    Raises:
        _Refused: A scope is not known, or above the client's.
    """
    names = asked.split()
    known = [Scope(name) for name in names if name in set(Scope)]
    if len(known) < len([name for name in names if name not in _WHOLE_SCOPE]):
        raise _Refused("invalid_scope", f"The scopes are {', '.join(Scope)}")
    if not known:
        return granted
    highest = max(known, key=list(Scope).index)
    if not granted.covers(highest):
        raise _Refused("invalid_scope", f"The client's scope is {granted.value}")
    return highest
