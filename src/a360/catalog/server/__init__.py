"""The embedded Iceberg REST catalog: operations over `a360.catalog.store`, by profile."""

from a360.catalog.server._catalog import DATABASE, WAREHOUSE, EmbeddedCatalog
from a360.catalog.server._commits import Committer
from a360.catalog.server._durable import Durability
from a360.catalog.server._names import plain_name
from a360.catalog.server._profile import FULL, GLUE, Profile, profile_named
from a360.catalog.server._routes import endpoints_of, find_route
from a360.catalog.server._trees import require_past

__all__ = [
    "DATABASE",
    "FULL",
    "GLUE",
    "WAREHOUSE",
    "Committer",
    "Durability",
    "EmbeddedCatalog",
    "Profile",
    "endpoints_of",
    "find_route",
    "plain_name",
    "profile_named",
    "require_past",
]
