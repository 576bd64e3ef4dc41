"""The commands about the policy answer programs as they answer people, and say what is wrong."""

import json
from pathlib import Path

import pytest

from a360.cli import _carriers, _policy
from a360.cli._main import run
from a360.contract import load_contracts, make_plan
from a360.trust.policy import Policy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def policy():
    """The policy of the lake, read once."""
    return Policy(make_plan(load_contracts(ROOT / "contracts")))


@pytest.fixture
def told(monkeypatch, capsys, policy):
    """Run a command; its exit code, its answer in JSON, and what went wrong."""
    monkeypatch.chdir(ROOT)
    for module in (_policy, _carriers):
        monkeypatch.setattr(module, "policy_of", lambda _: policy)

    def call(*arguments):
        code = run([*arguments, "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out or "null"), err

    return call


def test_a_decision_is_told_with_every_rule(told):
    """A column's answer has what is shown, the rows, and the rules that decided, for each purpose."""
    code, answers, _ = told("grants", "explain", "data_scientist", "silver.patient.birth_date")
    assert code == 0
    assert [answer["purpose"] for answer in answers] == ["operations", "research"]
    assert all(answer["allowed"] and answer["rows"] == [] for answer in answers)
    [column] = [answer["columns"] for answer in answers if answer["purpose"] == "research"]
    assert column == {
        "birth_date": {"shown": "year", "rules": ["grant 6 (role data_scientist)", "mask year_of_birth"]}
    }


def test_a_hidden_column_is_told_as_one(told):
    """A column that is not shown is not allowed, though others of its table are."""
    _, [answer], _ = told("grants", "explain", "platform_engineer", "ops.lineage_event.payload")
    assert answer["allowed"]
    _, [answer], _ = told("grants", "explain", "compliance_officer", "quarantine.patient.payload")
    assert not answer["allowed"]
    assert answer["columns"]["payload"] == {"shown": "hidden", "rules": ["no grant reaches it"]}


@pytest.mark.parametrize(
    "arguments",
    [
        ("grants", "explain", "mallory", "silver.patient"),
        ("grants", "explain", "analyst", "silver.patients"),
        ("grants", "explain", "analyst", "gold.patient_360.shoe_size"),
        ("grants", "explain", "clinician", "gold.visit_facts", "--attribute", "organization_id"),
        ("grants", "review", "gold.nothing"),
        ("grants", "carriers", "king__conquest"),
    ],
)
def test_a_name_that_is_not_there_is_said_with_those_that_are(told, arguments):
    """What is not there is the caller's mistake, and the answer names what is."""
    code, _, err = told(*arguments)
    assert code == 2
    assert json.loads(err)["found"] or "NAME=VALUE" in err


def test_a_review_is_complete_for_programs(told):
    """JSON has every table of every principal, with the columns that show and those under a mask."""
    _, answer, _ = told("grants", "review")
    [patients] = [
        each
        for each in answer["access"]
        if (each["principal"], each["purpose"], each["dataset"])
        == ("analyst", "operations", "gold.patient_360")
    ]
    assert patients["masked"] == ["patient_key"]
    assert "birth_year" in patients["columns"]


def test_carriers_are_plain_data(told):
    """What Lake Formation is told is there in full, the SQL of views included."""
    _, answer, _ = told("grants", "carriers", "analyst__operations")
    assert answer["principals"] == ["analyst__operations"]
    assert {"resource": "gold", "tags": {"zone": "gold"}} in answer["assignments"]
    assert all(each["sql"].startswith("CREATE OR REPLACE PROTECTED") for each in answer["views"])
    assert {each["dataset"] for each in answer["filters"]} >= {"silver.location"}


def test_the_policy_means_what_its_examples_say(told):
    """Every example that comes with the lake holds."""
    code, answers, _ = told("policy", "test")
    assert code == 0
    assert answers
    assert all(each["passed"] for each in answers)
