"""Data types we build by hand where the guide's rows cannot be followed to the letter, and why.

The guide leaves these to prose ("convert from A or HEX"), to open questions, or to terminology services; each
is listed with its reason, and a test holds the list.
"""

from collections.abc import Callable
from html import escape as html_escape
from typing import Any

from a360.hl7v2._attached import attachment, content, media, pointer
from a360.hl7v2._coded import (
    Converter,
    authority,
    code_of,
    codeable,
    coding,
    display_of,
    system_of,
    value,
)
from a360.hl7v2._escape import unescape
from a360.hl7v2._places import chain, discharged_to, place
from a360.hl7v2._primitives import boolean, decimal
from a360.hl7v2._store import Store

_MINUTES = {"s": 1 / 60, "sec": 1 / 60, "second": 1 / 60, "m": 1, "min": 1, "minute": 1}
_MINUTES |= {"h": 60, "hr": 60, "hour": 60, "d": 1440, "day": 1440}
_UNIVERSAL = "UniversalIDType"


def converter(name: str, vocabulary: str) -> Converter | None:
    """The hand-written converter for a data type map, if there is one."""
    found = BY_MAP.get(name)
    return found[0](vocabulary) if found else None


def by_type(kind: str, vocabulary: str) -> Converter:
    """What is made of a value for which no data type map is named, by the FHIR type it is for."""
    if kind == "boolean":
        return _boolean(vocabulary)
    found = _BY_TYPE.get(kind)
    if found:
        return found(vocabulary)
    return code_of(vocabulary) if vocabulary else _text(vocabulary)


def is_text(kind: str) -> bool:
    """Whether `by_type` makes text of a value, for it knows nothing better of the type."""
    return kind != "boolean" and kind not in _BY_TYPE


