"""The catalog behind the gateway, and the embedded one as such."""

from typing import Protocol

from a360.catalog._wire import Reply, Request
from a360.catalog.server import EmbeddedCatalog


class UpstreamLostError(Exception):
    """No whole answer came back: whether the request was carried out is not known."""


class Upstream(Protocol):
    """A catalog that answers requests."""

    def send(self, request: Request) -> Reply:
        """Send one request.

        Raises:
            UpstreamLostError: No whole answer came back.
        """

    def close(self) -> None:
        """Let go of connections."""


class EmbeddedUpstream:
    """The embedded catalog of this process."""

    def __init__(self, catalog: EmbeddedCatalog) -> None:
        self._catalog = catalog

    def send(self, request: Request) -> Reply:
        """Send one request; an embedded catalog always answers."""
        return self._catalog.handle(request)

    def close(self) -> None:
        """Close the catalog."""
        self._catalog.close()
