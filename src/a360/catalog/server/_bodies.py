"""What stands in the bodies of requests, as far as operations share it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from a360.catalog._errors import BadRequestError
from a360.catalog._wire import Json, Reply, encode
from a360.catalog.server._names import plain_name
from a360.catalog.store import Identifier, MetadataFile, ObjectKind


def items(body: Json, key: str) -> list[Any]:
    """A list in a body, empty where it is missing.

    Raises:
        BadRequestError: It is something else.
    """
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRequestError(f"Malformed request: {key} is not a list")
    return value


def objects(body: Json, key: str) -> list[Json]:
    """A list of objects in a body.

    Raises:
        BadRequestError: It is something else.
    """
    found = items(body, key)
    if not all(isinstance(each, dict) for each in found):
        raise BadRequestError(f"Malformed request: {key} is not a list of objects")
    return found


def texts(body: Json, key: str) -> dict[str, str]:
    """A map of texts in a body, empty where it is missing.

    Raises:
        BadRequestError: It is something else.
    """
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for each in value.values()):
        raise BadRequestError(f"Malformed request: {key} is not an object of texts")
    return dict(value)


def flag(body: Json, key: str) -> bool:
    """A boolean in a body, false where it is missing.

    Raises:
        BadRequestError: It is something else.
    """
    value = body.get(key)
    if not isinstance(value, bool | None):
        raise BadRequestError(f"Malformed request: {key} is not a boolean")
    return bool(value)


def identifier(body: object, kind: ObjectKind = "table") -> Identifier:
    """A table or view that a body names.

    Raises:
        BadRequestError: It names none.
    """
    if not isinstance(body, dict) or not body.get("namespace"):
        raise BadRequestError(f"Malformed request: a {kind} identifier is missing")
    namespace = tuple(plain_name(part) for part in items(body, "namespace"))
    return Identifier(namespace, plain_name(body.get("name")), kind)


def etag_of(location: str, snapshots: str = "all") -> str:
    """The entity tag of metadata: metadata files never change, so their place names their content."""
    return f'"{hashlib.sha256(f"{location}?snapshots={snapshots}".encode()).hexdigest()[:32]}"'


def loaded(file: MetadataFile, *, config: bool = True) -> Reply:
    """An answer with metadata, without parsing and printing it once more."""
    end = b',"config":{}}' if config else b"}"
    body = b'{"metadata-location":%b,"metadata":%b%b' % (encode(file.location), file.text, end)
    return Reply(200, body, etag=etag_of(file.location))
