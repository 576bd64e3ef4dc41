"""From HTTP to a catalog's requests and back: strangers turned away, work done off the event loop.

Plain ASGI: two messages in, two out, and no framework to import before a command can start.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from a360.catalog._errors import BadRequestError, InternalServerError
from a360.catalog._wire import Reply, Request
from a360.catalog.access import Gate, TokenReply
from a360.errors import A360Error

_THREADS = 64
# A request for a token is a few fields.
_LONGEST_FORM = 16 * 1024

type Handler = Callable[[Request], Reply]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]


class CatalogApp:
    """An ASGI application around a handler that blocks."""

    def __init__(self, handler: Handler, gate: Gate) -> None:
        self._handler = handler
        self.gate = gate
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="a360-catalog")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        request = Request(scope["method"], path, query, b"", headers)
        told = await self._at_the_gate(request, receive)
        if told is None:
            # Nobody's body is read before we know who sends it.
            body = await _body(receive)
            if body is None:
                return
            work = asyncio.get_running_loop().run_in_executor
            told = TokenReply(await work(self._threads, self._handler, replace(request, body=body)))
        await _answer(send, told.reply, told.headers, with_body=scope["method"] != "HEAD")

    async def _at_the_gate(self, request: Request, receive: Receive) -> TokenReply | None:
        """The answer to whoever does not get past the gate, or comes for a token only."""
        try:
            if self.gate.gives_tokens(request):
                form = await _body(receive, _LONGEST_FORM)
                if form is None:
                    return TokenReply(Reply.error(BadRequestError("The form is not whole, or too long")))
                return self.gate.token_reply(replace(request, body=form))
            refusal = self.gate.refusal(request)
        except A360Error as unfit:
            return TokenReply(
                Reply.error(InternalServerError(f"The catalog cannot tell who may come: {unfit.code}"))
            )
        if refusal is not None:
            await asyncio.sleep(self.gate.delay)
        return refusal

    def close(self) -> None:
        """Wait for requests under way and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)


async def _body(receive: Receive, limit: int | None = None) -> bytes | None:
    """The whole body, None where it is too long or the client went away before it had sent it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if limit is not None and sum(map(len, parts)) > limit:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


async def _answer(send: Send, reply: Reply, further: Mapping[str, str], *, with_body: bool) -> None:
    body = reply.body if with_body else b""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in further.items()]
    if body:
        headers.append((b"content-type", reply.content_type.encode("latin-1")))
    if reply.etag:
        headers.append((b"etag", reply.etag.encode("latin-1")))
    if reply.status not in {204, 304}:  # what has no content must not announce a length
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
