"""The way to the tables: an embedded Iceberg REST catalog, and the commit gateway in front of any catalog."""

from a360.catalog._endpoint import Endpoint
from a360.catalog._serving import serve_catalog

__all__ = ["Endpoint", "serve_catalog"]
