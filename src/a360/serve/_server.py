"""The server: where it listens, and by what TLS; without TLS, on this machine only."""

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from a360.errors import OperatorError, UsageError

_MOST_CONNECTIONS = 1000
_WAITING = 512
_HEADER_BYTES = 16 * 1024
_HEADER_SECONDS = 15.0
_GRACE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate with its chain, and its private key, as PEM files."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or later by them.

        Raises:
            OperatorError: they cannot be read, or do not belong together.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_passphrase)
        except (OSError, ssl.SSLError, ValueError) as fault:
            raise OperatorError(
                "environment-unfit",
                "The certificate or its key cannot be used",
                where=f"{self.certificate}, {self.key}",
                found=getattr(fault, "strerror", None) or type(fault).__name__,
                next_step="name PEM files that belong together, and a key without a passphrase",
            ) from None
        return context


def _no_passphrase() -> str:
    """OpenSSL would ask on the terminal."""
    return ""


class _Protocol(H11Protocol):
    """HTTP that does not wait for ever for a request to begin: who sends nothing holds no connection."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        super().connection_lost(exc)
        if self._late is not None:
            self._late.cancel()

    @property
    def _waits(self) -> bool:
        """Whether no request is under way whose head is whole."""
        return self.cycle is None or self.cycle.response_complete

    def _watch(self) -> None:
        if not self._waits and self._late is not None:
            self._late.cancel()
            self._late = None
        elif self._waits and self._late is None:
            self._late = self.loop.call_later(_HEADER_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._late = None
        if self._waits and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Serves an application until SIGTERM or SIGINT, or until `should_exit` is set.

    Args:
        app: The application.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        tls: What it is reached by; without, `host` has to be of this machine alone.
        ready: Is handed the URL when requests are answered.

    Raises:
        UsageError: it would be reached from elsewhere without TLS.
        OperatorError: it cannot listen there, or TLS cannot be set up.
    """

    def __init__(
        self,
        app: Callable[[], ASGIApp],
        host: str,
        port: int,
        tls: Tls | None = None,
        ready: Callable[[str], None] = lambda _: None,
    ) -> None:
        if tls is None and not is_loopback(host):
            raise UsageError(
                "usage",
                "Without TLS the lake is served to this machine only",
                where="--host",
                found=host[:64],
                next_step="name --tls-cert and --tls-key, or leave --host out",
            )
        context = tls.context() if tls else None
        self._listener = _bound(host, port)
        config = uvicorn.Config(
            app(),
            http=_Protocol,
            ws="none",
            loop="asyncio",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            backlog=_WAITING,
            h11_max_incomplete_event_size=_HEADER_BYTES,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        super().__init__(config)
        config.load()
        config.ssl = context
        self._ready = ready
        scheme = "https" if tls else "http"
        at = f"[{host}]" if ":" in host else host
        self.uri = f"{scheme}://{at}:{self._listener.getsockname()[1]}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        if not self.should_exit:
            self._ready(self.uri)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End when told to, and go on after it: what was open is closed, and the log signed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def serve_until_told(self) -> None:
        """Serve; requests under way are answered before this returns."""
        try:
            self.run(sockets=[self._listener])
        finally:
            self._listener.close()


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone; of names only `localhost` is known to be."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bound(host: str, port: int) -> socket.socket:
    listener: socket.socket | None = None
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # asyncio turns Nagle off only where the protocol is named.
        listener = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_WAITING)
    except OSError as taken:
        if listener is not None:
            listener.close()
        raise OperatorError(
            "environment-unfit",
            "The server cannot listen there",
            where=f"{host}:{port}",
            found=str(taken.strerror),
            next_step="name another --host or --port, or 0 for any free port",
        ) from taken
    return listener
