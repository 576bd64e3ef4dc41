"""The answer to a query, told as it is computed; who goes away, or does not read on, ends the query."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import IO, cast

import pyarrow as pa
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from a360.errors import A360Error, InternalError
from a360.serve._problems import Problem
from a360.serve._queries import Queries, Query
from a360.trust.gateway import QueryResult, write_arrow, write_csv, write_json, write_json_lines
from a360.trust.policy import Principal

ARROW = "application/vnd.apache.arrow.stream"
CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/x-ndjson"
FORMATS: dict[str, Callable[[pa.RecordBatchReader, IO[bytes]], None]] = {
    JSON: write_json,
    ARROW: write_arrow,
    CSV: write_csv,
    JSON_LINES: write_json_lines,
}

_PART_BYTES = 128 * 1024
# Who takes no part of the answer for so long holds what others wait for.
_READ_SECONDS = 60.0

type Ask = Callable[[Callable[[Callable[[], None]], None]], QueryResult]


class BrokenOffError(Exception):
    """An answer that breaks off: the connection is closed, so that nobody takes it for whole."""


class Answer(Response):
    """The answer to one query.

    Args:
        ask: Asks the gateway; it is handed what says how the query is stopped.
        media_type: One of `FORMATS`.
        queries: What runs.
        identity: The query's id.
        principal: Whose it is.
    """

    def __init__(
        self, ask: Ask, media_type: str, queries: Queries, identity: str, principal: Principal
    ) -> None:
        kind = f"{media_type}; charset=utf-8" if media_type == CSV else media_type
        super().__init__(headers={"Content-Type": kind, "A360-Query-Id": identity})
        del self.headers["content-length"]
        self._ask = ask
        self._write = FORMATS[media_type]
        self._queries = queries
        self._identity = identity
        self._principal = principal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask, and tell the answer."""
        try:
            with self._queries.running(self._identity, self._principal) as query:
                told = _Told(send, self.raw_headers)
                await self._run(query, told, receive)
        except A360Error as error:
            await Problem(error)(scope, receive, send)

    async def _run(self, query: Query, told: "_Told", receive: Receive) -> None:
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._queries.threads, self._tell, query, told)
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not work.done():
                query.stop()
            gone.cancel()
        try:
            await work
        except A360Error as error:
            if told.begun:
                raise BrokenOffError(error.code.slug) from None
            raise
        await told.end()

    def _tell(self, query: Query, told: "_Told") -> None:
        """Work of a thread of its own."""
        with self._ask(query.began) as result:
            try:
                self._write(result.reader, cast("IO[bytes]", told))
            except TimeoutError:
                query.stop()
                raise InternalError("engine-failed", "The answer was not read") from None


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Told:
    """A stream into the answer, written by a thread; what fits into one part is told at the end only."""

    closed = False

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self.begun = False
        self._send = send
        self._headers = headers
        self._loop = asyncio.get_running_loop()
        self._kept = bytearray()

    def write(self, part: bytes) -> int:
        """Add to the answer; waits for the client while too much is under way."""
        self._kept += part
        if len(self._kept) >= _PART_BYTES:
            self._tell()
        return len(part)

    def flush(self) -> None:
        """Writers flush as they please; parts have a size of their own."""

    def _tell(self) -> None:
        kept, self._kept = bytes(self._kept), bytearray()
        sent = asyncio.run_coroutine_threadsafe(self._part(kept, more=True), self._loop)
        try:
            sent.result(_READ_SECONDS)
        except TimeoutError:
            sent.cancel()
            raise

    async def end(self) -> None:
        """Tell what is left."""
        await self._part(bytes(self._kept), more=False)

    async def _part(self, body: bytes, *, more: bool) -> None:
        if not self.begun:
            self.begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        with suppress(OSError):  # the client is gone, which ends the query
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
