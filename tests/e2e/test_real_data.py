"""Real data end to end: nothing is lost, nothing is changed, everything that can join does."""

import json
from collections import Counter
from pathlib import Path

import pytest
from lakes import snapshots
from silver_wanted import SILVER, assert_holds, columns, wanted_rows

pytestmark = pytest.mark.e2e

NAMES = ["clean_lake", "dirty_lake"]


@pytest.fixture(scope="session", params=NAMES)
def real(request):
    """A lake of real data, its input folder, and the reports."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def wanted(real, tmp_path_factory):
    """What silver must hold, by the oracle, with the lake's tokens."""
    lake, folder, _ = real
    return wanted_rows(tmp_path_factory, folder.name, lake, sorted(folder.glob("*.ndjson")))


def lines(folder):
    """The lines of the input, each once as it stands in its file, by type."""
    found = {}
    for file in sorted(Path(folder).glob("*.ndjson")):
        found[file.stem] = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return found


def test_every_line_is_in_bronze_refused_or_a_duplicate(real):
    """Each resource of the input is in bronze or in quarantine once; equal lines count as duplicates."""
    lake, folder, reports = real
    by_type = lines(folder)
    everything = [line for some in by_type.values() for line in some]
    [step] = reports["ingest"]
    assert step["read"] == len(everything)
    assert step["duplicates"] == len(everything) - len(set(everything))
    held = lake.query(
        "SELECT resource_type, count(*) AS n FROM bronze.fhir_resource GROUP BY ALL"
    ).to_pylist()
    refused = lake.query("SELECT count(*) AS n FROM quarantine.fhir_resource")["n"][0].as_py()
    assert refused == step["quarantined"] == 0
    assert {row["resource_type"]: row["n"] for row in held} == {
        kind: len(set(some)) for kind, some in by_type.items()
    }


def test_the_clean_set_has_two_duplicates(clean_lake):
    """Of the clean set's 4120 resources two are there twice."""
    [step] = clean_lake[2]["ingest"]
    assert (step["read"], step["landed"], step["duplicates"]) == (4120, 4118, 2)


def test_counts_of_every_step_add_up(real):
    """What a step read is what landed, was refused, repeated, unchanged, superseded or left out."""
    _, _, reports = real
    parts = ("landed", "quarantined", "duplicates", "unchanged", "superseded", "filtered")
    for step in [*reports["ingest"], *reports["run"]]:
        if not step["dataset"].startswith("gold."):
            assert step["read"] == sum(step[part] for part in parts), step["dataset"]


@pytest.mark.parametrize("dataset", SILVER)
def test_silver_is_what_a_plain_reading_of_the_files_gives(real, wanted, dataset):
    """Every column of every row of silver has the value that reading the files the obvious way gives."""
    lake, _, _ = real
    assert_holds(lake, dataset, wanted[dataset])
    assert not any(lake.table(f"silver.{dataset}")["deleted"].to_pylist())


@pytest.mark.parametrize(
    "dataset", [name for name in SILVER if any("relationships" in c for c in columns(name))]
)
def test_references_join_where_their_target_is_in_the_input(real, wanted, dataset):
    """Of the references that lead to a resource of the input, all find its row in silver."""
    lake, _, _ = real
    there = {name: {next(iter(row.values())) for row in rows} for name, rows in wanted.items()}
    for column in columns(dataset):
        for link in column.get("relationships", []):
            target, key = link["to"].split(".")
            if target == dataset or len(column["relationships"]) > 1:
                continue
            leading = sum(row[column["name"]] in there[target] for row in wanted[dataset])
            joined = lake.query(
                f"SELECT count(*) AS n FROM silver.{dataset} AS s "
                f"JOIN silver.{target} AS t ON s.{column['name']} = t.{key} AND s.source = t.source"
            )
            assert joined["n"][0].as_py() == leading, column["name"]


