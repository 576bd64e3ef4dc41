"""What R4 asks of every resource: what is missing is said to be missing, what cannot stand is left out."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from a360.hl7v2._store import Resource, Store

_ABSENT = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    ]
}
# Where a resource says whose it is.
_OWNER = {
    **dict.fromkeys(
        ("ChargeItem", "Condition", "DiagnosticReport", "Encounter", "MedicationDispense"), "subject"
    ),
    **dict.fromkeys(("MedicationRequest", "Observation", "Procedure", "ServiceRequest"), "subject"),
    **dict.fromkeys(
        ("AllergyIntolerance", "ClaimResponse", "Consent", "EpisodeOfCare", "Immunization"), "patient"
    ),
    "Coverage": "beneficiary",
    "DocumentReference": "subject",
    "RelatedPerson": "patient",
    "Specimen": "subject",
}
# What a resource must have, and what stands in for it; without one the resource is left out.
_REQUIRED: Mapping[str, Mapping[str, Any]] = {
    "Account": {"status": "unknown"},
    "AllergyIntolerance": {"patient": None},
    "Appointment": {"status": "proposed", "participant": None},
    "ChargeItem": {"status": "unknown", "code": {"text": "not stated"}, "subject": None},
    "ClaimResponse": {"created": None, "insurer": None, "patient": None},
    "Condition": {"subject": None},
    "Consent": {"category": [{"text": "not stated"}], "policyRule": {"text": "not stated"}, "patient": None},
    "Coverage": {"status": "active", "beneficiary": None, "payor": [_ABSENT]},
    "DiagnosticReport": {"status": "unknown", "code": {"text": "not stated"}},
    "DocumentReference": {"status": "current", "content": [{"attachment": _ABSENT}]},
    "Encounter": {
        "status": "unknown",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK"},
    },
    "EpisodeOfCare": {"status": "active", "patient": None},
    "Immunization": {"status": "completed", "vaccineCode": {"text": "not stated"}, "patient": None},
    "MedicationDispense": {"status": "unknown"},
    "MedicationRequest": {"status": "unknown", "intent": "order", "subject": None},
    "Observation": {"status": "unknown", "code": {"text": "not stated"}},
    "Procedure": {"status": "unknown", "subject": None},
    "Provenance": {"agent": [{"who": {"display": "not stated"}}], "recorded": None, "target": None},
    "RelatedPerson": {"patient": None},
    "ResearchStudy": {"status": "active"},
    "ServiceRequest": {"status": "unknown", "intent": "order", "subject": None},
    "Substance": {"code": {"text": "not stated"}},
}
# Elements of which R4 asks for one of several types.
_CHOICES: Mapping[str, tuple[tuple[str, ...], tuple[str, Any]]] = {
    "Immunization": (("occurrenceDateTime", "occurrenceString"), ("occurrenceString", "not stated")),
    "MedicationDispense": (
        ("medicationCodeableConcept", "medicationReference"),
        ("medicationCodeableConcept", {"text": "not stated"}),
    ),
    "MedicationRequest": (
        ("medicationCodeableConcept", "medicationReference"),
        ("medicationCodeableConcept", {"text": "not stated"}),
    ),
}
# Parts that say nothing without one of these: (type, element) to the elements of which one must be there.
_PARTS: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "Account": (("guarantor", ("party",)), ("coverage", ("coverage",))),
    "AllergyIntolerance": (("reaction", ("manifestation",)),),
    "Appointment": (("participant", ("actor", "type")), ("participant", ("status",))),
    "ChargeItem": (("performer", ("actor",)),),
    "ClaimResponse": (("total", ("amount",)), ("item", ("adjudication",))),
    "Coverage": (("class", ("value",)), ("costToBeneficiary", ("valueMoney",))),
    "Device": (("deviceName", ("name",)), ("version", ("value",))),
    "DocumentReference": (("relatesTo", ("target",)), ("content", ("attachment",))),
    "Encounter": (("location", ("location",)), ("diagnosis", ("condition",))),
    "EpisodeOfCare": (("diagnosis", ("condition",)),),
    "Immunization": (("performer", ("actor",)), ("education", ("documentType", "reference"))),
    "Medication": (("ingredient", ("itemReference", "itemCodeableConcept")),),
    "MedicationDispense": (("performer", ("actor",)),),
    "Patient": (("communication", ("language",)), ("link", ("other",))),
    "Procedure": (("performer", ("actor",)),),
    "Provenance": (("agent", ("who",)), ("entity", ("what",))),
    "RelatedPerson": (("communication", ("language",)),),
}


class _Rules(NamedTuple):
    """All that is asked of a type."""

    owner: str
    parts: tuple[tuple[str, tuple[str, ...]], ...]
    required: tuple[tuple[str, Any], ...]
    choice: tuple[tuple[str, ...], tuple[str, Any]] | None
    fold: Callable[[Resource], None] | None


def complete(store: Store, patient: str | None) -> None:
    """Make every resource one that R4 takes, or leave it out, with what refers to it, and say so."""
    gone = _left_out(store, patient)
    while gone:
        for key, resource in store.resources.items():
            store.resources[key] = _forgetting(resource, gone)
        gone = _left_out(store, patient)


def _left_out(store: Store, patient: str | None) -> set[str]:
    """Look over every resource; the references that lead to those that cannot stand."""
    gone = set()
    for reference, resource in list(store.resources.items()):
        kind = resource["resourceType"]
        rules = _RULES.get(kind)
        if rules is None:
            continue
        if rules.owner and patient and rules.owner not in resource:
            resource[rules.owner] = {"reference": patient}
        if rules.fold:
            rules.fold(resource)
        for name, needed in rules.parts:
            if name in resource:
                _prune(resource, name, needed)
        lacking = _fill(resource, rules)
        if lacking:
            store.note("resource-left-out", f"{kind} without {lacking}")
            del store.resources[reference]
            gone.add(reference)
    return gone


def _forgetting(value: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    """A copy without the references that lead nowhere any more, and without what is empty without them."""
    found = {}
    for name, inner in value.items():
        items = inner if isinstance(inner, list) else [inner]
        kept = []
        for item in items:
            if isinstance(item, dict):
                if item.get("reference") in gone:
                    continue
                left = _forgetting(item, gone)
                if left:
                    kept.append(left)
            else:
                kept.append(item)
        if kept:
            found[name] = kept if isinstance(inner, list) else kept[0]
    return found


def _organization(resource: Resource) -> None:
    """An organization has no home."""
    for element in ("telecom", "address"):
        if any(each.get("use") == "home" for each in resource.get(element, ())):
            resource[element] = [kept for each in resource[element] if (kept := _without_home(each))]
            if not resource[element]:
                del resource[element]


def _document(resource: Resource) -> None:
    """What is said of a document's content before there is any is meant for the first part of it."""
    first, *rest = resource.get("content") or [{}]
    said = first.get("attachment", {})
    if rest and said and not said.keys() & {"data", "url", "title"}:
        resource["content"] = [
            {**rest[0], "attachment": {**said, **rest[0].get("attachment", {})}},
            *rest[1:],
        ]


