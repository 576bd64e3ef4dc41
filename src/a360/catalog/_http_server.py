"""A uvicorn server on loopback, in a thread of this process."""

import asyncio
import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from a360.catalog._asgi import CatalogApp
from a360.errors import OperatorError

_START_SECONDS = 10.0
_GRACE_SECONDS = 5
LOOPBACK = "127.0.0.1"


class _Server(uvicorn.Server):
    """Uvicorn that says when it is ready and is told when to end, where it would look ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: asyncio.Event | None = None

    async def main_loop(self) -> None:
        """Serve until told to end."""
        self._told = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.ready.set()
        if not self.should_exit:
            await self._told.wait()

    def end(self) -> None:
        """Tell the server to end, from any thread."""
        self.should_exit = True
        if self._loop is not None and self._told is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._told.set)


class LoopbackServer:
    """Serves an application on `127.0.0.1`; says nothing, and leaves no thread or socket behind."""

    def __init__(self, app: CatalogApp, port: int = 0) -> None:
        self._socket = _bound(port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            lifespan="off",
            loop="asyncio",
            http="h11",
            ws="none",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="a360-catalog-http", daemon=True
        )

    @property
    def uri(self) -> str:
        """The server's base address."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Return when the server accepts connections.

        Raises:
            OperatorError: It did not come up.
        """
        self._thread.start()
        if self._server.ready.wait(_START_SECONDS):
            return self
        self.stop()
        raise OperatorError(
            "catalog-unreachable",
            "The embedded catalog did not start",
            where=self.uri,
            next_step="Run the command again; if it persists, look for a firewall that blocks loopback",
        )

    def stop(self) -> None:
        """End the server: requests under way are answered, idle connections closed."""
        self._server.end()
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _bound(port: int) -> socket.socket:
    # asyncio turns Nagle off only where the protocol is named; with it on, each answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError as taken:
        listener.close()
        raise OperatorError(
            "environment-unfit",
            "The catalog cannot listen on this port",
            where=f"{LOOPBACK}:{port}",
            found=str(taken.strerror),
            next_step="Choose another port, or 0 for any free one",
        ) from taken
    return listener
