"""Models are held to the contracts they read and make, and sensitivity follows lineage."""

# ruff: noqa: E501 - a case is read along its lines

import re
import shutil
from pathlib import Path

import pytest

from a360.contract import default_contracts, load_contracts, mend_models
from a360.errors import ContractError
from a360.lake import lint
from a360.lake._lint import require_sound

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


@pytest.fixture
def contracts(tmp_path):
    """A copy of the shipped contracts, to be broken."""
    shutil.copytree(CONTRACTS, tmp_path / "contracts")
    return tmp_path / "contracts"


def change(folder, file, old, new):
    """Replace the first of what stands in a file."""
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def found(folder, *codes):
    """The faults of these codes."""
    return [fault for fault in lint(folder) if fault.code in codes]


MODEL = "models/provider_utilisation.sql"
CASES = [
    ("C531", MODEL, "pr.given_name", "pr.first_name", "first_name"),
    ("C531", MODEL, "SUM(minutes_duration)", "SUM(duration)", "duration"),
    ("C531", MODEL, "visits.encounters", "stays.encounters", "stays.encounters"),
    ("C532", MODEL, "  m.source,\n", "  source,\n", "source"),
    ("C533", MODEL, "COALESCE(visits.encounters, 0) AS", "CAST(visits.encounters AS INT) AS", "encounters as int"),
    ("C534", MODEL, "  m.month,\n", "  m.month,\n  m.month,\n", "month"),
    ("C541", "gold/patient_360.yaml", "value: phi", "value: operational", "silver.patient.gender"),
    ("C541", "gold/provider_utilisation.yaml", ', value: "aggregated: over', '.x, value: "aggregated: over', "encounters"),
    ("C543", "gold/provider_utilisation.yaml", "aggregated: over all patients of a practitioner and month", "trust me", "trust me"),
    ("C543", "gold/provider_utilisation.yaml", "aggregated: over all patients of a practitioner and month", "hashed: a good and long reason", "hashed"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "file", "old", "new", "said"), CASES)
def test_a_broken_model_is_told(contracts, code, file, old, new, said):
    """Each fault has its code, and names what is wrong."""
    change(contracts, file, old, new)
    faults = found(contracts, code)
    assert faults
    assert any(said in fault.message for fault in faults)


def test_a_fault_stands_where_the_model_has_it(contracts):
    """The line of a fault is that of the name in the model."""
    change(contracts, MODEL, "pr.given_name", "pr.first_name")
    line = next(
        number
        for number, text in enumerate((contracts / MODEL).read_text("utf-8").splitlines(), 1)
        if "pr.first_name" in text
    )
    assert [fault.line for fault in found(contracts, "C531")] == [line]


def test_all_names_are_told_at_once(contracts):
    """Two names that are not there are two faults: nobody mends a model name by name."""
    change(contracts, MODEL, "pr.given_name", "pr.first_name")
    change(contracts, MODEL, "pr.family_name", "pr.last_name")
    assert len(found(contracts, "C531")) == 2


def test_a_claim_without_need_is_told(contracts):
    """A de-identification of what is not more sensitive is a fault: claims are to be few and true."""
    change(
        contracts,
        "gold/visit_facts.yaml",
        "- {property: a360.sensitivity, value: operational}",
        "- {property: a360.sensitivity, value: operational}\n"
        '          - {property: a360.deidentified, value: "aggregated: over all patients"}',
    )
    assert [fault.code for fault in found(contracts, "C542")] == ["C542"]


def test_rows_chosen_by_health_data_are_told(contracts):
    """A list of practitioners whose rows a diagnosis chooses is not harmless, whatever its columns say."""
    model = "SELECT source, practitioner_id FROM silver.condition WHERE code = 'B20' AND NOT deleted\n"
    (contracts / MODEL).write_text(model, "utf-8")
    path = contracts / "gold/provider_utilisation.yaml"
    lines = [line for line in path.read_text("utf-8").splitlines() if "a360.deidentified" not in line]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    assert "silver.condition.code" in found(contracts, "C544")[0].message


def test_a_constant_that_a_filter_decides_is_as_sensitive_as_the_filter(contracts):
    """TRUE where there is such a diagnosis tells the diagnosis, though no value of it goes in."""
    change(
        contracts,
        "models/patient_360.sql",
        "  patients.is_test,\n",
        "  COALESCE(ill.is_ill, FALSE) AS is_test,\n",
    )
    change(
        contracts,
        "models/patient_360.sql",
        "LEFT JOIN aged",
        "LEFT JOIN (SELECT patient_key, TRUE AS is_ill FROM silver.condition WHERE code = 'B20' "
        "GROUP BY patient_key) AS ill ON ill.patient_key = patients.patient_key\nLEFT JOIN aged",
    )
    assert [("is_test" in fault.message) for fault in found(contracts, "C541")] == [True]


def test_a_claim_in_silver_is_out_of_place(contracts):
    """Silver is not made by a model, so that nothing there can be said to be de-identified by one."""
    change(
        contracts,
        "silver/patient.yaml",
        "- {property: a360.sensitivity, value: phi}",
        '- {property: a360.sensitivity, value: phi}\n          - {property: a360.deidentified, value: "x"}',
    )
    assert "a360.deidentified" in found(contracts, "C210")[0].message


def test_contracts_that_lower_sensitivity_change_no_table(contracts):
    """What `apply` asks before it touches a table refuses a lowered sensitivity; loading alone does not."""
    require_sound(load_contracts(contracts))
    change(contracts, "gold/patient_360.yaml", "value: phi", "value: public")
    changed = load_contracts(contracts)
    with pytest.raises(ContractError, match="C541"):
        require_sound(changed)


@pytest.mark.parametrize(
    ("file", "column", "code"),
    [("silver/practitioner.yaml", "given_name", "C711"), ("gold/provider_utilisation.yaml", "encounters", "C533")],
)  # fmt: skip
def test_a_model_is_looked_at_again_where_only_contracts_changed(contracts, file, column, code):
    """What was found of a model holds for the columns it reads and makes, not for its text alone."""
    assert lint(contracts) == []
    path = contracts / file
    before, _, after = path.read_text("utf-8").partition(f"- name: {column}\n")
    text = re.sub(r"physicalType: \w+", "physicalType: date", after, count=1)
    path.write_text(f"{before}- name: {column}\n{text}", "utf-8")
    assert found(contracts, code)
    path.write_text(f"{before}- name: {column}\n{after}", "utf-8")
    assert lint(contracts) == []


def test_the_shipped_models_are_sound():
    """The contracts that come with the product have none of these faults."""
    assert [fault for fault in lint(default_contracts()) if fault.code.startswith(("C53", "C54", "C7"))] == []


def test_fixing_mends_and_then_finds_nothing(contracts):
    """`lint --fix` says where NULLs go in every model, once; comments and layout stay."""
    path = contracts / "models/visit_facts.sql"
    before = path.read_text("utf-8")
    path.write_text(before.replace(" NULLS LAST", ""), "utf-8")
    assert found(contracts, "C708")
    assert {fix.file for fix in mend_models(contracts)} == {str(path)} | set()
    assert path.read_text("utf-8") == before
    assert list(mend_models(contracts)) == []
    assert found(contracts, "C708") == []
