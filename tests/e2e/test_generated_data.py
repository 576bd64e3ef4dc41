"""The clinics' own data end to end: clean data arrives as it reads, and every kind of dirt shows."""

import json
from collections import Counter
from functools import partial

import pytest
from lakes import made_once, rows_of, steps_of
from silver_wanted import SILVER, assert_holds, wanted_rows

import a360
from a360.refine import RefineContext
from a360.synth import generate

pytestmark = pytest.mark.e2e

NOT_RESOURCES = {"OperationOutcome.ndjson"}


# What the generator writes beside FHIR, and the kind of ingest that takes it.
BESIDE = (
    ("csv", "extracts"),
    ("parquet", "extracts"),
    ("events", "events"),
    ("attachments", "photos"),
)
# No generated patient was ever merged or is there twice, and no visit moved. What takes identity out of notes
# is a job of its own.
NEVER = {
    *("silver.patient_link", "silver.encounter_move", "gold.patient_match"),
    *("gold.note_deidentified", "gold.note_review"),
}


def made(factory, name, *, patients, dirty, beside=()):
    """A lake of generated data, and what the generator says it wrote."""

    def make(into):
        report = generate(into / "in", patients=patients, seed=7, dirty=dirty)
        with a360.open(into / "lake") as lake:
            lake.ingest(into / "in")
            for kind, place in beside:
                lake.ingest(into / "in" / place, kind=kind)
            lake.run()
        (into / "report.json").write_text(json.dumps(report.to_json()))

    folder = made_once(factory, name, make)
    return folder, json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="session")
def clean(tmp_path_factory):
    """A lake of clean data, and the folder it came from."""
    folder, _ = made(tmp_path_factory, "generated", patients=40, dirty=0.0, beside=BESIDE)
    with a360.open(folder / "lake") as lake:
        yield lake, folder / "in"


@pytest.fixture(scope="session")
def wanted(clean, tmp_path_factory):
    """What silver must hold of the clean data."""
    lake, folder = clean
    files = [file for file in sorted(folder.glob("*.ndjson")) if file.name not in NOT_RESOURCES]
    return wanted_rows(tmp_path_factory, "generated", lake, files)


@pytest.mark.parametrize("dataset", SILVER)
def test_silver_is_what_a_plain_reading_of_the_export_gives(clean, wanted, dataset):
    """Every value of every row is what reading the export the obvious way gives."""
    lake, _ = clean
    assert_holds(lake, dataset, wanted[dataset])


def test_every_dataset_has_rows(clean):
    """The clinics' data reaches every silver and gold dataset, each with a score."""
    lake, _ = clean
    rows = {f"{table.namespace}.{table.name}": table.rows for table in lake.tables_info()}
    empty = {name for name, count in rows.items() if name.startswith(("silver.", "gold.")) and not count}
    assert empty <= NEVER
    scores = {quality.dataset: quality.score for quality in lake.check().datasets}
    # Codes of conditions are judged by a vocabulary that this lake has not loaded.
    assert {name for name, score in scores.items() if score is None or score <= 99} <= {"silver.condition"}
    assert not lake.check().blocking


@pytest.fixture(scope="session")
def dirty(tmp_path_factory):
    """A lake of dirty data, and how many records of each kind of dirt the generator wrote."""
    folder, report = made(tmp_path_factory, "generated-dirty", patients=60, dirty=0.1)
    with a360.open(folder / "lake") as lake:
        yield lake, report["dirty"]


def refusals(lake):
    """How many rows each rule has refused, each resource in the one dataset that is made of all of it."""
    counted = Counter()
    parts = {"observation_component", "identifier", "note"}
    for table in lake.tables_info():
        if table.namespace == "quarantine" and table.name not in parts:
            counted.update(row["rule"] for row in lake.table(f"quarantine.{table.name}").to_pylist())
    return counted


def test_what_cannot_be_read_is_refused_at_the_door(dirty):
    """Lines that are not JSON, not UTF-8, not FHIR or without id are in quarantine, every one of them."""
    lake, wrote = dirty
    counted = refusals(lake)
    assert counted["not-json"] == wrote["invalid_json"] + wrote["truncated"]
    assert counted["not-utf8"] == wrote["invalid_utf8"]
    assert counted["no-resource-type"] == wrote["not_fhir"]
    assert counted["missing-id"] == wrote["missing_id"]


def test_what_breaks_a_rule_is_refused_by_it(dirty):
    """Wrong shapes, dates that no calendar has, births to come, doses below zero: each by its rule."""
    lake, wrote = dirty
    counted = refusals(lake)
    assert counted["shape"] == wrote["wrong_type"]
    no_dates = sum(n for rule, n in counted.items() if rule.endswith(("_at-type", "_date-type")))
    assert no_dates == wrote["impossible_date"]
    assert counted["birth_date_not_in_future"] == wrote["future_birth_date"]
    assert counted["dose_quantity_not_negative"] == wrote["negative_dose"]
    assert counted["end_at_not_before_start_at"] == wrote["end_before_start"]
    assert counted["status_given"] + counted["subject_given"] == wrote["missing_required"]


def test_what_was_sent_twice_counts_as_duplicate(dirty):
    """Records that came byte for byte again are counted and kept once."""
    lake, wrote = dirty
    [ingested] = rows_of(lake, "SELECT sum(duplicates) AS n FROM ops.ingested_file")
    assert ingested["n"] == wrote["duplicate"]


def test_doubtful_codes_and_dangling_references_show(dirty):
    """The report counts codes that look wrong and references that lead nowhere, and lowers the score."""
    lake, wrote = dirty
    failed = Counter()
    for quality in lake.check().datasets:
        if quality.dataset.startswith("silver."):
            for result in quality.results:
                if not result.passed and result.failed is not None:
                    failed["code" if "code" in result.rule else "reference"] += result.failed
                    assert quality.score < 100
    assert failed["code"] > 0
    assert failed["reference"] >= wrote["dangling_reference"]


def test_a_full_run_gives_the_same_lake(dirty, monkeypatch):
    """Computed anew from bronze, a block at a time, no row of silver differs from what the first run made."""
    lake, _ = dirty
    monkeypatch.setattr("a360.refine.RefineContext", partial(RefineContext, batch_bytes=1))
    report = lake.run(full=True)
    silver = {name: step for name, step in steps_of(report).items() if name.startswith("silver.")}
    assert {step.output_rows for step in silver.values()} == {0}
    assert not lake.run().changed
