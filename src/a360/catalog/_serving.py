"""The embedded catalog on a socket, without the gateway."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from a360.catalog._asgi import CatalogApp
from a360.catalog._endpoint import Endpoint
from a360.catalog._http_server import LoopbackServer
from a360.catalog.access import Gate
from a360.catalog.server import EmbeddedCatalog, profile_named


@contextlib.contextmanager
def serve_catalog(
    lake_folder: Path, *, profile: str | None = None, port: int = 0, token: str | None = None
) -> Iterator[Endpoint]:
    """Serve a lake folder's catalog on loopback, in a thread of this process.

    Commits through this endpoint are neither stamped nor settled: writers use a `CatalogSession`.

    Args:
        lake_folder: The lake; created where it is missing.
        profile: None for everything, or `glue` for what AWS Glue offers.
        port: The port; 0 for any free one.
        token: The bearer token; None for a random one.
    """
    catalog = EmbeddedCatalog(Path(lake_folder), profile_named(profile))
    try:
        gate = Gate(token or secrets.token_urlsafe(32))
        app = CatalogApp(catalog.handle, gate)
        try:
            with LoopbackServer(app, port) as server:
                yield Endpoint(server.uri, gate.token, str(catalog.warehouse.folder))
        finally:
            app.close()
    finally:
        catalog.close()
