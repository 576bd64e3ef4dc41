"""What a resource tells of an attachment of it, in the words of a manifest of attachments."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from a360.ingest._embedded import Embedded
from a360.ingest._linked import Linked

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")
_ID: Final = r"(?:[^?]*/)?{kind}/[A-Za-z0-9.-]{{1,64}}(?:/_history/[A-Za-z0-9.-]{{1,64}})?"
_PATIENTS: Final = ("subject", "patient", "for", "beneficiary", "individual")
_AUTHORS: Final = ("author", "operator", "performer", "sender", "resultsInterpreter")
_TIMES: Final = ("createdDateTime", "date", "effectiveDateTime", "dateTime", "sent", "issued", "authored")
# Consent documents and forms, by LOINC.
_CONSENTS: Final = frozenset({"59284-0", "64293-4", "64292-6"})


def told_of(attachment: Embedded | Linked) -> dict[str, str]:
    """Whose it is, what for and from when, as far as its resource says."""
    holder, resource = attachment.holder, attachment.resource
    kind, resource_id = resource["resourceType"], resource["id"]
    told = {
        "resource": f"{kind}/{resource_id}",
        "number": str(attachment.number),
        "patient": _patient(resource),
        "encounter": _reference("Encounter", _each(resource, "encounter", "context")),
        "procedure": _reference("Procedure", _each(resource, "partOf", "basedOn", "related", "context")),
        "author": _reference("Practitioner", _each(resource, *_AUTHORS)),
        "kind": _kind(resource),
        "body_site": _text(resource.get("bodySite")),
        "taken_at": _time([holder.get("creation"), *(resource.get(name) for name in _TIMES)]),
        "media_type": attachment.declared,
        "title": holder.get("title"),
    }
    return {name: text for name, text in told.items() if isinstance(text, str) and text}


def _patient(resource: Mapping[str, Any]) -> str | None:
    if resource["resourceType"] == "Patient":
        return f"Patient/{resource['id']}"
    return _reference("Patient", _each(resource, *_PATIENTS, "securityContext"))


def _each(resource: Mapping[str, Any], *names: str) -> list[Any]:
    """The references that stand under names, in lists and in what a DocumentReference has as its context."""
    found: list[Any] = []
    for name in names:
        value = resource.get(name)
        for member in value if isinstance(value, list) else [value]:
            if not isinstance(member, dict):
                continue
            inner = [each for key in ("encounter", "related", "actor") for each in _as_list(member.get(key))]
            found += [member, *inner]
    return found


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _reference(kind: str, found: Iterable[Any]) -> str | None:
    """The first reference to a resource of this type, as the lake's references are written."""
    for each in found:
        if not isinstance(each, dict):
            continue
        text = each.get("reference")
        if isinstance(text, str) and _is_of(kind, text, each.get("type")):
            return text
        identifier = each.get("identifier")
        if each.get("type") == kind and isinstance(identifier, dict) and identifier.get("value"):
            return f"{kind}?identifier={identifier.get('system', '')}|{identifier['value']}"
    return None


def _is_of(kind: str, text: str, told: object) -> bool:
    if re.fullmatch(_ID.format(kind=kind), text) or text.startswith(f"{kind}?"):
        return True
    # What it leads to is told by the reference's type, or by where it stands: a subject is a patient.
    return text.startswith("urn:uuid:") and (
        told == kind or (told is None and kind in {"Patient", "Encounter"})
    )


def _kind(resource: Mapping[str, Any]) -> str:
    if resource["resourceType"] == "DiagnosticReport":
        return "report"
    kinds = resource.get("type")
    codings = _as_list(kinds.get("coding")) if isinstance(kinds, dict) else []
    codes = {each.get("code") for each in codings if isinstance(each, dict)}
    return "consent" if resource["resourceType"] == "Consent" or codes & _CONSENTS else "other"


def _text(concept: object) -> str | None:
    if not isinstance(concept, dict):
        return None
    displays = [each.get("display") for each in _as_list(concept.get("coding")) if isinstance(each, dict)]
    return next((each for each in [concept.get("text"), *displays] if isinstance(each, str)), None)


def _time(found: Iterable[object]) -> str | None:
    """The first time with an offset; a date alone says neither when nor where."""
    for each in found:
        match = _TIME.fullmatch(each) if isinstance(each, str) else None
        if match:
            return match[1] + match[2]
    return None
