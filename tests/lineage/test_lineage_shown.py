"""Lineage as a tree, as JSON, as a drawing, and the impact of pending changes."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

import a360
from a360.cli._app import app
from a360.contract import default_contracts, load_contracts, make_plan
from a360.lineage import lineage_of, svg, tree

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def plan():
    """The shipped plan."""
    return make_plan(load_contracts(default_contracts()), "local")


def run(*words):
    """Run the command line in a folder without a lake."""
    return CliRunner().invoke(app, ["lineage", *words])


def test_the_tree_reads_from_gold_to_fhir(plan):
    """A column's tree ends at FHIR elements, and says how each is used."""
    lines = list(tree(lineage_of(plan, "gold.visit_facts.patient_age")))
    assert lines[0] == "gold.visit_facts.patient_age  (int, phi)"
    assert "   │" not in lines[0]
    assert any(line.strip(" │├└─").startswith("Patient.birthDate  (FHIR)") for line in lines)


def test_a_node_is_opened_once(plan):
    """However many ways lead to a dataset, its own lineage is told once: a tree stays short."""
    lines = list(tree(lineage_of(plan, "gold.patient_360", ("up",))))
    assert sum("bronze.fhir_resource" in line and "…" not in line for line in lines) == 1
    assert len(lines) < 110


def test_the_command_needs_no_lake(tmp_path, monkeypatch):
    """Contracts alone are enough: the command answers in a folder without a lake."""
    monkeypatch.setenv("A360_CONTRACTS", str(CONTRACTS))
    monkeypatch.chdir(tmp_path)
    told = json.loads(run("gold.visit_facts.patient_age", "--json").stdout)
    assert {"silver.encounter.start_date", "silver.patient.birth_date"} <= set(told["upstream"])
    assert told["elements"] == ["Encounter.period.start", "Patient.birthDate"]
    assert list(tmp_path.iterdir()) == []


def test_directions_and_depth(monkeypatch):
    """`--up` and `--down` show one side, `--depth` how far."""
    monkeypatch.setenv("A360_CONTRACTS", str(CONTRACTS))
    near = json.loads(run("silver.encounter", "--down", "--depth", "1", "--json").stdout)
    assert near["upstream"] == []
    assert {each["from"] for each in near["edges"]} == {"silver.encounter"}
    up = json.loads(run("silver.encounter", "--up", "--json").stdout)
    assert up["downstream"] == []
    assert "Encounter" in up["elements"]


def test_a_misspelt_name_is_the_callers(monkeypatch):
    """What is not there exits 2; `--json` and `--svg` at once, or no name, too."""
    monkeypatch.setenv("A360_CONTRACTS", str(CONTRACTS))
    for words in (
        ["gold.visits"],
        [],
        ["gold.visit_facts", "--svg", "--json"],
        ["gold.visit_facts", "--impact"],
    ):
        assert run(*words).exit_code != 0


@pytest.mark.parametrize(
    "name",
    ["gold.visit_facts.patient_age", "gold.patient_360", "Patient.birthDate", "silver.patient.ssn_token"],
)
def test_the_drawing_is_whole_in_itself(plan, name):
    """A drawing is well-formed, loads nothing, says what it shows, and suits light and dark screens."""
    text = svg(lineage_of(plan, name))
    root = ET.fromstring(text)
    assert root.find(f"{SVG}title").text == f"Lineage of {name}"
    assert not re.search(r"href|url\(|<script|@import|src=", text)
    assert "prefers-color-scheme:dark" in text


@pytest.mark.parametrize(
    "name", ["gold.patient_360.age_band", "gold.patient_360", "gold.provider_utilisation.practitioner_id"]
)
def test_names_fit_and_nothing_overlaps(plan, name):
    """Every name lies inside of its card, every card on the canvas, and no two cards meet."""
    root = ET.fromstring(svg(lineage_of(plan, name)))
    width, height = int(root.get("width")), int(root.get("height"))
    boxes = []
    for group in root.findall(f"{SVG}g"):
        box = group.find(f"{SVG}rect")
        if box is None:
            continue
        left, top, wide, high = (int(box.get(key)) for key in ("x", "y", "width", "height"))
        boxes.append((left, top, left + wide, top + high))
        for text in group.findall(f"{SVG}text"):
            size = 7.85 if text.get("class") == "name" else 7.25  # the widest of the faces that may be taken
            assert int(text.get("x")) + len(text.text) * size <= left + wide
    assert all(left >= 0 and right <= width and top >= 0 and low <= height for left, top, right, low in boxes)
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_the_drawing_goes_to_a_file(tmp_path, monkeypatch):
    """`--output` writes the drawing; a folder that is not there is told."""
    monkeypatch.setenv("A360_CONTRACTS", str(CONTRACTS))
    assert run("gold.visit_facts", "--output", str(tmp_path / "v.svg")).exit_code == 0
    assert (tmp_path / "v.svg").read_text("utf-8").startswith("<svg")
    assert run("gold.visit_facts", "--output", str(tmp_path / "no" / "v.svg")).exit_code != 0


def test_the_impact_is_known_before_a_change_is_applied(tmp_path):
    """A widened silver column names the gold columns that use it, and nothing is changed by asking."""
    contracts = tmp_path / "contracts"
    shutil.copytree(CONTRACTS, contracts)
    with a360.open(tmp_path / "lake", contracts=contracts) as lake:
        lake.apply()
        assert lake.impact() == []
    path = contracts / "silver" / "patient.yaml"
    text = path.read_text("utf-8")
    before = "- {property: a360.sensitivity, value: phi}"
    at = text.index(before, text.index("name: birth_date"))
    path.write_text(text[:at] + before.replace("phi", "operational") + text[at + len(before) :], "utf-8")
    with a360.open(tmp_path / "lake", contracts=contracts) as lake:
        impact = {each.column: each for each in lake.impact() if each.dataset == "silver.patient"}
    affected = {str(each) for each in impact["birth_date"].affected}
    assert {"gold.patient_360.birth_year", "gold.visit_facts.patient_age"} <= affected
    assert "gold.patient_360.gender" not in affected
