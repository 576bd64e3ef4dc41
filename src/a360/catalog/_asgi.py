"""From HTTP to a catalog's requests and back: bearer token checked, work done off the event loop.

Plain ASGI: two messages in, two out, and no framework to import before a command can start.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from a360.catalog._errors import NotAuthorizedError
from a360.catalog._wire import Reply, Request

_THREADS = 64

type Handler = Callable[[Request], Reply]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]


class CatalogApp:
    """An ASGI application around a handler that blocks."""

    def __init__(self, handler: Handler, token: str) -> None:
        self._handler = handler
        self.token = token
        self._expected = f"Bearer {token}".encode()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="a360-catalog")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _body(receive)
        if body is None:
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        reply = Reply.error(NotAuthorizedError("A valid bearer token is required"))
        if secrets.compare_digest(headers.get("authorization", "").encode("latin-1"), self._expected):
            path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
            request = Request(scope["method"], path, query, body, headers)
            reply = await asyncio.get_running_loop().run_in_executor(self._threads, self._handler, request)
        await _answer(send, reply, with_body=scope["method"] != "HEAD")

    def close(self) -> None:
        """Wait for requests under way and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None where the client went away before it had sent it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _answer(send: Send, reply: Reply, *, with_body: bool) -> None:
    body = reply.body if with_body else b""
    headers = [(b"content-type", reply.content_type.encode("latin-1"))] if body else []
    if reply.etag:
        headers.append((b"etag", reply.etag.encode("latin-1")))
    if reply.status not in {204, 304}:  # what has no content must not announce a length
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
