"""What every request passes first: bounds of size and time, no secrets in URLs, and headers of answers."""

import asyncio
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from a360.errors import UsageError
from a360.serve._problems import Problem

MOST_BODY_BYTES = 128 * 1024
_MOST_URL_BYTES = 8 * 1024
_BODY_SECONDS = 20.0
# A URL is kept by browsers, proxies and logs: no place for a secret, whatever it is called.
_SECRETS_IN_URLS = frozenset({
    "access_token", "api_key", "apikey", "auth", "authorization", "bearer", "id_token", "jwt", "key",
    "password", "secret", "session", "token",
})  # fmt: skip
_OWN_SECRETS = ("a360_", "a360s_")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_SECURE = {"Strict-Transport-Security": "max-age=31536000"}


class Edge:
    """Wraps an application; there are no headers of CORS, so that pages of other sites read nothing."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = {**_HEADERS, **(_SECURE if secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        try:
            _require_fit_url(scope)
            body = await _body(scope, receive)
        except _RefusedError as refused:
            await Problem(refused.error, refused.status)(scope, receive, told)
            return
        if body is not None:
            await self._app(scope, _again(body, receive), told)


class _RefusedError(Exception):
    def __init__(self, status: int, what: str, found: str, next_step: str) -> None:
        super().__init__(what)
        self.status = status
        self.error = UsageError("usage", what, found=found, next_step=next_step)


def _require_fit_url(scope: Scope) -> None:
    query: bytes = scope.get("query_string", b"")
    if len(query) + len(scope.get("raw_path") or b"") > _MOST_URL_BYTES:
        raise _RefusedError(
            414, "The URL is too long", f"more than {_MOST_URL_BYTES} bytes", "send the query with POST"
        )
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name.lower() in _SECRETS_IN_URLS or value.startswith(_OWN_SECRETS):
            raise _RefusedError(
                400,
                "A secret is no part of a URL",
                "a parameter that holds one",
                "send it in the header Authorization; revoke this one, as URLs are kept in many places",
            )


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body of a request; None where the client went away."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value) > MOST_BODY_BYTES):
            raise _too_large()
    read = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                read += message.get("body", b"")
                if len(read) > MOST_BODY_BYTES:
                    raise _too_large()
                if not message.get("more_body"):
                    return bytes(read)
    except TimeoutError:
        raise _RefusedError(
            408, "The request came too slowly", f"not whole after {_BODY_SECONDS:g} s", "send it again"
        ) from None


def _too_large() -> _RefusedError:
    return _RefusedError(
        413,
        "The request is too large",
        f"more than {MOST_BODY_BYTES} bytes",
        "join with a table of the lake in place of a long list of values",
    )


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, and then what comes after it, which is that the client goes."""
    given = False

    async def next_message() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
