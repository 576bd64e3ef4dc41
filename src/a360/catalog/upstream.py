"""What an adapter to a catalog elsewhere is made of. Its HTTP client is slow to import."""

from dataclasses import replace

from a360.catalog._errors import NotAuthorizedError, RestError
from a360.catalog._wire import Json, Reply, Request, decode_object, encode
from a360.catalog.gateway import Upstream, UpstreamLostError
from a360.catalog.gateway._http_upstream import HttpUpstream
from a360.catalog.server import GLUE, endpoints_of, find_route, plain_name

__all__ = [
    "GlueAbilities",
    "HttpUpstream",
    "Json",
    "NotAuthorizedError",
    "Reply",
    "Request",
    "RestError",
    "Upstream",
    "UpstreamLostError",
    "decode_object",
    "encode",
    "plain_name",
]


class GlueAbilities:
    """What AWS Glue offers: the profile `glue` of the embedded catalog, less what that one adds to it."""

    def __init__(self, catalog: str) -> None:
        """Tell of one of Glue's catalogs, by its id; an account's own has the account's."""
        self._profile = replace(GLUE, prefix=f"catalogs/{catalog}", metrics=False, credentials=False)
        self.prefix = self._profile.prefix
        self.endpoints = endpoints_of(self._profile)

    def require(self, request: Request) -> None:
        """Return if Glue offers what a request asks for.

        Raises:
            RestError: It does not; in the words of the specification.
        """
        route, _ = find_route(request.method, request.segments, self._profile)
        if route.name == "create_table" and request.json().get("stage-create"):
            self._profile.require("staged_create")
        if request.purges:
            self._profile.require("purge")
