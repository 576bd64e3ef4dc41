"""Pictures and PDFs that stand within the text of a FHIR resource, found and taken out without a trace of it.

A resource's text is never written anew: what is no picture stays as it came, to the last digit and space.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from a360.documents import Media, MediaError, open_media

EXTENSION: Final = "https://aesthetics360.example/fhir/StructureDefinition/object"
"""The extension of `data` that names an object, where an element has no `url` to do so."""
_URN: Final = "urn:a360:object:"

KEYS: Final = (b'"data"',)
"""How the names of members that embed something stand in a text."""
# Within a string a quote has a backslash before it, so that this is a member's name and its text.
_MEMBER: Final = re.compile(rb'(?<!\\)"data"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
# How base64 of JPEG, PNG, PDF, WebP, HEIC and AVIF begins; a slash may be escaped.
_BEGINS: Final = re.compile(rb'"(?:\\?/9j\\?/|iVBORw0KGgo|JVBERi0|UklGR|AAAA..Z0eX)')
_DECLARED: Final = re.compile(r"(?i)image/|application/(x-)?pdf\b")
# What is declared as just any bytes is not declared.
_UNDECLARED: Final = frozenset({"application/octet-stream", "binary/octet-stream", ""})
_WHITE: Final = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class Embedded:
    """A member `data` that is, or says it is, a picture or PDF: where it stands, and what holds it."""

    start: int
    end: int
    number: int
    holder: Mapping[str, Any]
    resource: Mapping[str, Any]

    @property
    def declared(self) -> str | None:
        """What the resource says that it is."""
        return declared_of(self.holder)

    def content(self, most_bytes: int) -> bytes:
        """Its bytes.

        Raises:
            MediaError: `too-large` or `damaged-file`.
        """
        text = self.holder["data"]
        if len(text) // 4 * 3 > most_bytes + 3:
            text = _WHITE.sub("", text)
            if len(text) // 4 * 3 > most_bytes + 3:
                raise _too_large(most_bytes)
        try:
            data = base64.b64decode(_WHITE.sub("", text).encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise MediaError("damaged-file", "its data is no base64") from None
        if len(data) > most_bytes:
            raise _too_large(most_bytes)
        return data

    def opened(self, data: bytes) -> Media:
        """Its bytes as they may be served.

        Raises:
            MediaError: why they are no picture or PDF that is taken.
        """
        return open_media(data, self.declared)

    def reference(self, name: str, data: bytes) -> bytes | None:
        """The members that stand in the place of `data`; None where they would hide others.

        FHIR's Attachment has `url`, `size` and `hash` (SHA-1) for what lies elsewhere. Binary and Signature
        have no such thing, and an Attachment may have a `url` of its own: `data` is then said to be the
        object by an extension.
        """
        holder = self.holder
        if "url" in holder or "sigFormat" in holder or "resourceType" in holder:
            if "_data" in holder:
                return None
            told: dict[str, Any] = {"_data": {"extension": [{"url": EXTENSION, "valueUri": _URN + name}]}}
        else:
            told = {"url": _URN + name}
            if "size" not in holder:
                told["size"] = len(data)
            if "hash" not in holder:
                digest = hashlib.sha1(data, usedforsecurity=False).digest()
                told["hash"] = base64.b64encode(digest).decode()
        return msgspec.json.encode(told)[1:-1]


def declared_of(holder: Mapping[str, Any]) -> str | None:
    """What an element that holds an attachment says that it is."""
    told = holder.get("contentType") or holder.get("sigFormat")
    bare = told.partition(";")[0].strip().lower() if isinstance(told, str) else ""
    return None if bare in _UNDECLARED else bare


def _too_large(most_bytes: int) -> MediaError:
    return MediaError("too-large", f"it has more than {most_bytes} bytes, the limit of this lake")


def embedded_in(text: bytes) -> list[Embedded]:
    """The pictures and PDFs within the text of a resource, in order."""
    if not _may_hold(text):
        return []
    resource = msgspec.json.decode(text)
    members = list(_MEMBER.finditer(text))
    holders = list(_holders(resource))
    if len(members) != len(holders):
        # A name that is spelled with escapes.
        return []
    return [
        Embedded(member.start(), member.end(), number, holder, resource)
        for number, (member, holder) in enumerate(zip(members, holders, strict=True), start=1)
        if _is_candidate(holder, member[1])
    ]


def replaced(text: bytes, changes: Sequence[tuple[Embedded, bytes]]) -> bytes:
    """A resource's text with members in the place of some that hold pictures."""
    parts, at = [], 0
    for embedded, members in changes:
        parts += [text[at : embedded.start], members]
        at = embedded.end
    return b"".join([*parts, text[at:]])


def _may_hold(text: bytes) -> bool:
    return _BEGINS.search(text) is not None or any(
        word in text for word in (b"image", b"IMAGE", b"Image", b"pdf", b"PDF")
    )


def _is_candidate(holder: Mapping[str, Any], member: bytes) -> bool:
    told = holder.get("contentType") or holder.get("sigFormat")
    declared = isinstance(told, str) and _DECLARED.match(told.strip()) is not None
    return declared or _BEGINS.match(member) is not None


def _holders(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects with a text as `data`, in the order in which these stand."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "data" and isinstance(member, str):
                yield value
            else:
                yield from _holders(member)
    elif isinstance(value, list):
        for member in value:
            yield from _holders(member)
