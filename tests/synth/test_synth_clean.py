import base64
import json
import re
from collections import Counter, defaultdict

import pytest

from a360.synth import SYNTHETIC_CODE, SYNTHETIC_SYSTEM

SERVER = "https://fhir.aesthetics360.example/r4/"
TYPES = {
    "AdverseEvent", "AllergyIntolerance", "Appointment", "Condition", "Consent", "Device",
    "DocumentReference", "Encounter", "Immunization", "Location", "MedicationAdministration",
    "MedicationRequest", "Observation", "Organization", "Patient", "Practitioner", "Procedure",
}  # fmt: skip
# What FHIR R4 requires (minimum cardinality 1); [x] stands for a choice of type.
REQUIRED = {
    "AdverseEvent": ["actuality", "subject"],
    "AllergyIntolerance": ["patient", "clinicalStatus"],
    "Appointment": ["status", "participant"],
    "Condition": ["subject", "clinicalStatus"],
    "Consent": ["status", "scope", "category", "policyRule"],
    "DocumentReference": ["status", "content"],
    "Encounter": ["status", "class"],
    "Immunization": ["status", "vaccineCode", "patient", "occurrence[x]"],
    "MedicationAdministration": ["status", "medication[x]", "subject", "effective[x]"],
    "MedicationRequest": ["status", "intent", "medication[x]", "subject"],
    "Observation": ["status", "code"],
    "Procedure": ["status", "subject"],
}
REQUIRED_INSIDE = {
    "Appointment": [("participant", "status")],
    "AdverseEvent": [("suspectEntity", "instance")],
    "Device": [("deviceName", "name"), ("deviceName", "type")],
    "DocumentReference": [("content", "attachment")],
    "Encounter": [("location", "location"), ("diagnosis", "condition")],
    "Observation": [("component", "code")],
    "Patient": [("communication", "language")],
    "Practitioner": [("qualification", "code")],
    "Procedure": [("performer", "actor")],
}
FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
FHIR_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?")