def _text(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    return lambda parts, store: value(parts, 0) or None  # noqa: ARG005


def _said(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """The words of a coded value: the original text, else a display, else the code."""

    def convert(parts: list[str], store: Store) -> str | None:  # noqa: ARG001 - one signature for all
        return value(parts, 8) or value(parts, 1) or value(parts, 0) or None

    return convert


def _boolean(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    return lambda parts, store: boolean(value(parts, 0))  # noqa: ARG005


def _words(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:  # noqa: ARG001
        text = value(parts, 0)
        return {"text": text} if text else None

    return convert


def _quantity(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """A Quantity of CQ: the units are a coded value whose parts are subcomponents."""

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        number = decimal(value(parts, 0))
        if number is not None:
            found["value"] = number
        raw = parts[1].split("&") if len(parts) > 1 else []
        found.update(_unit(raw, store))
        return found if "value" in found or found.get("unit") or found.get("code") else None

    return convert


def _units(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """The units of a Quantity."""
    return lambda parts, store: _unit(parts, store) or None


def _unit(parts: list[str], store: Store) -> dict[str, Any]:
    code, text, system = value(parts, 0), value(parts, 1), value(parts, 2)
    found: dict[str, Any] = {}
    if code and system:
        found["code"] = " ".join(code.split())
        found["system"] = system_of(system, store)
    if text or code:
        found["unit"] = text or code
    return found


def _number(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """A Quantity or the number alone, as the element asks."""

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:  # noqa: ARG001
        number = decimal(value(parts, 0))
        return None if number is None else {"value": number}

    return convert


def _decimal(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    return lambda parts, store: decimal(value(parts, 0))  # noqa: ARG005


def _identifier(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """An Identifier of EI: the universal id makes the system, and says which scheme it is of."""
    scheme = coding(_UNIVERSAL)
    system = authority("")

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        if parts and "&" in parts[0]:
            # An EIP where an EI was meant: the placer's half.
            parts = parts[0].split("&")
        text = value(parts, 0)
        if text:
            found["value"] = text
        where = system(parts[1:4], store)
        if where:
            found["system"] = where
        kind = scheme(parts[3:4], store) if len(parts) > 3 else None  # noqa: PLR2004 - EI.4
        if kind:
            found["type"] = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0301", **kind}]}
        return found if text else None

    return convert


def _pair(at: int, code: str) -> Callable[[str], Converter]:
    """One half of an EIP: the placer's or the filler's."""
    make = _identifier("")

    def factory(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
        def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
            found = make(parts[at].split("&"), store) if at < len(parts) else None
            if found is None:
                return None
            kind = {"coding": [{"code": code, "system": "http://terminology.hl7.org/CodeSystem/v2-0203"}]}
            return {**found, "type": kind}

        return convert

    return factory


def _owner(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """What an HD names, as the identifiers of an Organization or a Device."""
    scheme = coding(_UNIVERSAL)

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        name, universal, kind = value(parts, 0), value(parts, 1), value(parts, 2)
        found: list[dict[str, Any]] = []
        if name:
            found.append({"value": name, "system": store.local("Identifier", name)})
        if universal:
            found.append(_universal(universal, kind, scheme(parts[2:3], store), store))
        return {"identifier": found} if found else None

    return convert


def _universal(text: str, kind: str, scheme: dict[str, Any] | None, store: Store) -> dict[str, Any]:
    prefix = {"ISO": "urn:oid:", "UUID": "urn:uuid:", "GUID": "urn:uuid:"}.get(kind)
    made: dict[str, Any] = {"value": f"{prefix or ''}{text}"}
    if prefix:
        made["system"] = "urn:ietf:rfc:3986"
    elif kind:
        made["system"] = store.local("Identifier", kind)
    if scheme:
        made["type"] = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0301", **scheme}]}
    return made


def _assigner(vocabulary: str) -> Converter:
    """The organization that assigns identifiers: only one that is told in full is worth a resource."""
    make = _owner(vocabulary)

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        found: dict[str, Any] | None = make(parts, store)
        return found if all(value(parts, at) for at in range(3)) else None

    return convert


def _name(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """A name in one line: prefix, given, family, suffix."""

    def convert(parts: list[str], store: Store) -> str | None:  # noqa: ARG001 - one signature for all
        family = unescape(parts[0].partition("&")[0]) if parts else ""
        words = (value(parts, 4), value(parts, 1), value(parts, 2), family, value(parts, 3))
        return " ".join(word for word in words if word and word != '""') or None

    return convert


def _money(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """Money of MO, or of the first component of CP."""

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:  # noqa: ARG001
        pieces = parts[0].split("&") if parts and "&" in parts[0] else parts
        amount = decimal(value(pieces, 0))
        if amount is None:
            return None
        currency = "".join(value(pieces, 1).split())
        return {"value": amount, "currency": currency} if currency else {"value": amount}

    return convert


def _said_too(vocabulary: str) -> Converter:
    """A CodeableConcept whose words are its display, where the sender gave no others."""
    make = codeable(vocabulary)

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        found: dict[str, Any] | None = make(parts, store)
        if found and "text" not in found and value(parts, 1):
            found["text"] = value(parts, 1)
        return found

    return convert


def _narrative(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """Text as the XHTML of a narrative."""

    def convert(parts: list[str], store: Store) -> str | None:  # noqa: ARG001 - one signature for all
        text = value(parts, 0)
        return f'<div xmlns="http://www.w3.org/1999/xhtml">{html_escape(text)}</div>' if text else None

    return convert


def _urgency(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """A priority as a number, as iCalendar counts: one is the most urgent."""
    return lambda parts, store: {"S": 1, "A": 2, "R": 5}.get(value(parts, 0))  # noqa: ARG005


def _offset(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """The offset of an RPT in minutes."""

    def convert(parts: list[str], store: Store) -> int | None:  # noqa: ARG001 - one signature for all
        return in_minutes(value(parts, 8), value(parts, 9) or "min")

    return convert


def in_minutes(amount: str, unit: str) -> int | None:
    """A length of time in whole minutes."""
    number = decimal(amount)
    scale = _MINUTES.get(unit.strip().lower().rstrip("s") or "s")
    return None if number is None or scale is None else int(number * scale)


def _parent(vocabulary: str) -> Converter:
    """The placer's number of a parent, already cut into its subcomponents."""
    make = _identifier(vocabulary)

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        found = make(parts, store)
        kind = {"coding": [{"code": "PGN", "system": "http://terminology.hl7.org/CodeSystem/v2-0203"}]}
        return {**found, "type": kind} if found else None

    return convert


def _where(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """The place in an NDL, whose components from the fourth on are those of a PL."""
    return lambda parts, store: chain(parts[3:], store, {})


def _system(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    return lambda parts, store: system_of(value(parts, 0), store) if value(parts, 0) else None


def _whole(vocabulary: str) -> Converter:  # noqa: ARG001 - one signature for all
    """All of a field as text."""

    def convert(parts: list[str], store: Store) -> str | None:  # noqa: ARG001
        return " ".join(unescape(part) for part in parts if part) or None

    return convert


def _named_in_components(parts: list[str]) -> list[str]:
    """An NDL whose name was sent as components, as if it were an XCN: put where an NDL has it."""
    if len(parts) > 1 and "&" not in parts[0] and parts[1] and not parts[1][:4].isdigit():
        return ["&".join(parts[:7])]
    return parts


# Data types that senders confuse, put right before they are mapped; with the reason.
REPAIRS: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "NDL[PractitionerRole]": (
        _named_in_components,
        "before 2.3, and by many since, the field was sent as a CN",
    ),
}
_CODED = "systems and displays come from terminology, which the guide leaves to the implementer"
_OPEN = "the guide leaves open when the assigner is an organization and when a system"
_ENCODED = "the guide says in prose how data is converted"

BY_MAP: dict[str, tuple[Callable[[str], Converter], str]] = {
    **{f"{kind}[CodeableConcept]": (codeable, _CODED) for kind in ("CE", "CF", "CNE", "CWE", "ID", "IS")},
    **{f"{kind}[Coding]": (coding, _CODED) for kind in ("CWE", "ID")},
    **{f"{kind}[code]": (code_of, _CODED) for kind in ("CWE", "ID", "IS")},
    "CWE[string]": (_said, "the guide's rows, with the code as the last resort"),
    "CWE[Quantity]": (_units, "the guide writes the type's name into the paths"),
    "CQ[Quantity]": (_quantity, "the units' subcomponents are not in the guide's rows"),
    "CQ[decimal]": (_decimal, "a number is not text"),
    "DLD[Location-Discharge]": (discharged_to, "a code is the name of the place"),
    "ED[Attachment]": (attachment, _ENCODED),
    "EI[Identifier-Extension]": (_identifier, _OPEN),
    "EI[Identifier-System]": (_identifier, _OPEN),
    "EI[Identifier]": (_identifier, _OPEN),
    "EI[Identifier-DefaultAssigner]": (_identifier, _OPEN),
    "EI[Identifier-Organization]": (_identifier, _OPEN),
    "EIP[Identifier-PlacerAssignedIdentifier]": (_pair(0, "PGN"), "subcomponents are identifiers in full"),
    "EIP[Identifier-FillerAssignedIdentifier]": (_pair(1, "FGN"), "subcomponents are identifiers in full"),
    "HD[Device]": (_owner, _OPEN),
    "HD[Organization]": (_owner, _OPEN),
    "HD[Organization-Assigner]": (_assigner, _OPEN),
    "HD[uri]": (authority, _OPEN),
    "ID[boolean]": (_boolean, "yes and no are table 0136"),
    "MO[Money]": (_money, "not in the guide"),
    "NM[Quantity]": (_number, "a number is not text"),
    "NDL[Location]": (_where, "the place within an NDL is a PL"),
    "PL[Location]": (
        place,
        "the guide's rows name each other by number and leave the point of care's type open",
    ),
    "RP[Attachment]": (pointer, _ENCODED),
    "ST[CodeableConcept]": (_words, "the words are the concept's text"),
    "TX[string]": (_whole, "not in the guide"),
    "@appointment-priority": (_urgency, "FHIR counts urgency in numbers"),
    "@display": (display_of, "the words of a code"),
    "@media": (media, "table 0191 has no map in the guide"),
    "@narrative": (_narrative, "a narrative is XHTML"),
    "@words": (_words, "text alone"),
    "CWE[CodeableConcept-Said]": (_said_too, "a country or a breed is read, not looked up"),
    "CQ[Duration]": (_quantity, "a duration is a quantity of time"),
    "EI[Identifier-Parent]": (_parent, "subcomponents are identifiers in full"),
    "RPT[unsignedInt-Offset]": (_offset, "the guide says in prose how an offset becomes minutes"),
    "TX[base64]": (content, _ENCODED),
    "@system": (_system, "a name of a code system stands for its URI"),
    "XPN[string]": (_name, "the guide says in prose how a name is put together"),
}

_BY_TYPE: dict[str, Callable[[str], Converter]] = {
    "CodeableConcept": codeable,
    "Coding": coding,
    "Identifier": _identifier,
    "Annotation": _words,
    "Narrative": _words,
    "Quantity": _number,
    "Duration": _number,
    "Money": _money,
}
