"""Any Iceberg REST catalog behind the gateway; imported where used, its HTTP client is slow to load."""

import ssl
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import httpx

from a360.catalog._wire import Json, Reply, Request
from a360.catalog.gateway._upstream import UpstreamLostError
from a360.catalog.store import CheckedFiles

_FORWARDED = (
    "x-iceberg-access-delegation",
    "idempotency-key",
    "if-none-match",
    "x-client-version",
    "user-agent",
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HttpUpstream:
    """Any Iceberg REST catalog."""

    files: CheckedFiles | None = None

    def __init__(
        self,
        uri: str,
        *,
        seconds: float,
        token: str | None = None,
        auth: httpx.Auth | None = None,
        certificates: str | None = None,
    ) -> None:
        self._base = httpx.URL(uri.rstrip("/"))
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(
            headers={**headers, "content-type": "application/json"},
            auth=auth,
            verify=ssl.create_default_context(cafile=certificates) if certificates else True,
            timeout=httpx.Timeout(seconds, connect=min(seconds, 5.0)),
            # A proxy from the environment must not come between us and this machine.
            trust_env=self._base.host not in _LOOPBACK,
        )

    def send(self, request: Request) -> Reply:
        """Send one request.

        Raises:
            UpstreamLostError: No whole answer came back.
        """
        query = f"?{request.query}" if request.query else ""
        path = self._base.raw_path.decode("latin-1").rstrip("/") + request.path + query
        try:
            answer = self._client.request(
                request.method,
                self._base.copy_with(raw_path=path.encode("latin-1")),
                content=request.body,
                headers=_forwarded(request.headers),
            )
        except httpx.TransportError as lost:
            raise UpstreamLostError(type(lost).__name__) from lost
        return Reply(
            answer.status_code,
            answer.content,
            answer.headers.get("content-type", "application/json"),
            answer.headers.get("etag", ""),
        )

    def bringing(self, updates: Sequence[Json]) -> AbstractContextManager[None]:  # noqa: ARG002 -- the port's shape
        """Files are that catalog's business, and its storage's."""
        return nullcontext()

    def folders(self) -> list[tuple[str, str]]:
        """None, as no ledger tells of their files."""
        return []

    def broken_rows(self) -> list[str]:
        """None that could be looked at from here."""
        return []

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _forwarded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _FORWARDED if name in headers}
