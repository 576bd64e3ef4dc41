import csv
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]


def test_tables_are_a_bare_array(a360):
    """`tables --json` is a bare array of objects with six names, and snapshot ids are strings."""
    rows = a360("tables", "--json").json()
    assert {tuple(sorted(row)) for row in rows} == {
        ("bytes", "files", "name", "namespace", "rows", "snapshot_id")
    }
    assert all(isinstance(row["snapshot_id"], str) for row in rows if row["rows"])


def test_run_without_news_commits_nothing(a360):
    """`run` on a lake that is up to date is a no-op that exits 0."""
    steps = a360("run", "--json").json()
    assert steps
    assert all(step["commit_id"] is None for step in steps)


def test_show_has_columns_and_rows(a360):
    """`show` has a column's name, type, sensitivity and meaning, and as many rows as were asked for."""
    shown = a360("show", "gold.patient_360", "--rows", 2, "--json").json()
    assert shown["name"] == "gold.patient_360"
    assert len(shown["rows"]) == 2
    assert [column["name"] for column in shown["columns"]] == list(shown["rows"][0])
    assert all(column["sensitivity"] and column["description"] for column in shown["columns"])


def test_history_is_newest_first(a360):
    """`history` lists snapshots from the newest on; each names the commit it came with."""
    snapshots = a360("history", "silver.patient", "--json").json()
    assert [each["timestamp"] for each in snapshots] == sorted(
        (each["timestamp"] for each in snapshots), reverse=True
    )
    assert all(isinstance(each["snapshot_id"], str) and each["commit_id"] for each in snapshots)


def test_lineage_goes_both_ways(a360):
    """`lineage` names what a dataset is made from, and what is made from it."""
    node = a360("lineage", "silver.encounter", "--json").json()
    assert "bronze.fhir_resource" in node["upstream"]
    assert "gold.visit_facts" in node["downstream"]


def test_check_measures_every_dataset(a360):
    """`check` reports each dataset with its score and its rules."""
    report = a360("check", "--json").json()
    assert {"silver.patient", "gold.patient_360"} <= {each["dataset"] for each in report}


@pytest.mark.parametrize("command", ["run", "check"])
def test_missing_vocabularies_are_told_of_what_was_gone_through(a360, command):
    """A vocabulary that is not loaded is told where a dataset of the command needs it, and not elsewhere."""
    wanted = "http://hl7.org/fhir/sid/icd-10-cm is not loaded"
    needing, others = a360(command, "silver.condition"), a360(command, "silver.patient")
    assert (needing.code, others.code) == (0, 0)
    assert wanted in f"{needing.out}{needing.err}".replace("\n", " ")
    assert "is not loaded" not in f"{others.out}{others.err}".replace("\n", " ")


def test_doctor_finds_a_healthy_lake(a360):
    """A lake that the demo left is well in every respect."""
    assert [check["name"] for check in a360("doctor", "--json").json() if not check["ok"]] == []


def test_doctor_names_a_misspelt_variable(a360, monkeypatch):
    """A variable that looks like a setting and is none makes the doctor exit 5 and say so."""
    monkeypatch.setenv("A360_MEMORY_LIMTI", "4GB")
    result = a360("doctor", "--json")
    assert result.code == 5
    (unwell,) = [check for check in json.loads(result.out) if not check["ok"]]
    assert "A360_MEMORY_LIMTI" in unwell["found"]


def test_plan_of_a_lake_up_to_date_is_nothing(a360):
    """Once applied, the plan has nothing to do."""
    assert {change["action"] for change in a360("plan", "--json").json()} == {"nothing"}
    assert "--impact" not in a360("plan").out


def test_plan_without_a_lake_makes_none(a360, tmp_path):
    """`plan` on a folder that is no lake shows what a new one would get, and leaves the folder alone."""
    changes = a360("plan", "--lake", tmp_path / "lake", "--json").json()
    assert {change["action"] for change in changes} == {"create"}
    assert list(tmp_path.iterdir()) == []


