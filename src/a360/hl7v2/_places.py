"""Places: a person location is a chain of locations, each a part of the next."""

from typing import Any

from a360.hl7v2._coded import Converter, codeable, value
from a360.hl7v2._escape import unescape
from a360.hl7v2._store import Made, Store

_PHYSICAL = "http://terminology.hl7.org/CodeSystem/location-physical-type"
# From the widest to the closest: component of PL, and what kind of place it is.
_LEVELS = ((3, "si"), (6, "bu"), (7, "lvl"), (0, "lvl"), (1, "ro"), (2, "bd"))
_FACILITY = 3
_NO_PART_OF_IT = {4, 8}


def place(vocabulary: str) -> Converter:  # noqa: ARG001 - a place has no vocabulary
    """The closest of a chain of places; all of them are kept."""
    return lambda parts, store: chain(parts, store, {})


def chain(parts: list[str], store: Store, more: dict[str, Any]) -> Made | None:
    """Keep the places a PL names, each part of the next wider one, with `more` said of each."""
    whole = "^".join("" if at in _NO_PART_OF_IT else part for at, part in enumerate(parts))
    # A room without a facility is one of the sender's.
    owner = "" if len(parts) > _FACILITY and parts[_FACILITY] else store.scope
    words = "--".join(piece for part in parts for piece in part.split("&") if piece)
    parent: Made | None = None
    for at, kind in _LEVELS:
        pieces = parts[at].split("&") if at < len(parts) else []
        name, universal, scheme = (value(pieces, index) for index in range(3))
        if not name and not universal:
            continue
        made: dict[str, Any] = {}
        if parent is not None:
            made["partOf"] = {"reference": str(parent)}
        if name:
            made["name"] = name
        prefix = {"ISO": "urn:oid:", "UUID": "urn:uuid:"}.get(scheme)
        if universal and prefix:
            made["identifier"] = [{"value": f"{prefix}{universal}", "system": "urn:ietf:rfc:3986"}]
        made["mode"] = "instance"
        made["description"] = unescape(words)
        made["physicalType"] = {"coding": [{"system": _PHYSICAL, "code": kind}]}
        made.update(more)
        parent = store.add("Location", made, f"{owner}\0{whole}\0{at}")
    return parent


def discharged_to(vocabulary: str) -> Converter:
    """A place known by a code only."""
    kind = codeable(vocabulary)

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        pieces = parts[0].split("&") if parts else []
        made = kind(pieces, store)
        if made is None:
            return None
        name = value(pieces, 1) or value(pieces, 0)
        return {"name": name, "type": [made]}

    return convert
