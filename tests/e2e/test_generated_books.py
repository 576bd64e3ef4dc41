"""Extracts and events of the generator end to end: clean ones arrive as they read, every flaw shows."""

import json
import pickle
from collections import Counter

import pytest
from lakes import made_once, rows_of
from record_oracle import READINGS, records
from silver_oracle import latest, read
from silver_tokens import tokenised
from silver_wanted import assert_holds, domains

import a360
from a360.protect import LocalKeyStore, LocalTokenizer
from a360.synth import generate

pytestmark = pytest.mark.e2e

WAYS = (("csv", "extracts"), ("parquet", "extracts"), ("events", "events"))


def made(factory, name, *, patients, dirty):
    """A lake with a generated export, its extracts and its events, and what the generator tells of them."""

    def make(into):
        kinds = ("extracts", "events")
        report = generate(into / "in", patients=patients, seed=7, dirty=dirty, kinds=kinds)
        told = report.to_json()
        with a360.open(into / "lake") as lake:
            told["fhir"] = lake.ingest(into / "in").to_json()
            told["ways"] = {
                kind: lake.ingest(into / "in" / place, kind=kind).to_json() for kind, place in WAYS
            }
            lake.run()
        (into / "report.json").write_text(json.dumps(told))

    folder = made_once(factory, name, make)
    return folder, json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="session")
def clean(tmp_path_factory):
    """A lake of clean books, and the folder it came from."""
    folder, _ = made(tmp_path_factory, "books", patients=60, dirty=0.0)
    with a360.open(folder / "lake") as lake:
        yield lake, folder / "in"


@pytest.fixture(scope="session")
def wanted(clean, tmp_path_factory):
    """What silver must hold of the clean books, in the tokens of the lake."""
    lake, folder = clean

    def make(into):
        resources = latest(
            read(*(file for file in folder.glob("*.ndjson") if file.stem != "OperationOutcome"))
        )
        plain = records(folder, resources)
        tokenizer = LocalTokenizer(LocalKeyStore.open(lake.path / "keys"))
        rows = {name: tokenised(rows, domains(name), tokenizer, "default") for name, rows in plain.items()}
        (into / "rows").write_bytes(pickle.dumps(rows))

    return pickle.loads((made_once(tmp_path_factory, "books-oracle", make) / "rows").read_bytes())


@pytest.mark.parametrize("dataset", READINGS)
def test_silver_is_what_a_plain_reading_of_the_files_gives(clean, wanted, dataset):
    """Every value of every row is what reading the files the obvious way gives."""
    lake, _ = clean
    assert len(wanted[dataset]) > 1
    assert_holds(lake, dataset, wanted[dataset])


def test_clean_books_raise_no_doubt(clean):
    """Nothing clean is refused, and no rule fails but that some lots are in no stock."""
    lake, _ = clean
    failed = {
        (quality.dataset, result.rule)
        for quality in lake.check().datasets
        for result in quality.results
        if not result.passed
        and (quality.dataset.split(".")[1] in READINGS or quality.dataset == "gold.lot_trace")
    }
    assert failed == {("gold.lot_trace", "received_lots_are_in_stock")}
    assert rows_of(lake, "SELECT * FROM quarantine.record") == []


def test_a_recall_is_answered_in_one_query(clean, wanted):
    """The patients of a recalled lot are found by its number, as tokens that silver knows."""
    lake, _ = clean
    found = rows_of(
        lake,
        "SELECT DISTINCT p.patient_key FROM gold.lot_trace AS t JOIN silver.patient AS p USING (patient_key) "
        "WHERE t.is_recalled AND p.is_current",
    )
    assert found
    assert {row["lot_recall_id"] for row in wanted["lot_recall"]}


@pytest.fixture(scope="session")
def dirty(tmp_path_factory):
    """A lake of flawed books, and what the generator tells of the flaws."""
    folder, told = made(tmp_path_factory, "books-dirty", patients=80, dirty=0.1)
    with a360.open(folder / "lake") as lake:
        yield lake, told


def flaws(told, *kinds):
    """How many flaws of some kinds each record has."""
    return {
        record: sum(counts.get(kind, 0) for kind in kinds)
        for record, counts in told["other"]["flaws"].items()
        if any(kind in counts for kind in kinds)
    }


def test_what_cannot_be_read_is_refused_at_the_door(dirty):
    """Rows without key and torn rows and events are in quarantine, each with its line."""
    lake, told = dirty
    refused = rows_of(lake, "SELECT rule, reason FROM quarantine.record")
    rules = Counter(row["rule"] for row in refused)
    assert rules["missing-key"] == sum(flaws(told, "missing_key").values())
    assert rules["ragged-row"] + rules["not-json"] == sum(flaws(told, "torn").values())
    assert all("line " in row["reason"] for row in refused)


def test_every_flaw_is_refused_where_it_is_read(dirty):
    """Cells that are no numbers or dates, rows that cannot be and keys of other events: no more, no less."""
    lake, told = dirty
    refused = len(rows_of(lake, "SELECT rule FROM quarantine.record"))
    refused += sum(len(rows_of(lake, f"SELECT rule FROM quarantine.{record}")) for record in READINGS)
    kinds = ("missing_key", "torn", "bad_cell", "broken_rule", "key_reused")
    assert refused == sum(flaws(told, *kinds).values())


def test_patients_nobody_knows_are_counted(dirty):
    """A row of an unknown patient lands, and says that its reference leads nowhere."""
    lake, told = dirty
    # Patients who are refused themselves are unknown to their rows as well.
    for record, count in flaws(told, "dangling").items():
        found = rows_of(lake, f"SELECT * FROM silver.{record} WHERE unresolved_references > 0")
        assert len(found) >= count, record


def test_what_is_read_is_all_accounted_for(dirty):
    """Every line that the generator wrote was read, and is landed, refused or a duplicate."""
    _, told = dirty
    wrote = Counter()
    for kind, files in told["other"]["files"].items():
        for file in files:
            wrote["parquet" if file["url"].endswith("parquet") else {"extracts": "csv"}.get(kind, kind)] += (
                file["count"]
            )
    for kind, (report,) in told["ways"].items():
        assert report["read"] - report["filtered"] == wrote[kind]
