"""Rows that a rule refuses: kept sealed, with rule and reason, and counted; nothing goes with them."""

import json

import pytest
from fhir_samples import bundle, deletion, encounter, observation, patient
from lakes import only, rows_of, steps_of

from a360.protect import LocalKeyStore, LocalSealer, quarantine_context

REFUSED = {
    "not-in-value-set": (patient("not-in-value-set", gender="none of these"), "gender_in_value_set"),
    "not-a-date": (patient("not-a-date", birthDate="12.03.1980"), "birth_date-type"),
    "born-tomorrow": (patient("born-tomorrow", birthDate="2999-01-01"), "birth_date_not_in_future"),
    "text-for-list": (patient("text-for-list", name="Jane Roe"), "shape"),
    "object-for-list": (patient("object-for-list", name={"family": "Roe"}), "shape"),
    "list-for-text": (patient("list-for-text", gender=["female"]), "shape"),
    "object-for-text": (patient("object-for-text", gender={"code": "female"}), "shape"),
    "text-for-object": (patient("text-for-object", maritalStatus="M"), "shape"),
    "text-for-boolean": (patient("text-for-boolean", active="yes"), "shape"),
    "object-for-inner-list": (
        patient("object-for-inner-list", maritalStatus={"coding": {"code": "M"}}),
        "shape",
    ),
}
COUNTED = {
    "placeholder-birth": patient("placeholder-birth", birthDate="1899-12-31"),
    "odd-birth-sex": patient(
        "odd-birth-sex",
        extension=[
            {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "Q"}
        ],
    ),
}


@pytest.fixture(scope="module")
def made(module_lake, put):
    """A lake with refused, doubtful and deleted resources, and the reports of its making."""
    doubtful = [resource for resource, _ in REFUSED.values()] + list(COUNTED.values())
    ingest = put(
        module_lake,
        *doubtful,
        patient("fine"),
        encounter("backwards", period={"start": "2026-01-02T10:00:00Z", "end": "2026-01-01T10:00:00Z"}),
        encounter("forwards"),
        observation("o1", components=2),
        bundle(*deletion("Patient/gone"), timestamp="2026-01-05T00:00:00Z"),
    )
    return module_lake, ingest, module_lake.run()


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_row_is_kept_with_its_rule_and_opens_to_what_was_received(made, name):
    """Quarantine says which rule and why, where the resource came from, and holds it sealed as it came."""
    lake, _, _ = made
    resource, rule = REFUSED[name]
    sealer = LocalSealer(LocalKeyStore.open(lake.path / "keys"))
    found = []
    for row in lake.table("quarantine.patient").to_pylist():
        context = quarantine_context(row["dataset"], row["commit_id"], row["file"], row["offset"])
        opened = json.loads(sealer.unseal(row["payload"], context))
        if opened["id"] == name:
            found.append((row, opened))
    row, opened = only(found)
    assert opened == resource
    assert (row["rule"], row["dataset"]) == (rule, "silver.patient")
    assert row["reason"]
    assert resource["id"] not in row["reason"]


def test_a_refused_payload_is_the_line_of_its_file(made, tmp_path_factory):
    """File and offset lead to the very line that was refused."""
    lake, _, _ = made
    sealer = LocalSealer(LocalKeyStore.open(lake.path / "keys"))
    row = only(lake.table("quarantine.encounter").to_pylist())
    files = list(tmp_path_factory.getbasetemp().glob(f"input[0-9]*/{row['file']}"))
    file = only([each for each in files if "backwards" in each.read_text()])
    context = quarantine_context(row["dataset"], row["commit_id"], row["file"], row["offset"])
    line = file.read_bytes()[row["offset"] :].split(b"\n")[0]
    assert sealer.unseal(row["payload"], context) == line


def test_warnings_only_count(made):
    """A row that breaks a rule of severity warning lands; the report says how many do."""
    lake, _, report = made
    failed = {
        result.rule: result.failed
        for result in report.quality
        if result.dataset == "silver.patient" and not result.passed and result.severity == "warning"
    }
    assert {"born_after_1900": 1, "birth_sex_in_value_set": 1}.items() <= failed.items()
    landed = rows_of(lake, "SELECT birth_date FROM silver.patient WHERE birth_date < DATE '1900-01-01'")
    assert len(landed) == 1


def test_errors_are_measured_too(made):
    """Each rule says how many rows it refused, the shape of the resource included."""
    _, _, report = made
    failed = {
        result.rule: result.failed
        for result in report.quality
        if result.dataset == "silver.patient" and not result.passed and result.severity == "error"
    }
    assert failed == {
        # what is written in another shape is no code of the value set either
        "gender_in_value_set": 3,
        "birth_date-type": 1,
        "birth_date_not_in_future": 1,
        "shape": sum(rule == "shape" for _, rule in REFUSED.values()),
    }


def test_counts_tell_what_became_of_every_resource(made):
    """Landed and refused make up what was read; deletions land, and no rule asks values of them."""
    _, ingest, report = made
    assert ingest.steps[0].read == ingest.steps[0].landed
    steps = steps_of(report)
    landed = len(COUNTED) + 2
    assert (steps["silver.patient"].read, steps["silver.patient"].landed) == (landed + len(REFUSED), landed)
    assert steps["silver.patient"].quarantined == len(REFUSED)
    assert (steps["silver.encounter"].landed, steps["silver.encounter"].quarantined) == (1, 1)
    component = steps["silver.observation_component"]
    assert (component.read, component.landed, component.output_rows) == (1, 1, 2)


def test_a_full_run_refuses_nothing_twice(made):
    """What lies in quarantine already is not put there again."""
    lake, _, _ = made
    before = len(lake.table("quarantine.patient"))
    report = lake.run(full=True)
    assert steps_of(report)["silver.patient"].quarantined == len(REFUSED)
    assert len(lake.table("quarantine.patient")) == before


def test_the_same_file_name_and_offset_of_another_day_is_another_reject(small_lake, put, monkeypatch):
    """Exports are named alike every day: what is refused at the same place of a later one is kept as well.

    That holds also where so much is refused that it is written piece by piece.
    """
    monkeypatch.setattr("a360.refine._rejects._KEPT_BYTES", 1)
    for value in ("none of these", "nor of these"):
        put(small_lake, patient("p1", gender=value), encounter("e1", status=value))
        small_lake.run()
    rows = small_lake.table("quarantine.patient").to_pylist()
    assert len({(row["file"], row["offset"]) for row in rows}) == 1
    assert len(rows) == 2
