"""What makes a resource the same one when it is sent again."""

from typing import Any

from a360.hl7v2._store import Resource, Store, content_key

# Types whose identifiers say nothing without the resource they belong to.
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


def _identifiers(resource: Resource) -> list[dict[str, Any]]:
    found = resource.get("identifier")
    if isinstance(found, dict):
        return [found]
    return found or []


def _type_code(identifier: dict[str, Any]) -> str:
    codings = identifier.get("type", {}).get("coding") or [{}]
    return str(codings[0].get("code", ""))
