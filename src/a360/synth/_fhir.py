"""Small pieces of FHIR R4, and the names of systems and extensions the data uses."""

from typing import Any

type Resource = dict[str, Any]

BASE = "https://aesthetics360.example"
SERVER = "https://fhir.aesthetics360.example/r4"
CODES = f"{BASE}/CodeSystem"
EXTENSIONS = f"{BASE}/StructureDefinition"

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
CVX = "http://hl7.org/fhir/sid/cvx"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
UCUM = "http://unitsofmeasure.org"
TERMS = "http://terminology.hl7.org/CodeSystem"

MRN_SYSTEM = f"{BASE}/identifier/mrn"
NPI_SYSTEM = "http://hl7.org/fhir/sid/us-npi"
SSN_SYSTEM = "http://hl7.org/fhir/sid/us-ssn"
PLACE_SYSTEM = f"{BASE}/identifier/place"
VISIT_SYSTEM = f"{BASE}/identifier/visit"

PRODUCT_EXTENSION = f"{EXTENSIONS}/product"
LOT_EXTENSION = f"{EXTENSIONS}/lot-number"
TOTAL_EXTENSION = f"{EXTENSIONS}/total-amount"
SITE_EXTENSION = f"{EXTENSIONS}/site-amount"
SESSION_EXTENSION = f"{EXTENSIONS}/session-number"

SYNTHETIC_SYSTEM = f"{CODES}/provenance"
SYNTHETIC_CODE = "synthetic"
TAG = [{"system": SYNTHETIC_SYSTEM, "code": SYNTHETIC_CODE, "display": "Synthetic data"}]
SECURITY = [{"system": f"{TERMS}/v3-ActReason", "code": "HTEST", "display": "test health data"}]

_UNITS = {
    "U": "[arb'U]",
    "mL": "mL",
    "mg": "mg",
    "pulses": "{pulse}",
    "threads": "{thread}",
    "application": "{application}",
    "score": "{score}",
    "mmHg": "mm[Hg]",
    "beats/minute": "/min",
    "cm": "cm",
    "kg": "kg",
    "kg/m2": "kg/m2",
    "a.u.": "[arb'U]",
}


def coding(system: str, code: str, display: str) -> Resource:
    """A Coding."""
    return {"system": system, "code": code, "display": display}


def concept(system: str, code: str, display: str, text: str | None = None) -> Resource:
    """A CodeableConcept of one coding; its text is the display unless another is given."""
    return {"coding": [{"system": system, "code": code, "display": display}], "text": text or display}


def clinic_concept(table: str, code: str, display: str) -> Resource:
    """A CodeableConcept of one of the clinic's own code systems."""
    return concept(f"{CODES}/{table}", code, display)


def quantity(value: float, unit: str) -> Resource:
    """A Quantity with its UCUM code."""
    return {"value": value, "unit": unit, "system": UCUM, "code": _UNITS[unit]}


def extension(url: str, kind: str, value: object) -> Resource:
    """An Extension with a value."""
    return {"url": url, f"value{kind}": value}
