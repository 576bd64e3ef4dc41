"""Faults inside a well-formed resource; each changes the resource and says whether it could."""

from collections.abc import Callable, Mapping
from typing import Any

from a360.synth._dice import Dice
from a360.synth._fhir import CVX, ICD10, LOINC, RXNORM, SNOMED, Resource

_Path = tuple[str | int, ...]

_WRONG_TYPES: Mapping[str, tuple[str, object]] = {
    "Patient": ("gender", ["unknown"]),
    "Practitioner": ("qualification", "registered"),
    "Organization": ("address", "see website"),
    "Location": ("name", 3),
    "Appointment": ("minutesDuration", "thirty"),
    "Encounter": ("period", "morning"),
    "Condition": ("code", "unspecified"),
    "Observation": ("status", {"code": "final"}),
    "Procedure": ("bodySite", "face"),
    "MedicationAdministration": ("dosage", "as charted"),
    "MedicationRequest": ("dosageInstruction", "as directed"),
    "AllergyIntolerance": ("reaction", "rash"),
    "Immunization": ("occurrenceDateTime", 20251001),
    "Consent": ("category", "treatment"),
    "DocumentReference": ("content", {"attachment": {}}),
    "AdverseEvent": ("suspectEntity", "unknown"),
    "Device": ("deviceName", "laser"),
}
_REQUIRED: Mapping[str, str] = {
    "Appointment": "status",
    "Encounter": "status",
    "Condition": "subject",
    "Observation": "status",
    "Procedure": "status",
    "MedicationAdministration": "status",
    "MedicationRequest": "status",
    "AllergyIntolerance": "patient",
    "Immunization": "status",
    "Consent": "status",
    "DocumentReference": "status",
    "AdverseEvent": "subject",
}
_DATES: Mapping[str, _Path] = {
    "Patient": ("birthDate",),
    "Appointment": ("start",),
    "Encounter": ("period", "start"),
    "Condition": ("recordedDate",),
    "Observation": ("effectiveDateTime",),
    "Procedure": ("performedPeriod", "start"),
    "MedicationAdministration": ("effectiveDateTime",),
    "MedicationRequest": ("authoredOn",),
    "AllergyIntolerance": ("recordedDate",),
    "Immunization": ("occurrenceDateTime",),
    "Consent": ("dateTime",),
    "DocumentReference": ("date",),
    "AdverseEvent": ("date",),
}
_CODES: Mapping[str, _Path] = {
    "Condition": ("code", "coding", 0),
    "Observation": ("code", "coding", 0),
    "Procedure": ("code", "coding", 0),
    "MedicationRequest": ("medicationCodeableConcept", "coding", 0),
    "AllergyIntolerance": ("code", "coding", 0),
    "Immunization": ("vaccineCode", "coding", 0),
}
_REFERENCES: Mapping[str, tuple[_Path, str]] = {
    "Appointment": (("participant", 1, "actor"), "Practitioner"),
    "Encounter": (("participant", 0, "individual"), "Practitioner"),
    "Condition": (("subject",), "Patient"),
    "Observation": (("encounter",), "Encounter"),
    "Procedure": (("encounter",), "Encounter"),
    "MedicationAdministration": (("context",), "Encounter"),
    "MedicationRequest": (("encounter",), "Encounter"),
    "AllergyIntolerance": (("patient",), "Patient"),
    "Immunization": (("patient",), "Patient"),
    "Consent": (("patient",), "Patient"),
    "DocumentReference": (("subject",), "Patient"),
    "AdverseEvent": (("subject",), "Patient"),
}
_PERIODS: Mapping[str, _Path] = {
    "Appointment": (),
    "Encounter": ("period",),
    "Procedure": ("performedPeriod",),
}
_UNKNOWN: Mapping[str, str] = {
    LOINC: "00000-0",
    SNOMED: "1000000000",
    ICD10: "Q99.X9Z",
    RXNORM: "0",
    CVX: "9999",
}
_PADDED_LENGTH = 36


def _find(resource: Resource, path: _Path) -> Any:  # noqa: ANN401 - whatever the JSON holds there
    found: Any = resource
    for step in path:
        if isinstance(step, str):
            found = found.get(step) if isinstance(found, dict) else None
        else:
            found = found[step] if isinstance(found, list) and len(found) > step else None
        if found is None:
            return None
    return found


def _not_fhir(resource: Resource, _dice: Dice) -> bool:
    del resource["resourceType"]
    return True


def _missing_id(resource: Resource, _dice: Dice) -> bool:
    del resource["id"]
    return True


def _wrong_type(resource: Resource, _dice: Dice) -> bool:
    field, value = _WRONG_TYPES[resource["resourceType"]]
    if field not in resource:
        return False
    resource[field] = value
    return True


def _missing_required(resource: Resource, _dice: Dice) -> bool:
    field = _REQUIRED.get(resource["resourceType"])
    return field is not None and resource.pop(field, None) is not None


def _future_birth_date(resource: Resource, _dice: Dice) -> bool:
    """The century typed wrong; two of them for who was born early in the last one."""
    year = int(resource["birthDate"][:4])
    resource["birthDate"] = f"{year + (100 if year >= 1940 else 200)}{resource['birthDate'][4:]}"  # noqa: PLR2004
    return True


def _impossible_date(resource: Resource, dice: Dice) -> bool:
    path = _DATES.get(resource["resourceType"])
    text = _find(resource, path) if path else None
    if path is None or not isinstance(text, str):
        return False
    holder = _find(resource, path[:-1])
    holder[path[-1]] = text[:4] + dice.pick(("-02-30", "-13-05", "-04-31")) + text[10:]
    return True


def _padded_code(resource: Resource, dice: Dice) -> bool:
    coding = _find(resource, _CODES.get(resource["resourceType"], ("",)))
    if coding is None:
        return False
    code = coding["code"]
    coding["code"] = f" {code}  " if dice.chance(0.5) else code.ljust(_PADDED_LENGTH, "A")
    return True


def _unknown_code(resource: Resource, _dice: Dice) -> bool:
    coding = _find(resource, _CODES.get(resource["resourceType"], ("",)))
    if coding is None:
        return False
    coding["code"] = _UNKNOWN.get(coding["system"], "NOT-LISTED")
    return True


def _negative_dose(resource: Resource, _dice: Dice) -> bool:
    dose = _find(resource, ("dosage", "dose"))
    if dose is None:
        return False
    dose["value"] = -dose["value"]
    return True


def _end_before_start(resource: Resource, _dice: Dice) -> bool:
    path = _PERIODS.get(resource["resourceType"])
    period = _find(resource, path) if path is not None else None
    if period is None or "start" not in period or "end" not in period:
        return False
    period["start"], period["end"] = period["end"], period["start"]
    return True


def _dangling_reference(resource: Resource, dice: Dice) -> bool:
    path, kind = _REFERENCES.get(resource["resourceType"], (("",), ""))
    reference = _find(resource, path)
    if reference is None:
        return False
    reference.clear()
    reference["reference"] = f"{kind}/{dice.uuid()}"
    return True


FIELD_FAULTS: Mapping[str, Callable[[Resource, Dice], bool]] = {
    "not_fhir": _not_fhir,
    "missing_id": _missing_id,
    "wrong_type": _wrong_type,
    "missing_required": _missing_required,
    "future_birth_date": _future_birth_date,
    "impossible_date": _impossible_date,
    "padded_code": _padded_code,
    "unknown_code": _unknown_code,
    "negative_dose": _negative_dose,
    "end_before_start": _end_before_start,
    "dangling_reference": _dangling_reference,
}
