"""Data carried in a message or pointed at, as FHIR attachments."""

import re
from base64 import b64encode
from typing import Any

from a360.hl7v2._coded import Converter, value
from a360.hl7v2._escape import unescape
from a360.hl7v2._primitives import base64, uri
from a360.hl7v2._store import Store

_DIGITS = re.compile(r"[0-9A-Za-z+/]*={0,2}\Z")
_BASE64 = frozenset(("BASE64", "BASE 64"))


def attachment(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """An Attachment of ED: base 64 stays, other encodings become it."""

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        major, minor, encoding, data = (value(parts, at) for at in (1, 2, 3, 4))
        kind = content_type(major, minor)
        if kind:
            found["contentType"] = kind
        if data:
            if encoding.upper() in _BASE64:
                found["data"] = _as_base64(data, store)
            elif encoding.upper() == "HEX":
                found["data"] = _from_hex(data, store)
            else:
                found["data"] = base64(data)
        return {name: made for name, made in found.items() if made} or None

    return convert


def _as_base64(data: str, store: Store) -> str | None:
    """Base 64 without the line breaks that were put into it."""
    found = "".join(data.replace("\\.br\\", "").split())
    if _DIGITS.match(found):
        return found
    store.note("value-unfit", "base 64")
    return None


def _from_hex(digits: str, store: Store) -> str | None:
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        store.note("value-unfit", "hexadecimal digits")
        return None
    return b64encode(raw).decode("ascii")


def content_type(major: str, minor: str) -> str | None:
    """A MIME type of HL7's type and subtype of data."""
    major, minor = major.strip(), minor.strip()
    if "/" in minor:
        return minor.lower()
    media = {
        "TEXT": "text",
        "IM": "image",
        "IMAGE": "image",
        "AP": "application",
        "APPLICATION": "application",
    }
    media |= {"AU": "audio", "AUDIO": "audio", "VIDEO": "video", "MULTIPART": "multipart", "FT": "text"}
    kind = media.get(major.upper())
    if kind and minor:
        return f"{kind}/{minor.lower()}"
    return minor.lower() if minor else None


def pointer(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """An Attachment of RP."""

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        found = {}
        url = uri(value(parts, 0))
        if url:
            found["url"] = url
        elif value(parts, 0):
            store.note("value-unfit", "url")
        kind = content_type(value(parts, 2), value(parts, 3))
        if kind:
            found["contentType"] = kind
        return found or None

    return convert


def content(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """Text as the base 64 of an attachment."""

    def convert(parts: list[str], store: Store) -> str | None:  # noqa: ARG001 - one signature for all
        text = unescape("^".join(parts))
        return base64(text) if text else None

    return convert


def media(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """The MIME type of a kind of content in table 0191."""
    kinds = {"IM": "image/jpeg", "TX": "text/plain", "TEXT": "text/plain", "FT": "text/plain"}
    return lambda parts, store: kinds.get(value(parts, 0).upper())  # noqa: ARG005
