"""The catalog behind the gateway, and the embedded one as such."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from a360.catalog._wire import Json, Reply, Request
from a360.catalog.server import EmbeddedCatalog
from a360.catalog.store import CheckedFiles


class UpstreamLostError(Exception):
    """No whole answer came back: whether the request was carried out is not known."""


class Upstream(Protocol):
    """A catalog that answers requests.

    Attributes:
        files: The files it has the digests of; None where it keeps no ledger.
    """

    files: CheckedFiles | None

    def send(self, request: Request) -> Reply:
        """Send one request.

        Raises:
            UpstreamLostError: No whole answer came back.
        """

    def bringing(self, updates: Sequence[Json]) -> AbstractContextManager[None]:
        """See to the files that updates name, before this thread sends them.

        Raises:
            InternalServerError: The disk failed; the commit must not be made.
        """

    def folders(self) -> list[tuple[str, str]]:
        """The tables, each with its folder, of a catalog that keeps a ledger."""

    def broken_rows(self) -> list[str]:
        """What of the catalog's own file is not as it was committed."""

    def close(self) -> None:
        """Let go of connections."""


class EmbeddedUpstream:
    """The embedded catalog of this process."""

    def __init__(self, catalog: EmbeddedCatalog) -> None:
        self._catalog = catalog
        self.files: CheckedFiles | None = catalog.files

    def send(self, request: Request) -> Reply:
        """Send one request; an embedded catalog always answers."""
        return self._catalog.handle(request)

    def bringing(self, updates: Sequence[Json]) -> AbstractContextManager[None]:
        """Force files to the disk and have the commit record them, once for however many tries."""
        return self._catalog.bringing(updates)

    def folders(self) -> list[tuple[str, str]]:
        """The tables, each with its folder."""
        return self._catalog.folders()

    def broken_rows(self) -> list[str]:
        """What of `catalog.db` is not as it was committed."""
        return self._catalog.broken_rows()

    def close(self) -> None:
        """Close the catalog."""
        self._catalog.close()