def _immunization(resource: Resource) -> None:
    """What stands beside a document's type speaks of that document."""
    folded: list[dict[str, Any]] = []
    for each in resource.get("education", ()):
        if folded and not folded[-1].keys() & each.keys():
            folded[-1].update(each)
        else:
            folded.append(dict(each))
    if folded:
        resource["education"] = folded


def _request(resource: Resource) -> None:
    """A dose from an amount to the same amount is that amount."""
    for dosage in resource.get("dosageInstruction", ()):
        for dose in dosage.get("doseAndRate", ()):
            span = dose.get("doseRange")
            if span and span.get("low") == span.get("high"):
                dose["doseQuantity"] = dose.pop("doseRange")["low"]


def _without_home(each: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in each.items() if (name, value) != ("use", "home")}


def _prune(resource: Resource, name: str, needed: tuple[str, ...]) -> None:
    items = resource.get(name)
    if isinstance(items, list):
        kept = [item for item in items if any(element in item for element in needed)]
        if kept:
            resource[name] = kept
        else:
            del resource[name]


def _fill(resource: Resource, rules: _Rules) -> str:
    """Put what stands in for what is missing; the name of what nothing stands in for."""
    for element, instead in rules.required:
        if element not in resource:
            if instead is None:
                return element
            resource[element] = deepcopy(instead)
    if rules.choice and not any(element in resource for element in rules.choice[0]):
        resource[rules.choice[1][0]] = deepcopy(rules.choice[1][1])
    return ""


_FOLDS = {
    "DocumentReference": _document,
    "Immunization": _immunization,
    "MedicationRequest": _request,
    "Organization": _organization,
}
_RULES = {
    kind: _Rules(
        _OWNER.get(kind, ""),
        _PARTS.get(kind, ()),
        tuple(_REQUIRED.get(kind, {}).items()),
        _CHOICES.get(kind),
        _FOLDS.get(kind),
    )
    for kind in {*_OWNER, *_REQUIRED, *_CHOICES, *_PARTS, *_FOLDS}
}
