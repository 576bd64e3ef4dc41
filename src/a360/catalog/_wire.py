"""A request and its reply, free of any web framework: a catalog is called with or without a socket."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from a360.catalog._errors import BadRequestError, RestError

type Json = dict[str, Any]

NAMESPACE_SEPARATOR = "\x1f"
# Marks requests of engines of ours, which open a table's files by themselves.
FOR_ENGINES = "x-a360-for-engines"

_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: the path is kept percent-encoded until it has been split."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path, each decoded on its own (`%2F` inside a name does not split it)."""
        return tuple(unquote(part) for part in self.path.split("/") if part)

    @property
    def parameters(self) -> dict[str, str]:
        """The query string, last value of a name winning."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def purges(self) -> bool:
        """Whether a table that is dropped is to take its files along."""
        return self.parameters.get("purgeRequested", "false").lower() == "true"

    def json(self) -> Json:
        """The body as a JSON object.

        Raises:
            BadRequestError: The body is not a JSON object.
        """
        return decode_object(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; an empty body is sent as such.

    Attributes:
        status: The HTTP status.
        body: What is sent.
        content_type: What the body is.
        etag: Names the version of the metadata that the body shows; empty where there is none to name.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    etag: str = ""

    @property
    def ok(self) -> bool:
        """Whether the request did what it asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 -- HTTP's own ranges

    @classmethod
    def of(cls, content: object, status: int = 200) -> "Reply":
        """A JSON reply."""
        return cls(status, encode(content))

    @classmethod
    def error(cls, error: RestError) -> "Reply":
        """The error body that the Iceberg REST specification calls IcebergErrorResponse."""
        return cls(error.status, encode(error.body()))


def decode_object(body: bytes) -> Json:
    """Parse a JSON object.

    Raises:
        BadRequestError: The text is not a JSON object.
    """
    try:
        content = _decode(body)
    except msgspec.DecodeError as broken:
        raise BadRequestError(f"Malformed JSON: {broken}") from broken
    if not isinstance(content, dict):
        raise BadRequestError("Malformed request: a JSON object is expected")
    return content
