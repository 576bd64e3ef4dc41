"""The row rules: real records pass them, broken ones are refused, and doubtful ones are only counted."""

import duckdb
import pytest
from lake_content import CONTRACTS, KNOWN_AT, columns, dataset_files, lake_of, silver_tables

from a360.contract import load_contracts, make_plan
from a360.quality import SEPARATOR, verdict_sql

PLAN = make_plan(load_contracts(CONTRACTS))
BESIDE = {"known_at": KNOWN_AT, "unresolved_references": 0, "deleted": False}


def failing(dataset, session):
    """How many rows of a silver table fail each rule, by rule name: errors, and warnings."""
    rules = PLAN.step(f"silver.{dataset}").rules
    verdicts = f"SELECT {verdict_sql(rules)} AS verdict FROM silver.{dataset}"
    tally = session.execute(f"SELECT verdict, count(*) FROM ({verdicts}) GROUP BY verdict").fetchall()
    errors, warnings = {}, {}
    for verdict, rows in tally:
        for number in filter(None, verdict.split(SEPARATOR)):
            rule = rules[int(number)]
            found = errors if rule.severity == "error" else warnings
            found[rule.name] = found.get(rule.name, 0) + rows
    return errors, warnings


def failing_row(dataset, **values):
    """The rules that one row fails: a sound row of the dataset, but for these values."""
    sound = {"source": "s", **SOUND[dataset], **BESIDE, **values}
    with duckdb.connect() as session:
        silver_tables(session, {dataset: [sound]}, "s")
        errors, warnings = failing(dataset, session)
    return set(errors), set(warnings)


SOUND = {
    "patient": {"patient_key": "k", "gender": "female", "birth_date": None},
    "encounter": {
        "encounter_id": "e",
        "patient_key": "k",
        "status": "finished",
        "class_code": "AMB",
        "start_at": KNOWN_AT,
    },
    "observation": {
        "observation_id": "o",
        "patient_key": "k",
        "status": "final",
        "code": "8302-2",
        "code_system": "http://loinc.org",
        "effective_at": KNOWN_AT,
    },
    "condition": {
        "condition_id": "c",
        "patient_key": "k",
        "code": "44054006",
        "code_system": "http://snomed.info/sct",
    },
    "medication_administration": {
        "medication_administration_id": "m",
        "patient_key": "k",
        "status": "completed",
        "medication_code": "TOX-ONA-100",
        "effective_at": KNOWN_AT,
    },
}


def test_real_records_are_never_refused(origin):
    """No row of any input fails a rule of severity error: all of them land."""
    for file in dataset_files("silver"):
        errors, _ = failing(file.stem, lake_of(origin))
        assert errors == {}, file.stem


def test_dirty_codes_show():
    """Every padded code of the dirty set is counted by a warning."""
    session = lake_of("fhir-synthea-dirty")
    _, of_observations = failing("observation", session)
    _, of_conditions = failing("condition", session)
    _, of_encounters = failing("encounter", session)
    assert of_observations["code_shaped_as_loinc"] == 17279
    assert of_conditions["code_shaped_as_snomed"] == 75
    assert of_encounters["type_code_shaped_as_snomed"] == 455


@pytest.mark.parametrize("dataset", SOUND)
def test_a_sound_row_fails_nothing(dataset):
    """The rows that the tests below spoil are sound before."""
    assert failing_row(dataset) == (set(), set())


@pytest.mark.parametrize(
    ("dataset", "values", "rule"),
    [
        ("encounter", {"status": None}, "status_given"),
        ("encounter", {"status": "done"}, "status_in_value_set"),
        ("encounter", {"end_at": KNOWN_AT.replace(year=1999)}, "end_at_not_before_start_at"),
        ("patient", {"birth_date": KNOWN_AT.date().replace(year=2127)}, "birth_date_not_in_future"),
        ("patient", {"gender": "f"}, "gender_in_value_set"),
        ("medication_administration", {"dose_quantity": -20}, "dose_quantity_not_negative"),
        ("medication_administration", {"patient_key": None}, "subject_given"),
        ("condition", {"patient_key": None}, "subject_given"),
        ("condition", {"clinical_status": "sick"}, "clinical_status_in_value_set"),
        ("observation", {"status": None}, "status_given"),
    ],
)
def test_broken_rows_are_refused(dataset, values, rule):
    """A row that breaks what FHIR R4 requires, or what cannot be, fails a rule of severity error."""
    errors, _ = failing_row(dataset, **values)
    assert errors == {rule}


@pytest.mark.parametrize(
    ("dataset", "values", "rule"),
    [
        ("observation", {"code": "8302"}, "code_shaped_as_loinc"),
        ("observation", {"code": "8302-2AAAAAAAAAAAAA"}, "code_shaped_as_loinc"),
        ("observation", {"code": None}, "code_given"),
        ("condition", {"code": "44054006AAAA"}, "code_shaped_as_snomed"),
        (
            "condition",
            {"code_system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "L98.8AAAAAAA"},
            "code_shaped_as_icd10",
        ),
        ("condition", {"code_system": "urn:x", "code": " a  "}, "code_unpadded"),
        ("encounter", {"start_at": None}, "start_at_given"),
        ("encounter", {"patient_key": None}, "subject_given"),
    ],
)
def test_doubtful_rows_are_counted(dataset, values, rule):
    """A row that may be wrong lands, and a warning counts it."""
    assert failing_row(dataset, **values) == (set(), {rule})


def test_a_subject_that_is_not_in_the_lake_is_no_missing_subject():
    """A condition whose patient cannot be found is dangling, and is not refused."""
    found = failing_row("condition", patient_key=None, unresolved_references=1)
    assert found == (set(), {"references_resolve"})


def test_codes_of_unknown_systems_are_left_alone():
    """The shape of a code is judged only where its system is known."""
    assert failing_row("observation", code_system="https://x.example", code="gais-score") == (set(), set())


def test_every_required_status_has_its_value_set():
    """Every column that FHIR binds and requires is checked against the value set."""
    for file in dataset_files("silver"):
        for column in columns("silver", file.stem):
            rules = [rule for rule in column.get("quality", []) if "metric" in rule]
            metrics = {rule["metric"]: rule["severity"] for rule in rules}
            if column["name"] in {"status", "intent", "actuality"} and "nullValues" in metrics:
                assert metrics == {"nullValues": "error", "invalidValues": "error"}, file.stem
