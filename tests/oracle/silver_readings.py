"""Which function reads which silver dataset, and out of which resources.

The readings are written from what the contracts promise, never from the views; identifiers stay raw, for
a test to tokenise.
"""

from collections.abc import Callable

from silver_acts import (
    device,
    immunization,
    medication,
    medication_administration,
    medication_request,
    procedure,
)
from silver_care import (
    adverse_event,
    allergy_intolerance,
    appointment,
    condition,
    consent,
    document_reference,
    encounter,
    observation,
    observation_component,
)
from silver_people import identifiers, location, organization, patient, practitioner
from silver_references import Follower
from silver_values import Json

__all__ = ["READINGS", "WITH_IDENTIFIERS", "identifiers"]

type Reading = Callable[[Json, Follower], Json | list[Json]]

READINGS: dict[str, tuple[str, Reading]] = {
    "patient": ("Patient", patient),
    "practitioner": ("Practitioner", practitioner),
    "organization": ("Organization", organization),
    "location": ("Location", location),
    "encounter": ("Encounter", encounter),
    "appointment": ("Appointment", appointment),
    "condition": ("Condition", condition),
    "observation": ("Observation", observation),
    "observation_component": ("Observation", observation_component),
    "procedure": ("Procedure", procedure),
    "medication": ("Medication", medication),
    "medication_request": ("MedicationRequest", medication_request),
    "medication_administration": ("MedicationAdministration", medication_administration),
    "immunization": ("Immunization", immunization),
    "allergy_intolerance": ("AllergyIntolerance", allergy_intolerance),
    "consent": ("Consent", consent),
    "document_reference": ("DocumentReference", document_reference),
    "adverse_event": ("AdverseEvent", adverse_event),
    "device": ("Device", device),
}

WITH_IDENTIFIERS = (
    "Patient",
    "Practitioner",
    "Organization",
    "Location",
    "Device",
    "Encounter",
    "Appointment",
    "Condition",
    "Procedure",
    "Medication",
    "MedicationRequest",
    "DocumentReference",
)