def test_at_least_99_percent_of_the_references_in_the_files_join(real):
    """Counted on the raw files: of the subjects, patients, encounters and places named, 99 % are found."""
    lake, folder, _ = real
    keys = {"subject": "patient_key", "patient": "patient_key", "encounter": "encounter_id"}
    tables = {"Encounter", "Condition", "Observation", "Procedure", "MedicationRequest", "Immunization"}
    by_type = {
        kind: [json.loads(line) for line in set(some)]
        for kind, some in lines(folder).items()
        if kind in tables
    }
    ids = {json.loads(line)["id"] for some in lines(folder).values() for line in some}
    counted = Counter()
    for kind, resources in by_type.items():
        for element, column in keys.items():
            references = [r[element]["reference"] for r in resources if element in r]
            counted["leading"] += sum(each.removeprefix("urn:uuid:") in ids for each in references)
            if references:
                target = "patient" if column == "patient_key" else "encounter"
                table = {"MedicationRequest": "medication_request"}.get(kind, kind.lower())
                found = lake.query(
                    f"SELECT count(*) AS n FROM silver.{table} JOIN silver.{target} USING ({column})"
                )
                counted["joined"] += found["n"][0].as_py()
    assert counted["leading"] > 1000
    assert counted["joined"] >= 0.99 * counted["leading"]


def test_conditional_references_join(dirty_lake):
    """A reference that searches for an identifier finds the one resource of the input that has it."""
    lake, folder, _ = dirty_lake
    known = Counter(
        (kind, f"{each.get('system', '')}|{each['value']}")
        for kind, some in lines(folder).items()
        if kind in {"Practitioner", "Organization", "Location"}
        for line in set(some)
        for each in json.loads(line).get("identifier", [])
    )
    searches = [
        tuple(reference.split("?identifier="))
        for line in set(lines(folder)["Encounter"])
        for encounter in [json.loads(line)]
        for reference in [
            encounter["serviceProvider"]["reference"],
            encounter["location"][0]["location"]["reference"],
            encounter["participant"][0]["individual"]["reference"],
        ]
    ]
    resolvable = sum(known[search] == 1 for search in searches)
    joined = lake.query(
        "SELECT count(o.organization_id) + count(l.location_id) + count(p.practitioner_id) AS n "
        "FROM silver.encounter AS e LEFT JOIN silver.organization AS o USING (source, organization_id) "
        "LEFT JOIN silver.location AS l USING (source, location_id) "
        "LEFT JOIN silver.practitioner AS p USING (source, practitioner_id)"
    )
    assert resolvable > 10_000
    assert joined["n"][0].as_py() == resolvable


@pytest.mark.parametrize(
    ("gold", "key", "silver_table"),
    [
        ("patient_360", "patient_key", "patient"),
        ("visit_facts", "encounter_id", "encounter"),
        ("visit_facts", "patient_key", "patient"),
        ("provider_utilisation", "practitioner_id", "practitioner"),
        ("treatment_outcomes", "procedure_id", "procedure"),
        ("treatment_outcomes", "patient_key", "patient"),
    ],
)
def test_gold_joins_have_matches(real, gold, key, silver_table):
    """Every gold row finds the silver row that it speaks of."""
    lake, _, _ = real
    counts = lake.query(
        f"SELECT count(*) AS n, count(s.{key}) AS joined FROM gold.{gold} AS g "
        f"LEFT JOIN silver.{silver_table} AS s USING ({key}) WHERE g.{key} IS NOT NULL"
    ).to_pylist()[0]
    assert counts["n"] > 0
    assert counts["joined"] == counts["n"]


def test_dirty_codes_show_in_the_report(dirty_lake):
    """The padded codes labelled LOINC of the dirty set count as failures of a rule, and lower the score."""
    lake, folder, _ = dirty_lake
    padded = sum(
        code != code.strip() or len(code) > 10
        for line in set(lines(folder)["Observation"])
        for code in [json.loads(line)["code"]["coding"][0]["code"]]
    )
    [quality] = [each for each in lake.check().datasets if each.dataset == "silver.observation"]
    [rule] = [each for each in quality.results if each.rule == "code_shaped_as_loinc"]
    assert padded > 0
    assert rule.failed == padded
    assert quality.score < 100


def test_a_second_ingest_and_run_change_no_snapshot(real):
    """The same folder again: every unit is unchanged, nothing is committed, not even in `ops`."""
    lake, folder, reports = real
    before = snapshots(lake, ops=True)
    [step] = lake.ingest(folder).steps
    assert (step.commit_id, step.unchanged) == (None, reports["ingest"][0]["read"])
    assert not lake.run().changed
    assert snapshots(lake, ops=True) == before
