"""The commands of the group `contract`: answers on standard output, what got lost beside them."""

import json
import shutil

import pytest
import yaml

from a360.contract import default_contracts, lint

CSV = "Visit ID,status\n" + "".join(
    f"V{number},{'booked' if number % 2 else 'arrived'}\n" for number in range(20)
)


@pytest.fixture
def visits(tmp_path):
    """A CSV file."""
    path = tmp_path / "visits.csv"
    path.write_text(CSV)
    return path


def test_a_schema_is_printed_or_written(a360, tmp_path):
    """A kind is printed as JSON, all kinds go into a folder, and neither is a usage error."""
    assert json.loads(a360("contract", "schema", "lake").out)["type"] == "object"
    assert a360("contract", "schema", "--output", tmp_path / "schema").code == 0
    assert len(list((tmp_path / "schema").iterdir())) == 3
    assert a360("contract", "schema").code == 2


def test_an_export_is_piped_and_its_losses_told_beside_it(a360):
    """Standard output has the format alone; standard error names what it cannot say; --json has both."""
    told = a360("contract", "export", "gold.patient_360", "--to", "dbt")
    assert yaml.safe_load(told.out)["models"][0]["name"] == "patient_360"
    assert "dbt cannot say: gold.patient_360: a360.refresh" in told.err
    answer = a360("contract", "export", "gold.patient_360", "--to", "dbt", "--json").json()
    assert answer["text"] == told.out
    assert any("a360.refresh" in each for each in answer["lost"])


def test_an_import_reads_what_an_export_wrote(a360, tmp_path):
    """Through a pipe, and into a folder of contracts; a file that is there stays unless --force is given."""
    sql = a360("contract", "export", "gold.visit_facts", "--to", "sql", "--dialect", "postgres").out
    piped = a360("contract", "import", "-", "--from", "sql", "--dialect", "postgres", typed=sql)
    assert yaml.safe_load(piped.out)["id"] == "gold.visit_facts"
    (tmp_path / "a.sql").write_text(sql)
    asked = ("contract", "import", tmp_path / "a.sql", "--from", "sql", "--dialect", "postgres")
    assert a360(*asked, "--output", tmp_path / "contracts").code == 0
    assert (tmp_path / "contracts/gold/visit_facts.yaml").read_text() == piped.out
    assert a360(*asked, "--output", tmp_path / "contracts").code == 2
    assert a360(*asked, "--output", tmp_path / "contracts", "--force").code == 0


@pytest.mark.parametrize(
    "asked",
    [
        ("export", "gold.none", "--to", "dbt"),
        ("export", "gold.visit_facts", "--to", "sql", "--dialect", "klingon"),
        ("export", "gold.visit_facts", "--to", "word"),
        ("import", "-", "--from", "sql", "--dialect", "klingon"),
        ("import", "-", "--from", "json-schema"),
        ("infer", "table.xlsx"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(a360, asked, tmp_path, monkeypatch):
    """A dataset, format, dialect or file that cannot be is said to be none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.xlsx").write_bytes(b"x")
    assert a360("contract", *asked, typed="nothing of the kind").code == 2


def test_a_draft_is_refused_until_its_sensitivities_are_said(a360, visits, tmp_path):
    """`infer` writes a file into the folder, tells the key, and lint finds what a person has to say."""
    told = a360("contract", "infer", visits, "--zone", "gold", "--output", tmp_path / "contracts")
    assert told.code == 0
    assert "key visit_id" in told.err
    codes = {fault.code for fault in lint(tmp_path / "contracts")}
    assert "C301" in codes
    answer = a360("contract", "infer", visits, "--name", "seen", "--json").json()
    assert (answer["dataset"], answer["key"], answer["rows"]) == ("silver.seen", ["visit_id"], 20)


def test_a_fix_says_what_it_did(a360, visits, tmp_path):
    """`lint --fix` names each thing it mended on standard error, and what is left on standard output."""
    folder = tmp_path / "contracts"
    a360("contract", "infer", visits, "--zone", "bronze", "--output", folder)
    path = folder / "bronze/visits.yaml"
    path.write_text(path.read_text().replace("physicalType: string", "physicalType: TEXT", 1))
    told = a360("lint", folder, "--fix")
    assert told.code == 3
    assert "the type TEXT is called string" in told.err
    assert "bronze.visits.visit_id: field id 1" in told.err
    assert "C301" in told.out


def test_a_refused_plan_says_the_way_out(a360, demo_lake, tmp_path, monkeypatch):
    """A change that would lose data is shown with what readers see and what to do instead; it exits 3."""
    folder = shutil.copytree(default_contracts(), tmp_path / "contracts")
    path = folder / "gold/provider_utilisation.yaml"
    text = path.read_text()
    path.write_text(text.replace('"decimal(9,4)"', '"decimal(9,3)"'))
    assert path.read_text() != text
    monkeypatch.setenv("A360_CONTRACTS", str(folder))
    told = a360("plan")
    assert told.code == 3
    for part in (
        "REFUSED  no_show_rate would change from decimal(9, 4) to decimal(9,3)",
        "readers:",
        "instead:",
        "a360 lineage --impact",
    ):
        assert part in told.out
    [change] = [each for each in a360("plan", "--json").json() if each["action"] == "refuse"]
    assert {"kind", "what", "readers", "snapshots", "breaking", "refused", "instead"} <= set(
        change["findings"][0]
    )
