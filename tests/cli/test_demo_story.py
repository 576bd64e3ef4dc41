import json
import re

import pytest

pytestmark = pytest.mark.e2e

PARTS = ("landed", "quarantined", "duplicates", "unchanged", "superseded", "filtered")


def test_demo_fills_every_zone(demo_lake):
    """The demo leaves rows in bronze, silver and gold, and rejects in quarantine."""
    filled = {row["namespace"] for row in demo_lake.report["tables"] if row["rows"]}
    assert filled == {"bronze", "silver", "gold", "quarantine", "ops"}
    assert demo_lake.report["changed"] is True


def test_demo_accounts_for_what_it_read(demo_lake):
    """Every step up to silver says what became of each unit it read."""
    steps = [step for step in demo_lake.report["steps"] if not step["dataset"].startswith("gold.")]
    assert len(steps) > 15
    assert sum(step["read"] for step in steps) > 1000
    assert all(step["read"] == sum(step[part] for part in PARTS) for step in steps)


def test_demo_scores_every_dataset(demo_lake):
    """Every dataset with rules has a score between 0 and 100, and dirty data has kept some below 100."""
    scores = [each["score"] for each in demo_lake.report["quality"] if each["rules"]]
    assert all(0 < score <= 100 for score in scores)
    assert min(scores) < 100


def test_demo_shows_tokens_for_patients(demo_lake):
    """The samples of gold hold tokens where a patient is meant."""
    samples = demo_lake.report["samples"]
    of_patients, of_clinics = list(samples)[:3], list(samples)[3:]
    assert of_patients == ["gold.patient_360", "gold.visit_facts", "gold.treatment_outcomes"]
    assert of_clinics == ["gold.membership_revenue", "gold.schedule_utilisation"]
    keys = [row["patient_key"] for name in of_patients for row in samples[name]]
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)
    assert all(samples[name] and "patient_key" not in samples[name][0] for name in of_clinics)


def test_demo_leaves_nothing_beside_the_lake(demo_lake):
    """The generated files are gone afterwards: the lake keeps nothing in clear."""
    assert not list((demo_lake.path / "tmp").glob("**/*.ndjson*"))
    assert demo_lake.path.stat().st_mode & 0o077 == 0


def test_second_demo_commits_nothing_and_says_so(demo_lake, a360):
    """Run again, the demo changes no snapshot and says that nothing is new."""
    assert "Nothing new" in demo_lake.again
    now = {(row["namespace"], row["name"]): row for row in a360("tables", "--json").json()}
    for row in demo_lake.report["tables"]:
        if row["namespace"] != "ops":
            assert row == now[row["namespace"], row["name"]]


def test_report_ends_with_what_to_do_next(demo_lake, a360):
    """The report says where the lake lies, and the three commands it names work as they are printed."""
    told = demo_lake.again.splitlines()
    assert str(demo_lake.path) in told[-4]
    for line in told[-3:]:
        command = re.fullmatch(r'  \S*a360 (query|show|lineage) (?:"(.+)"|(\S+))', line)
        result = a360(command[1], command[2] or command[3])
        assert result.code == 0, result.err
        assert len(result.out.splitlines()) > 3


def test_own_data_is_not_mixed_with_generated_data(a360, tmp_path):
    """A lake of generated data refuses a user's own, and the other way round."""
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1980-01-02"}
    own = tmp_path / "own"
    own.mkdir()
    (own / "Patient.ndjson").write_text(json.dumps(patient))
    refused = a360("demo", "--input", own, "--json")
    assert refused.code == 2
    assert json.loads(refused.err.splitlines()[-1])["code"] == "input-mixed"
    lake = tmp_path / "own lake"
    report = a360("--lake", lake, "demo", "--input", own, "--json").json()
    (patients,) = [row for row in report["tables"] if row["name"] == "patient" and row["rows"]]
    assert (patients["namespace"], patients["rows"]) == ("silver", 1)
    assert a360("--lake", lake, "demo", "--patients", 5).code == 2


def test_misspelt_input_leaves_no_lake(a360, tmp_path):
    """An input that does not exist is told before a lake is made."""
    result = a360("--lake", tmp_path / "lake", "demo", "--input", tmp_path / "nowhere")
    assert result.code == 5
    assert "[input-missing]" in result.err
    assert list(tmp_path.iterdir()) == []
