"""The contract files as files: they follow the standard, and the linter finds nothing."""

import pytest
from lake_content import CONTRACTS, columns, contract, custom, dataset_files
from open_data_contract_standard.model import OpenDataContractStandard

from a360.contract import lint, load_contracts, make_plan

ALL = [file for zone in ("bronze", "silver", "gold") for file in dataset_files(zone)]
SILVER = [file.stem for file in dataset_files("silver")]
EXPECTED = {
    "patient",
    "practitioner",
    "organization",
    "location",
    "encounter",
    "appointment",
    "condition",
    "observation",
    "observation_component",
    "procedure",
    "medication",
    "medication_request",
    "medication_administration",
    "immunization",
    "allergy_intolerance",
    "consent",
    "document_reference",
    "adverse_event",
    "device",
    "identifier",
    "patient_link",
    "encounter_move",
    "membership",
    "package",
    "payment",
    "inventory_lot",
    "lot_recall",
    "campaign",
    "lead",
    "provider_schedule",
    "app_event",
    "sensor_reading",
    "note",
    "attachment",
    "vocabulary",
    "concept",
    "value_set_member",
    "concept_map",
}


@pytest.mark.parametrize("file", ALL, ids=lambda file: f"{file.parent.name}.{file.stem}")
def test_every_contract_is_an_odcs_contract(file):
    """Every contract loads with the standard's own model."""
    loaded = OpenDataContractStandard.from_file(str(file))
    assert loaded.id == f"{file.parent.name}.{file.stem}"
    assert loaded.schema_
    assert loaded.schema_[0].properties


def test_the_linter_finds_nothing():
    """The contracts have no fault, and no file of the folder lies unused."""
    assert [str(fault) for fault in lint(CONTRACTS)] == []


def test_silver_has_a_dataset_for_every_kind_of_record():
    """Silver has the datasets that the clinics' records need, and only patients keep their history."""
    assert set(SILVER) == EXPECTED
    with_history = {name for name in SILVER if custom(contract("silver", name), "a360.history")}
    assert with_history == {"patient"}


def test_every_environment_makes_a_plan():
    """The plan can be made for each environment, and plans the same tables for all of them."""
    contracts = load_contracts(CONTRACTS)
    plans = [make_plan(contracts, name) for name in ("local", "staging", "prod")]
    assert [plan.environment for plan in plans] == ["local", "staging", "prod"]
    assert plans[0].tables == plans[1].tables == plans[2].tables


@pytest.mark.parametrize("zone", ["silver", "gold"])
def test_every_column_says_what_it_is(zone):
    """Every column and every dataset has a description that ends as a sentence."""
    for file in dataset_files(zone):
        assert contract(zone, file.stem)["description"]["purpose"].endswith(".")
        for column in columns(zone, file.stem):
            assert column["description"].endswith("."), f"{file.stem}.{column['name']}"


@pytest.mark.parametrize("name", SILVER)
def test_code_columns_come_with_their_system(name):
    """A column with a code's display has its code beside it, and a system column belongs to a code column."""
    names = {column["name"] for column in columns("silver", name)}
    for column in names:
        for ending in ("_display", "_system"):
            if column.endswith(f"code{ending}"):
                assert column.removesuffix(ending) in names
