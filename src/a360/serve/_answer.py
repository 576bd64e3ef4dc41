"""The answer to a query, told as it is computed; who goes away, or does not read on, ends the query."""

import asyncio
import threading
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
_AHEAD_BYTES = 4 * 1024 * 1024
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
        sent = asyncio.create_task(told.send())
        try:
            await asyncio.wait({work, gone, sent}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                query.stop()
                told.give_up()
            await work
            told.end()
            await asyncio.wait({gone, sent}, return_when=asyncio.FIRST_COMPLETED)
            if sent.done():
                sent.result()
        except A360Error as error:
            if told.begun:
                raise BrokenOffError(error.code.slug) from None
            raise
        except TimeoutError:
            raise BrokenOffError("nobody reads the answer") from None
        finally:
            query.stop()
            told.give_up()
            gone.cancel()
            sent.cancel()

    def _tell(self, query: Query, told: "_Told") -> None:
        """Work of a thread of its own."""
        with self._ask(query.began) as result:
            self._write(result.reader, cast("IO[bytes]", told))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Told:
    """A stream into the answer, written by a thread and sent by the loop.

    Some of it may wait for the client, so that most queries have ended and given back what they hold before
    their answers are read. What fits into one part is sent at the end only: until then an error has a status.
    """

    closed = False

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self.begun = False
        self._send = send
        self._headers = headers
        self._loop = asyncio.get_running_loop()
        self._kept = bytearray()
        self._parts: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue()
        self._room = threading.Condition()
        self._waiting = 0
        self._given_up = False

    def write(self, part: bytes) -> int:
        """Add to the answer; waits for the client while too much waits for it."""
        self._kept += part
        if len(self._kept) >= _PART_BYTES:
            kept, self._kept = bytes(self._kept), bytearray()
            with self._room:
                self._room.wait_for(lambda: self._given_up or self._waiting < _AHEAD_BYTES)
                if self._given_up:
                    raise InternalError("engine-failed", "The answer was not read")
                self._waiting += len(kept)
            self._loop.call_soon_threadsafe(self._parts.put_nowait, (kept, True))
        return len(part)

    def flush(self) -> None:
        """Writers flush as they please; parts have a size of their own."""

    def give_up(self) -> None:
        """Wait for nobody any more."""
        with self._room:
            self._given_up = True
            self._room.notify_all()

    def end(self) -> None:
        """Say that all is written."""
        self._parts.put_nowait((bytes(self._kept), False))

    async def send(self) -> None:
        """Send what is written until its end.

        Raises:
            TimeoutError: the client takes nothing.
        """
        more = True
        while more:
            body, more = await self._parts.get()
            async with asyncio.timeout(_READ_SECONDS):
                await self._part(body, more=more)
            with self._room:
                self._waiting -= len(body)
                self._room.notify_all()

    async def _part(self, body: bytes, *, more: bool) -> None:
        if not self.begun:
            self.begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        with suppress(OSError):  # the client is gone, which ends the query
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
