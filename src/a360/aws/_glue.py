"""Glue's Iceberg REST catalog as a lake sees it: under the lake's own names, and nothing but the lake."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from urllib.parse import quote, unquote, urlencode

from a360.aws._signing import UnsignedError
from a360.catalog import CheckedFiles
from a360.catalog.upstream import (
    GlueAbilities,
    Json,
    NotAuthorizedError,
    Reply,
    Request,
    RestError,
    Upstream,
    decode_object,
    encode,
    plain_name,
)
from a360.contract import DeployedNames

_CONFIG = "/v1/config"
_BELOW = "/namespaces/"
# Whoever lacks a right is told on which of Glue's databases.
_OF_RIGHTS = frozenset({401, 403})
_OF_TABLES = ("metadata-location", "metadata")


class GlueUpstream:
    """The commit gateway's way to Glue.

    A lake's namespaces are its zones; in Glue they are databases whose names tell lake and environment, among
    those of others. What Glue does not offer is refused here, in the words of the specification. How files
    are opened is the session's business: what the catalog says of that does not come through.
    """

    files: CheckedFiles | None = None

    def __init__(self, inner: Upstream, names: DeployedNames) -> None:
        self._inner = inner
        self._start = names.database("")
        self._catalog = names.account
        self._offers = GlueAbilities(names.account)

    def send(self, request: Request) -> Reply:
        """Send one request.

        Raises:
            UpstreamLostError: No whole answer came back.
        """
        try:
            self._offers.require(request)
            reply = self._inner.send(self._outward(request))
        except RestError as refused:
            return Reply.error(refused)
        except UnsignedError as unsigned:
            return Reply.error(NotAuthorizedError(f"AWS gives no credentials to sign with ({unsigned})"))
        if not reply.body:
            return reply
        return self._inward(request, reply) if reply.ok else self._refused(reply)

    def _outward(self, request: Request) -> Request:
        """A request under the names of Glue."""
        if request.path == _CONFIG:
            return replace(request, query=urlencode({"warehouse": self._catalog}))
        before, below, after = request.path.partition(_BELOW)
        if below:
            namespace, cut, rest = after.partition("/")
            after = f"{quote(self._start + unquote(namespace), safe='')}{cut}{rest}"
        query = request.query
        if parent := request.parameters.get("parent"):
            query = urlencode({**request.parameters, "parent": self._start + parent})
        body = self._body_outward(request) if request.body else b""
        return replace(request, path=f"{before}{below}{after}", query=query, body=body)

    def _body_outward(self, request: Request) -> bytes:
        body = request.json()
        if request.path.endswith("/namespaces") and isinstance(body.get("namespace"), list):
            body = {**body, "namespace": self._theirs(body["namespace"])}
        identifier = body.get("identifier")
        if isinstance(identifier, dict):
            theirs = self._theirs(identifier.get("namespace") or [])
            body = {**body, "identifier": {**identifier, "namespace": theirs}}
        return encode(body)

    def _inward(self, request: Request, reply: Reply) -> Reply:
        """An answer under the lake's names; what is of other lakes, or of files, is left out."""
        content = decode_object(reply.body)
        if request.path == _CONFIG:
            told = {"defaults": {}, "overrides": {"prefix": self._offers.prefix}}
            return Reply.of({**told, "endpoints": self._offers.endpoints})
        return replace(reply, body=encode(self._under_our_names(content)))

    def _under_our_names(self, content: Json) -> Json:
        match content:
            case {"metadata": _}:
                return {key: content[key] for key in _OF_TABLES if key in content}
            case {"namespaces": [*spaces]}:
                own = [self._ours(each) for each in spaces if each and each[0].startswith(self._start)]
                return {**content, "namespaces": own}
            case {"identifiers": [*tables]}:
                named = [{**each, "namespace": self._ours(each["namespace"])} for each in tables]
                return {**content, "identifiers": named}
            case {"namespace": [*levels]}:
                return {**content, "namespace": self._ours(levels)}
        return content

    def _theirs(self, levels: Sequence[object]) -> list[str]:
        first, *others = map(plain_name, levels) if levels else [""]
        return [self._start + plain_name(first), *others]

    def _ours(self, levels: Sequence[str]) -> list[str]:
        first, *others = levels
        return [first.removeprefix(self._start), *others]

    def _refused(self, reply: Reply) -> Reply:
        """A refusal as the specification words it: what stands before Glue answers as all of AWS does."""
        try:
            content = decode_object(reply.body)
        except RestError:
            return reply
        error = content.get("error")
        if not isinstance(error, dict):
            kind = str(content.get("__type") or "Refused").rpartition("#")[2]
            message = content.get("message") or content.get("Message") or kind
            error = {"message": message, "type": kind, "code": reply.status}
        if reply.status not in _OF_RIGHTS:
            error = {**error, "message": str(error.get("message")).replace(self._start, "")}
        return replace(reply, body=encode({"error": error}))

    def bringing(self, updates: Sequence[Json]) -> AbstractContextManager[None]:
        """Files are S3's business."""
        return self._inner.bringing(updates)

    def folders(self) -> list[tuple[str, str]]:
        """None, as no ledger tells of their files."""
        return self._inner.folders()

    def broken_rows(self) -> list[str]:
        """None that could be looked at from here."""
        return self._inner.broken_rows()

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
