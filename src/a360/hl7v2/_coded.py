"""Coded values and the names of systems: what the guide leaves to terminology."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from a360.hl7v2._escape import unescape
from a360.hl7v2._mappings import known_systems, vocabularies
from a360.hl7v2._message import NULL
from a360.hl7v2._store import Store

type Converter = Callable[[list[str], Store], Any]

_TABLE = re.compile(r"HL7(\d{4})\Z")
_OID = re.compile(r"[0-2](?:\.\d+)+\Z")
_V2 = "http://terminology.hl7.org/CodeSystem/v2-"
# code, display, system, version
_TRIPLES = ((0, 1, 2, 6), (3, 4, 5, 7), (9, 10, 11, 12))
_ORIGINAL = 8
_LETTERS = 2
# Schemes of table 0301 whose ids make URIs.
_PREFIXES = {
    **dict.fromkeys(("ISO", "CLIA", "CLIP"), "urn:oid:"),
    **dict.fromkeys(("UUID", "GUID"), "urn:uuid:"),
    "DNS": "urn:dns:",
    "URN": "urn:",
}


def value(parts: list[str], index: int) -> str:
    """A component's text with its escapes resolved: empty for null, for blank and for absent."""
    if index >= len(parts):
        return ""
    text = parts[index]
    if not text or text == NULL:
        return ""
    if "\\" in text:
        text = unescape(text)
    # Blanks say nothing, and R4 takes no empty strings.
    return "" if text.isspace() else text


def system_of(name: str, store: Store) -> str:
    """The URI of a code system by its name in table 0396, unless the site says what the name means."""
    known = store.systems.get(name) if store.systems else None
    if known:
        return known
    known = known_systems().get(name) or known_systems().get(name.upper())
    if known:
        return known
    table = _TABLE.match(name)
    if table:
        return _V2 + table[1]
    if _OID.match(name):
        return f"urn:oid:{name}"
    if name.startswith(("http://", "https://", "urn:")) and " " not in name:
        return name
    return store.local("CodeSystem", name)


def _codes(vocabulary: str) -> Mapping[str, list[str]] | None:
    """A vocabulary by the name a mapping calls it, with the guide's own spellings forgiven."""
    if not vocabulary:
        return None
    found = vocabularies().get(vocabulary)
    return found if found is not None else vocabularies().get(vocabulary.replace("/", "").replace(" ", ""))


def codeable(vocabulary: str) -> Converter:
    """A CodeableConcept of CWE, CNE, CE and the like, through a vocabulary of the guide if one is named."""
    codes = _codes(vocabulary)

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        codings = []
        for indexes in _TRIPLES:
            if indexes[0] >= len(parts):
                break
            coding = _coding(parts, indexes, codes, store)
            if coding:
                codings.append(coding)
        if codings:
            found["coding"] = codings
        text = value(parts, _ORIGINAL)
        if text:
            found["text"] = text
        return found or None

    return convert


def coding(vocabulary: str) -> Converter:
    """A Coding of CWE."""
    codes = _codes(vocabulary)

    def convert(parts: list[str], store: Store) -> dict[str, Any] | None:
        return _coding(parts, _TRIPLES[0], codes, store)

    return convert


def _coding(
    parts: list[str],
    indexes: tuple[int, int, int, int],
    codes: Mapping[str, list[str]] | None,
    store: Store,
) -> dict[str, Any] | None:
    at, at_display, at_system, at_version = indexes
    code, display, system = value(parts, at), value(parts, at_display), value(parts, at_system)
    if not code and not display:
        return None
    found: dict[str, Any] = {}
    mapped = codes.get(code.strip()) if codes and code else None
    if mapped:
        found["code"] = mapped[0]
        if mapped[1] or display:
            found["display"] = mapped[1] or display
        if mapped[2]:
            found["system"] = mapped[2]
    else:
        code = " ".join(code.split())
        if code:
            found["code"] = code
        if display:
            found["display"] = display
        if system:
            found["system"] = system_of(system, store)
    version = value(parts, at_version)
    if version:
        found["version"] = version
    return found


def code_of(vocabulary: str) -> Converter:
    """A code through a vocabulary; one it does not know is left out, as FHIR's own codes are closed lists."""
    codes = _codes(vocabulary)
    # Words are the same word in any case; of letters alone, as m and M, that may not be so.
    words = {word.casefold(): mapped for word, mapped in (codes or {}).items() if len(word) > _LETTERS}

    def convert(parts: list[str], store: Store) -> str | None:
        found = (value(parts, 0) or value(parts, 3)).strip()
        if not found:
            return None
        if codes is None:
            return " ".join(found.split())
        mapped = codes.get(found) or words.get(found.casefold())
        if mapped is None:
            store.note("code-unmapped", vocabulary)
            return None
        return mapped[0]

    return convert


def display_of(vocabulary: str) -> Converter:
    """The display a vocabulary gives for a code."""
    codes = _codes(vocabulary) or {}

    def convert(parts: list[str], store: Store) -> str | None:  # noqa: ARG001 - one signature for all
        mapped = codes.get(value(parts, 0).strip())
        return mapped[1] if mapped and mapped[1] else None

    return convert


def system_in(vocabulary: str) -> Converter:
    """The system a vocabulary puts a code in."""
    codes = _codes(vocabulary) or {}

    def convert(parts: list[str], store: Store) -> str | None:  # noqa: ARG001 - one signature for all
        mapped = codes.get(value(parts, 0).strip())
        return mapped[2] if mapped and mapped[2] else None

    return convert


def authority(vocabulary: str) -> Converter:  # noqa: ARG001 - an authority has no vocabulary
    """The URI an assigning authority stands for: its OID or UUID, else its local name."""

    def convert(parts: list[str], store: Store) -> str | None:
        name, universal, scheme = value(parts, 0).strip(), value(parts, 1).strip(), value(parts, 2).strip()
        known = store.systems.get(name) or store.systems.get(universal) if store.systems else None
        if known:
            return known
        told = universal_uri(universal, scheme) if universal else None
        if told:
            return told
        local = name or universal
        return store.local("Identifier", local) if local else None

    return convert


def universal_uri(universal: str, scheme: str) -> str | None:
    """The URI that a universal id of some scheme of table 0301 is, if it is one."""
    if len(universal.split()) > 1:
        return None
    if universal.lower().startswith(("http://", "https://", "urn:")):
        return universal
    prefix = _PREFIXES.get(scheme.upper())
    return f"{prefix}{universal}" if prefix else None