def test_lint_of_our_own_contracts_finds_nothing(a360):
    """The contracts that travel with the product are without fault."""
    assert a360("lint", "--json").json() == []


def test_lint_exits_3_on_faults(a360, tmp_path):
    """Faults are listed with file, line and code, and the command exits 3."""
    (tmp_path / "lake.yaml").write_text("name: [\n")
    faults = a360("lint", tmp_path, "--json").json()
    assert faults
    assert all({"file", "line", "code", "message"} <= set(fault) for fault in faults)


def test_lint_fix_gives_missing_field_ids(a360, tmp_path):
    """`lint --fix` numbers a column without an id, in contract and ledger, and is then content."""
    contracts = tmp_path / "contracts"
    shutil.copytree(ROOT / "contracts", contracts)
    shutil.copytree(ROOT / "environments", tmp_path / "environments")
    contract = contracts / "silver" / "location.yaml"
    text = contract.read_text()
    assert "{property: a360.fieldId, value: 3}" in text
    contract.write_text(text.replace("          - {property: a360.fieldId, value: 3}\n", "", 1))
    assert a360("lint", contracts, "--json").json()
    assert a360("lint", contracts, "--fix", "--json").json() == []
    assert "a360.fieldId, value: 3" in contract.read_text()


def test_query_answers_on_screen_and_in_json(a360):
    """A query is a table for a person and objects for a program; `-` reads it from standard input."""
    sql = "SELECT count(*) AS n, sum(visits) AS visits FROM gold.patient_360"
    (row,) = a360("query", sql, "--json").json()
    assert row["n"] > 20
    assert isinstance(row["visits"], int)
    shown = a360("query", "-", typed=sql).out.split()
    assert shown[0] == "n"
    assert str(row["n"]) in shown


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json", "arrow"])
def test_query_writes_a_file(a360, tmp_path, suffix):
    """`--output` writes the whole answer in the format of the name, and says how many rows it has."""
    path = tmp_path / f"answer.{suffix}"
    sql = "SELECT patient_key, visits FROM gold.patient_360 ORDER BY 1"
    told = a360("query", sql, "--output", path, "--json").json()
    rows = a360("query", sql, "--json").json()
    assert told == {"output": str(path), "rows": len(rows)}
    read = {
        "csv": lambda: list(csv.DictReader(path.read_text().splitlines())),
        "json": lambda: json.loads(path.read_text()),
        "parquet": lambda: pq.read_table(path).to_pylist(),
        "arrow": lambda: pa.ipc.open_file(path.read_bytes()).read_all().to_pylist(),
    }[suffix]()
    assert [row["patient_key"] for row in read] == [row["patient_key"] for row in rows]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("DELETE FROM gold.patient_360", 6),
        ("SELECT * FROM read_csv('/etc/passwd')", 6),
        ("SELECT 1; SELECT 2", 2),
        ("SELEC 1", 2),
        ("SELECT nothing_of_this_name FROM gold.patient_360", 2),
    ],
)
def test_query_reads_tables_and_nothing_else(a360, sql, code):
    """What is no single SELECT over the lake's tables is refused, with the exit code of who must act."""
    result = a360("query", sql, "--json")
    assert result.code == code, result.err
    assert result.out == ""


@pytest.mark.parametrize("command", ["show", "history", "lineage"])
def test_unknown_dataset_is_a_usage_error(a360, command):
    """A dataset that no contract declares is told as such."""
    result = a360(command, "gold.no_such", "--json")
    assert result.code == 2
    assert json.loads(result.err)["code"] == "unknown-dataset"


@pytest.mark.parametrize("command", [["ingest", "telepathy", "."], ["ingest", "fhir", "no/such/file"]])
def test_ingest_of_what_is_not_there_makes_no_lake(a360, tmp_path, command):
    """An unknown KIND says which exist, a missing path is named, and no lake is left behind."""
    result = a360("--lake", tmp_path / "lake", *command)
    assert result.code == (2 if "telepathy" in command else 5)
    assert "fhir" in result.err or "no/such/file" in result.err
    assert not (tmp_path / "lake").exists()
