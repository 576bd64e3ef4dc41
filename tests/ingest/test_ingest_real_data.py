"""The shared test data, all of it accounted for."""

from collections import Counter

import pytest


def _lines(folder):
    """All lines of a folder of NDJSON."""
    paths = sorted(folder.glob("*.ndjson"))
    return [line for path in paths for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("name", "read", "duplicates"), [("fhir-synthea-10", 4120, 2), ("fhir-synthea-dirty", 30372, 0)]
)
def test_every_resource_is_in_bronze(lake, data_folder, name, read, duplicates):
    """Every line of the set is in bronze once, byte for byte, or counted as a duplicate."""
    result = lake.ingest(data_folder / name)
    report = result.report
    assert (report.read, report.duplicates, report.quarantined) == (read, duplicates, 0)
    assert report.landed == report.output_rows == read - duplicates
    lines = _lines(data_folder / name)
    assert len(lines) == read
    assert Counter(row["text"] for row in lake.resources()) == Counter(set(lines))
    assert {each.file for each in result.files} == {
        path.name for path in (data_folder / name).glob("*.ndjson")
    }
    snapshots = lake.snapshots()
    again = lake.ingest(data_folder / name).report
    assert (again.commit_id, again.unchanged) == (None, read)
    assert lake.snapshots() == snapshots


def test_patients_are_joined_by_tokens(lake, data_folder):
    """In the clean set every resource that speaks of a patient bears the key of one that is there."""
    lake.ingest(data_folder / "fhir-synthea-10")
    rows = lake.resources()
    patients = {row["resource_id"] for row in rows if row["resource_type"] == "Patient"}
    assert len(patients) == 10
    subjects = Counter(row["resource_type"] for row in rows if row["subject_token"] in patients)
    for kind in ("Observation", "Condition", "Encounter", "Claim", "ExplanationOfBenefit", "Immunization"):
        assert subjects[kind] == sum(row["resource_type"] == kind for row in rows)
    assert all(row["contained"] for row in rows if row["resource_type"] == "ExplanationOfBenefit")
