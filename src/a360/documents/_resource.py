"""A note as a FHIR R4 DocumentReference."""

import base64
import re
from typing import Any, Final

from a360.documents._fields import NoteFields, checked_time
from a360.documents._note import media_type

LOINC: Final = "http://loinc.org"
NOTE_IDS: Final = "urn:a360:note-id"
"""The system of a note's own id where it is no logical id of FHIR."""
ROLES: Final = "urn:a360:author-role"
"""The system of the roles in which authors write."""
_ROLE: Final = "author-role"
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_INSTANT: Final = len("2026-01-01T00:00")


def document_reference(
    resource_id: str, fields: NoteFields, data: bytes, content_type: str, *, related_id: str | None = None
) -> dict[str, Any]:
    """The DocumentReference of a note.

    Args:
        resource_id: Its logical id.
        fields: What is said of it; it names a patient.
        data: Its bytes, as they are.
        content_type: What they are.
        related_id: The logical id of the note that it amends or appends to.
    """
    status = fields.status or ("amended" if fields.amends else "final")
    resource: dict[str, Any] = {"resourceType": "DocumentReference", "id": resource_id}
    updated = checked_time("updated_at", fields.updated_at)
    if updated:
        resource["meta"] = {"lastUpdated": _instant(updated)}
    contained = _contained_role(fields)
    if contained:
        resource["contained"] = [contained]
    if fields.note_id is not None and fields.note_id != resource_id:
        resource["identifier"] = [{"system": NOTE_IDS, "value": fields.note_id}]
    resource["status"] = "entered-in-error" if status == "entered-in-error" else "current"
    resource["docStatus"] = status
    if fields.type is not None:
        resource["type"] = _type(fields)
    resource["subject"] = _reference("Patient", fields.patient, fields.patient_identifier)
    created = checked_time("created_at", fields.created_at)
    if created and len(created) >= _INSTANT:
        resource["date"] = _instant(created)
    authors = _authors(fields)
    if authors:
        resource["author"] = authors
    if related_id is not None:
        code = "replaces" if fields.amends else "appends"
        target = {"reference": f"DocumentReference/{related_id}"}
        resource["relatesTo"] = [{"code": code, "target": target}]
    resource["content"] = [{"attachment": _attachment(fields, data, content_type)}]
    context = _context(fields, created)
    if context:
        resource["context"] = context
    return resource


def _instant(time: str) -> str:
    """FHIR's instant of a time; a date begins with its first moment, in UTC."""
    return time if len(time) >= _INSTANT else f"{time}T00:00:00Z"


def _reference(kind: str, logical_id: str | None, identifier: str | None) -> dict[str, Any]:
    if logical_id is not None:
        return {"reference": f"{kind}/{logical_id}"}
    system, _, value = (identifier or "").partition("|")
    return {"type": kind, "identifier": {"system": system, "value": value}}


def _authors(fields: NoteFields) -> list[dict[str, Any]]:
    """Who wrote it, and the role they did so in: FHIR has no place for a role beside an author."""
    named = fields.author is not None or fields.author_identifier is not None
    people = [_reference("Practitioner", fields.author, fields.author_identifier)] if named else []
    return [*people, *([{"reference": f"#{_ROLE}"}] if fields.author_role else [])]


def _contained_role(fields: NoteFields) -> dict[str, Any] | None:
    if fields.author_role is None:
        return None
    role: dict[str, Any] = {"resourceType": "PractitionerRole", "id": _ROLE}
    if fields.author is not None or fields.author_identifier is not None:
        role["practitioner"] = _reference("Practitioner", fields.author, fields.author_identifier)
    # Words could be anything, names included: only a role that is written as a code is one for analysts.
    is_code = _CODE.fullmatch(fields.author_role) is not None
    code = (
        {"coding": [{"system": ROLES, "code": fields.author_role}]}
        if is_code
        else {"text": fields.author_role}
    )
    return {**role, "code": [code]}


def _type(fields: NoteFields) -> dict[str, Any]:
    if not fields.is_loinc:
        return {"text": fields.type}
    shown = {"display": fields.type_display} if fields.type_display else {}
    return {"coding": [{"system": LOINC, "code": fields.type, **shown}]}


def _attachment(fields: NoteFields, data: bytes, content_type: str) -> dict[str, Any]:
    kind = media_type(content_type)
    spelled = kind if "charset" not in content_type.lower() else content_type
    told: dict[str, Any] = {"contentType": spelled}
    if fields.language is not None:
        told["language"] = fields.language
    told["data"] = base64.b64encode(data).decode("ascii")
    told["size"] = len(data)
    if fields.title is not None:
        told["title"] = fields.title
    return told


def _context(fields: NoteFields, created: str | None) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if fields.encounter is not None or fields.encounter_identifier is not None:
        context["encounter"] = [_reference("Encounter", fields.encounter, fields.encounter_identifier)]
    # A note of a day has no instant: the day is the period that it documents.
    start = checked_time("period_start", fields.period_start)
    if start is None and created is not None and len(created) < _INSTANT:
        start = created
    end = checked_time("period_end", fields.period_end)
    period = {name: time for name, time in (("start", start), ("end", end)) if time}
    return {**context, "period": period} if period else context
