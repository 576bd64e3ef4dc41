"""From HTTP to a catalog's requests and back: bearer token checked, work done off the event loop."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from a360.catalog._errors import NotAuthorizedError
from a360.catalog._wire import Reply, Request

_THREADS = 64

type Handler = Callable[[Request], Reply]


class CatalogApp:
    """An ASGI application around a handler that blocks."""

    def __init__(self, handler: Handler, token: str) -> None:
        self._handler = handler
        self.token = token
        self._expected = f"Bearer {token}".encode()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="a360-catalog")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        http = HttpRequest(scope, receive)
        request = Request(
            method=http.method,
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            body=await http.body(),
            headers=dict(http.headers),
        )
        if self._knows(http):
            loop = asyncio.get_running_loop()
            reply = await loop.run_in_executor(self._threads, self._handler, request)
        else:
            reply = Reply.error(NotAuthorizedError("A valid bearer token is required"))
        await self._send(http, reply)(scope, receive, send)

    def _knows(self, http: HttpRequest) -> bool:
        given = http.headers.get("authorization", "").encode("latin-1")
        return secrets.compare_digest(given, self._expected)

    @staticmethod
    def _send(http: HttpRequest, reply: Reply) -> Response:
        body = b"" if http.method == "HEAD" else reply.body
        return Response(body, reply.status, media_type=reply.content_type if body else None)

    def close(self) -> None:
        """Wait for requests under way and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)
