"""Bundles: what each entry brings, leaves out or deletes."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from a360.fhir import is_resource
from a360.ingest._decode import Head, decode_heads
from a360.ingest._rules import Refused, Rule

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_RESTFUL: Final = re.compile(
    r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?"
)
_LINES_TO_SPACES: Final = bytes.maketrans(b"\r\n", b"  ")
_URN: Final = "urn:uuid:"
_KEPT_ENTRY_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Found:
    """A resource: its text in one line, where it stood, and its entry's fullUrl where that tells more.

    `aliases` are the fullUrls of patients in the same Bundle, with their ids.
    """

    file: int
    offset: int
    text: bytes
    head: Head
    full_url: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deletion:
    """A resource that its source tells it has deleted. `at` is when, as the source writes it.

    `version` is the number that orders it among what the source says of the same time.
    """

    file: int
    offset: int
    resource_type: str
    id: str
    at: str | None
    raw: bytes
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Filtered:
    """An entry that brings no resource and deletes none, as the outcome of a search."""

    file: int


type Unit = Found | Deletion | Filtered | Refused


class _Request(msgspec.Struct, gc=False):
    method: str = ""
    url: str = ""


class _Response(msgspec.Struct, gc=False):
    last_modified: str | None = msgspec.field(name="lastModified", default=None)


class _Search(msgspec.Struct, gc=False):
    mode: str | None = None


class _Entry(msgspec.Struct, gc=False):
    full_url: str | None = msgspec.field(name="fullUrl", default=None)
    resource: msgspec.Raw = msgspec.Raw()
    request: _Request | None = None
    response: _Response | None = None
    search: _Search | None = None


class _Bundle(msgspec.Struct, gc=False):
    timestamp: str | None = None
    entry: list[msgspec.Raw] | None = None


_decode_bundle = msgspec.json.Decoder(_Bundle).decode
_decode_entry = msgspec.json.Decoder(_Entry).decode


def one_line(text: bytes) -> bytes:
    """A valid JSON text in one line: what separates its lines can only be white space."""
    return text.translate(_LINES_TO_SPACES) if b"\n" in text or b"\r" in text else text


def expand(file: int, offset: int, text: bytes | bytearray, told_at: str | None = None) -> Iterator[Unit]:
    """The units of a Bundle, one an entry, in order; a text that is no sound Bundle is one refused unit.

    Args:
        file: The file it stands in.
        offset: Where in the file it begins.
        text: The Bundle, valid JSON.
        told_at: When a deletion was told where the Bundle itself does not say.
    """
    try:
        bundle = _decode_bundle(text)
    except msgspec.ValidationError:
        yield Refused(
            file, offset, Rule.INVALID_BUNDLE, "entry is no list of entries", bytes(text[:_KEPT_ENTRY_BYTES])
        )
        return
    entries = bundle.entry or []
    aliases = _aliases(entries)
    place = 0
    for raw in entries:
        entry_text = bytes(raw)
        place = max(place, text.find(entry_text, place))
        unit = _unit(file, offset + place, entry_text, bundle.timestamp or told_at)
        yield replace(unit, aliases=aliases) if isinstance(unit, Found) and aliases else unit
        place += len(entry_text)


def deletion_of(file: int, offset: int, text: bytes, head: Head, at: str | None) -> Unit:
    """A resource that stands in a Bulk export's list of deleted ones, not as the Bundle it should be."""
    return _deletion(file, offset, text, f"{head.resource_type}/{head.id}", at)


def _aliases(entries: Iterable[msgspec.Raw]) -> dict[str, str]:
    """By which fullUrls the patients of a Bundle go, with their ids, where one does not tell the other."""
    aliases = {}
    for raw in entries:
        text = bytes(raw)
        if b'"Patient"' in text:
            unit = _unit(0, 0, text, None)
            if isinstance(unit, Found) and unit.head.resource_type == "Patient" and unit.full_url:
                aliases[unit.full_url] = unit.head.id or ""
    return aliases


def _unit(file: int, offset: int, text: bytes, told_at: str | None) -> Unit:
    try:
        entry = _decode_entry(text)
    except msgspec.ValidationError:
        reason = "the entry's members are not of the kinds FHIR gives them"
        return Refused(file, offset, Rule.INVALID_BUNDLE, reason, text)
    method = entry.request.method.upper() if entry.request else ""
    resource = bytes(entry.resource)
    if method == "DELETE" and entry.request:
        at = entry.response.last_modified if entry.response else None
        return _deletion(file, offset, text, entry.request.url, at or told_at)
    if resource in (b"", b"null") or (entry.search and entry.search.mode == "outcome"):
        return Filtered(file)
    if method == "PATCH":
        reason = "a patch changes a resource that is not in the input"
        return Refused(file, offset, Rule.INVALID_BUNDLE, reason, text)
    return _found(file, offset + text.find(resource), resource, entry.full_url)


def _deletion(file: int, offset: int, text: bytes, url: str, at: str | None) -> Unit:
    match = _RESTFUL.fullmatch(url)
    if match is None or not is_resource(match[1]):
        reason = "what is deleted is not named as Type/id"
        return Refused(file, offset, Rule.INVALID_DELETE, reason, text)
    return Deletion(file, offset, match[1], match[2], at, text)


def _found(file: int, offset: int, text: bytes, full_url: str | None) -> Unit:
    heads, faults = decode_heads([text])
    head = heads[0]
    if head is None:
        return Refused(file, offset, faults[0].rule, faults[0].reason, text)
    flat = one_line(text)
    if head.id is None and full_url:
        # What a transaction creates often has no id but that of its fullUrl, by which all else in the Bundle
        # refers to it; the payload gets it too, or a reader of the payload would not know it.
        given = _id_of(full_url)
        if given:
            head.id, flat = given, b'{"id":"' + given.encode() + b'",' + flat[1:]
    return Found(file, offset, flat, head, _telling(full_url, head))


def _id_of(full_url: str) -> str | None:
    if full_url.startswith(_URN):
        given = full_url.removeprefix(_URN)
        return given if _ID.fullmatch(given) else None
    match = _RESTFUL.fullmatch(full_url)
    return match[2] if match else None


def _telling(full_url: str | None, head: Head) -> str | None:
    """The fullUrl, unless type and id tell it already."""
    known = (f"{head.resource_type}/{head.id}", f"{_URN}{head.id}")
    return None if not full_url or full_url in known else full_url
