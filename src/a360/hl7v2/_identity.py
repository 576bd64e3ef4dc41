"""What makes a resource the same one when it is sent again."""

from typing import Any

from a360.hl7v2._coded import authority, value
from a360.hl7v2._store import Resource, Store, content_key

_AUTHORITY = authority("")
# Types of CX identifiers that name a thing best, the best first; in the end any will do.
_RECORD_NUMBERS = ("MR", "PI", "VN", "AN", "")
# Types known by their names where they bear no identifier.
_NAMED_FIRST = frozenset({"Organization"})


def key_of(kind: str, resource: Resource, store: Store) -> str:
    """The key of a resource: its identifier with who assigned it; what it says, if it bears none.

    An identifier that names no authority is taken to be the sending facility's own.
    """
    for identifier in _identifiers(resource):
        text = identifier.get("value")
        if text:
            system = identifier.get("system") or f"{store.scope}\0{_type_code(identifier)}"
            return f"{system}\0{text}"
    if kind in _NAMED_FIRST and resource.get("name"):
        return f"{store.scope}\0{resource['name']}"
    return f"{store.scope}\0{content_key(resource)}"


def identified(repetitions: list[str], scope: str, store: Store) -> str:
    """The identifier of a CX field by which a thing is known: its record number, else the first one.

    Which authority gave it counts by its OID or UUID where it has one, as senders name it variously; an
    identifier without an authority is the sender's own.
    """
    for wanted in _RECORD_NUMBERS:
        for text in repetitions:
            parts = text.split("^")
            if wanted in (value(parts, 4), "") and value(parts, 0).strip():
                system = _AUTHORITY(parts[3].split("&") if len(parts) > 3 else [], store)  # noqa: PLR2004 - CX.4
                return f"{system or scope}\0{value(parts, 0).strip()}"
    return ""


def numbered(text: str, owner: str, store: Store) -> str:
    """The number of an EI field with who gave it; without a namespace it is a number of its owner's."""
    parts = text.partition("~")[0].split("^")
    if len(parts) == 1 and "&" in parts[0]:
        parts = parts[0].split("&")
    number = value(parts, 0).strip()
    return f"{_AUTHORITY(parts[1:4], store) or owner}\0{number}" if number else ""


def _identifiers(resource: Resource) -> list[dict[str, Any]]:
    found = resource.get("identifier")
    if isinstance(found, dict):
        return [found]
    return found or []


def _type_code(identifier: dict[str, Any]) -> str:
    codings = identifier.get("type", {}).get("coding") or [{}]
    return str(codings[0].get("code", ""))