def walk(node):
    """All JSON objects within one, itself included."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value)


def every(resources):
    """All resources of all types."""
    return (resource for kind in resources.values() for resource in kind)


def test_all_types_are_there(clean_resources):
    """The export holds every resource type that silver has a table for, and no other."""
    assert set(clean_resources) == TYPES


def test_what_fhir_requires_is_there(clean_resources):
    """Every clean resource has its type, a valid id and the elements that R4 requires."""
    for kind, resources in clean_resources.items():
        for resource in resources:
            assert resource["resourceType"] == kind
            assert FHIR_ID.fullmatch(resource["id"])
            for field in REQUIRED.get(kind, []):
                stem = field.removesuffix("[x]")
                there = [key for key in resource if key == stem or (stem != field and key.startswith(stem))]
                assert len(there) == 1, (kind, field)
            for outer, inner in REQUIRED_INSIDE.get(kind, []):
                assert all(inner in part for part in resource.get(outer, [])), (kind, outer, inner)


def test_rules_of_r4_across_elements_hold(clean_resources):
    """Invariants of R4 hold: periods in order, one value, a reason only where an appointment failed."""
    for appointment in clean_resources["Appointment"]:
        assert appointment["start"] < appointment["end"]
        assert ("cancelationReason" in appointment) == (appointment["status"] == "cancelled")
    for encounter in clean_resources["Encounter"]:
        period = encounter["period"]
        assert ("end" in period) == (encounter["status"] == "finished")
        assert period["start"] < period.get("end", "9")
    for observation in clean_resources["Observation"]:
        values = [key for key in observation if key.startswith("value")]
        assert len(values) + ("component" in observation) == 1
    for condition in clean_resources["Condition"]:
        status = condition["clinicalStatus"]["coding"][0]["code"]
        assert ("abatementDateTime" in condition) == (status == "resolved")


def test_nothing_is_empty_or_null(clean_resources):
    """No element is null, an empty text, an empty list or an empty object."""
    for resource in every(clean_resources):
        for node in walk(resource):
            assert node
            assert not [key for key, value in node.items() if value is None or value in ("", [], {})]


def test_dates_are_fhir_dates(clean_resources):
    """Whatever is called a date, time, start or end has the form of a FHIR date or dateTime."""
    named = re.compile(r".*(Date|DateTime|Updated|detected|created|creation|issued)$|^(date|start|end)$")
    for resource in every(clean_resources):
        for node in walk(resource):
            for key, value in node.items():
                if named.match(key):
                    assert FHIR_DATE.fullmatch(value), (resource["resourceType"], key, value)


def test_everything_is_labelled_synthetic(clean, clean_resources):
    """Every resource, deletion and error says in its `meta` that it is synthetic and a test."""
    others = [
        json.loads(line)
        for part in ("deleted", "error")
        for entry in clean.manifest[part]
        for line in (clean.folder / entry["url"]).read_text().splitlines()
    ]
    assert others
    for resource in [*every(clean_resources), *others]:
        meta = resource["meta"]
        assert (SYNTHETIC_SYSTEM, SYNTHETIC_CODE) in {(tag["system"], tag["code"]) for tag in meta["tag"]}
        assert "HTEST" in {label["code"] for label in meta["security"]}


class Resolver:
    """Finds what a reference means, in the five ways references are written."""

    def __init__(self, resources):
        """Index the resources by id and by identifier."""
        self.known = {(kind, r["id"]) for kind, found in resources.items() for r in found}
        self.uuids = {key for _, key in self.known}
        self.identifiers = defaultdict(set)
        for kind, found in resources.items():
            for resource in found:
                for identifier in resource.get("identifier", []):
                    self.identifiers[kind, identifier["system"], identifier["value"]].add(resource["id"])

    def way(self, reference, resource):
        """How the reference is written, after a check that it leads somewhere."""
        text = reference.get("reference")
        if text is None:
            name = reference["identifier"]
            assert len(self.identifiers[reference["type"], name["system"], name["value"]]) == 1
            return "logical"
        if text.startswith("#"):
            assert text[1:] in {inside["id"] for inside in resource["contained"]}
            return "contained"
        if text.startswith("urn:uuid:"):
            assert text.removeprefix("urn:uuid:") in self.uuids
            return "urn"
        if "?identifier=" in text:
            kind, _, query = text.partition("?identifier=")
            system, _, value = query.rpartition("|")
            assert len(self.identifiers[kind, system, value]) == 1
            return "conditional"
        assert tuple(text.removeprefix(SERVER).split("/")) in self.known
        return "absolute" if text.startswith(SERVER) else "literal"


def test_every_reference_resolves_in_each_of_the_ways_it_is_written(clean_resources):
    """Every reference resolves to exactly one resource; all ways of writing one occur, literal most."""
    resolver = Resolver(clean_resources)
    ways = Counter()
    for resource in every(clean_resources):
        for node in walk(resource):
            if "reference" in node or set(node) >= {"type", "identifier", "display"}:
                ways[resolver.way(node, resource)] += 1
    assert set(ways) == {"literal", "absolute", "urn", "conditional", "logical", "contained"}
    assert ways.most_common(1)[0][0] == "literal"


def test_versions_can_be_told_apart(clean_resources):
    """Two versions are told apart by time stamp or number; where there is neither, by order in the file."""
    versions = defaultdict(list)
    for resource in every(clean_resources):
        versions[resource["resourceType"], resource["id"]].append(resource["meta"])
    several = {key: metas for key, metas in versions.items() if len(metas) > 1}
    assert {kind for kind, _ in several} >= {"Appointment", "Patient", "Encounter", "Observation", "Consent"}
    reversed_ones = 0
    for metas in several.values():
        assert len(metas) == 2
        assert len({tuple(sorted(meta.keys() & {"versionId", "lastUpdated"})) for meta in metas}) == 1
        numbers = [meta.get("versionId") for meta in metas]
        if "lastUpdated" not in metas[0]:
            assert numbers in (["1", "2"], [None, None])
        elif numbers == ["2", "1"]:
            reversed_ones += 1
    assert reversed_ones


def test_meta_is_there_in_every_mixture(clean_resources):
    """Version numbers and time stamps are both there, either alone, and both missing."""
    found = {
        ("versionId" in resource["meta"], "lastUpdated" in resource["meta"])
        for resource in every(clean_resources)
    }
    assert found == {(True, True), (False, True), (True, False), (False, False)}


def test_deleted_are_leaves_that_nothing_refers_to(clean, clean_resources):
    """Deletions are transaction Bundles of DELETE requests for resources that nothing refers to."""
    deleted = set()
    for entry in clean.manifest["deleted"]:
        for line in (clean.folder / entry["url"]).read_text().splitlines():
            bundle = json.loads(line)
            assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
            assert {part["request"]["method"] for part in bundle["entry"]} == {"DELETE"}
            deleted |= {part["request"]["url"] for part in bundle["entry"]}
    assert len(deleted) == clean.report.deleted > 0
    referred = {
        "/".join(node["reference"].split("/")[-2:])
        for resource in every(clean_resources)
        for node in walk(resource)
        if isinstance(node.get("reference"), str)
    }
    assert not deleted & referred
    known = {f"{r['resourceType']}/{r['id']}" for r in every(clean_resources)}
    assert deleted & known


def test_no_contact_or_number_could_be_a_real_persons(clean_resources):
    """Phones are of the range for fiction, e-mails of example domains, SSNs and NPIs never issued."""
    for kind in ("Patient", "Practitioner", "Organization"):
        for resource in clean_resources[kind]:
            for contact in resource.get("telecom", []):
                if contact["system"] == "phone":
                    assert re.fullmatch(r"\d{3}-555-01\d\d", contact["value"])
                else:
                    assert re.search(r"[@.]example\.(com|org|net)$", contact["value"])
    systems = {
        "http://hl7.org/fhir/sid/us-ssn": r"666-\d\d-\d{4}",
        "http://hl7.org/fhir/sid/us-npi": r"2\d{9}",
    }
    for kind in ("Patient", "Practitioner"):
        for resource in clean_resources[kind]:
            for identifier in resource["identifier"]:
                assert re.fullmatch(systems.get(identifier["system"], ".+"), identifier["value"])


def test_npis_have_a_true_check_digit(clean_resources):
    """NPIs pass the Luhn check with the prefix 80840."""
    for practitioner in clean_resources["Practitioner"]:
        digits = [int(digit) for digit in "80840" + practitioner["identifier"][0]["value"]]
        odd, even = digits[-1::-2], digits[-2::-2]
        assert (sum(odd) + sum(sum(divmod(2 * digit, 10)) for digit in even)) % 10 == 0


@pytest.mark.parametrize("field", ["name", "identifier"])
def test_notes_name_the_patient(latest, field):
    """Consultation notes are text that names people, so that de-identification has something to find."""
    patients = latest["Patient"]
    named = total = 0
    for document in latest["DocumentReference"].values():
        attachment = document["content"][0]["attachment"]
        text = base64.b64decode(attachment["data"]).decode()
        assert len(text.encode()) == attachment["size"]
        patient = patients.get(document["subject"].get("reference", "").split("/")[-1].split(":")[-1])
        if patient is None:
            continue
        total += 1
        value = patient["name"][0]["family"] if field == "name" else patient["identifier"][0]["value"]
        named += value in text
    assert named > 0.5 * total > 100
