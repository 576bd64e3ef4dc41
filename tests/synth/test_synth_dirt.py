import json
from collections import Counter, defaultdict
from datetime import date, datetime
from pathlib import Path

import pytest

from a360.synth import DIRTY_KINDS

PADDED = {"Condition": "code", "Observation": "code", "Procedure": "code", "AllergyIntolerance": "code",
          "Immunization": "vaccineCode", "MedicationRequest": "medicationCodeableConcept"}  # fmt: skip


REFERRED = ("Patient", "Encounter", "Procedure", "Appointment", "Condition", "Practitioner",
            "Organization", "Location", "Device", "MedicationAdministration")  # fmt: skip


def parse(line):
    """What a strict reader makes of a line: a resource, or the kind of fault that stopped it."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return "invalid_utf8"
    try:
        resource = json.loads(text)
    except ValueError:
        return "truncated" if not text.endswith("}") or text.count("{") != text.count("}") else "invalid_json"
    if "resourceType" not in resource:
        return "not_fhir"
    return resource if "id" in resource else "missing_id"


@pytest.fixture(scope="module")
def strange(clean, dirty):
    """The lines of the dirty export that the clean one does not hold, repeats once for each time too many."""
    return {
        kind: list((Counter(lines) - Counter(clean.lines[kind])).elements())
        for kind, lines in dirty.lines.items()
    }


def test_every_kind_is_documented():
    """The documentation names every kind and says what it is."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "synth.md").read_text()
    assert all(f"| `{kind.name}` | {kind.found} | {kind.meaning} |" in text for kind in DIRTY_KINDS)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_share_is_as_asked(make, share):
    """The dirty share of all lines is the one asked for, to within a fifth of it and three in a thousand."""
    report = make(patients=120, seed=3, dirty=share).report
    assert abs(sum(report.dirty.values()) / report.lines - share) < 0.2 * share + 0.003


def test_every_kind_occurs_and_is_counted(dirty):
    """The report names every kind, and a large dirty export has each."""
    assert list(dirty.report.dirty) == [kind.name for kind in DIRTY_KINDS]
    assert all(dirty.report.dirty.values())


def test_lines_that_cannot_be_read_are_counted_exactly(strange, dirty):
    """A strict reader stops at exactly as many lines as the report counts under kinds found in the line."""
    stopped = Counter(
        found for lines in strange.values() for found in map(parse, lines) if isinstance(found, str)
    )
    told = Counter({k.name: dirty.report.dirty[k.name] for k in DIRTY_KINDS if k.found == "line"})
    for exact in ("invalid_utf8", "not_fhir", "missing_id"):
        assert stopped[exact] == told[exact]
    assert stopped.total() == told.total()


def test_repeats_are_the_same_bytes(dirty, clean):
    """Exactly the lines counted as duplicates stand in the files once more than in the clean export."""
    repeated = sum(
        count
        for kind, lines in dirty.lines.items()
        for line, count in (Counter(lines) - Counter(clean.lines[kind])).items()
        if line in set(clean.lines[kind])
    )
    assert repeated == dirty.report.dirty["duplicate"]


def test_what_others_refer_to_is_never_lost(clean, dirty):
    """What others refer to can be read from the dirty export, all of it."""
    for kind in REFERRED:
        known = {json.loads(line)["id"] for line in clean.lines[kind]}
        read = {found["id"] for found in map(parse, dirty.lines[kind]) if not isinstance(found, str)}
        assert known <= read


def wrong(kind, resource):
    """The faults a careful reader sees in a well-formed resource."""
    found = set()
    if kind == "Patient" and int(str(resource["birthDate"])[:4]) > date(2027, 1, 1).year:
        found.add("future_birth_date")
    dose = resource.get("dosage")
    if kind == "MedicationAdministration" and isinstance(dose, dict) and dose["dose"]["value"] < 0:
        found.add("negative_dose")
    if kind in PADDED and isinstance(resource.get(PADDED[kind]), dict):
        code = resource[PADDED[kind]]["coding"][0]["code"]
        if code != code.strip() or len(code) == 36:
            found.add("padded_code")
        if code in {"00000-0", "1000000000", "Q99.X9Z", "0", "9999", "NOT-LISTED"}:
            found.add("unknown_code")
    period = {"Appointment": resource, "Encounter": resource.get("period")}.get(
        kind, resource.get("performedPeriod")
    )
    if isinstance(period, dict) and "end" in period:
        try:
            if datetime.fromisoformat(period["end"]) < datetime.fromisoformat(period["start"]):
                found.add("end_before_start")
        except ValueError:
            pass
    if any(part in json.dumps(resource) for part in ("-02-30", "-13-05", "-04-31")):
        found.add("impossible_date")
    return found


def test_values_are_wrong_in_just_the_way_that_was_counted(strange, dirty):
    """Each value fault that can be seen without the clean data is seen as often as it was counted."""
    seen = defaultdict(int)
    for kind, lines in strange.items():
        for resource in map(parse, lines):
            if not isinstance(resource, str):
                for fault in wrong(kind, resource):
                    seen[fault] += 1
    kinds = ("future_birth_date", "negative_dose", "padded_code", "unknown_code", "end_before_start")
    assert {kind: seen[kind] for kind in (*kinds, "impossible_date")} == {
        kind: dirty.report.dirty[kind] for kind in (*kinds, "impossible_date")
    }


def test_dangling_references_name_what_is_nowhere(clean, dirty, strange):
    """As many literal references lead nowhere as the report counts, and none in the clean export."""
    known = {f"{kind}/{json.loads(line)['id']}" for kind, lines in clean.lines.items() for line in lines}

    def nowhere(resource):
        text = json.dumps(resource)
        literal = [part.split('"')[0] for part in text.split('"reference": "')[1:]]
        kinds = {"Patient", "Encounter", "Practitioner"}
        return any(
            reference not in known
            for reference in literal
            if reference.split("/")[0] in kinds and "?" not in reference
        )

    read = [found for lines in strange.values() for found in map(parse, lines) if not isinstance(found, str)]
    assert sum(map(nowhere, read)) == dirty.report.dirty["dangling_reference"]
