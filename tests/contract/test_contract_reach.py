"""The reach of a patient: every row that is a patient's is found, and no other."""

from collections.abc import Iterator

import duckdb
import pytest

from a360.contract import LakePlan, default_contracts, load_contracts, make_plan, patient_reach

ERASED, OTHER = "a" * 32, "b" * 32


@pytest.fixture(scope="module")
def plan() -> LakePlan:
    """The plan of the contracts that come with the lake, and of all packs."""
    return make_plan(load_contracts(default_contracts(), packs=["omop"]))


def test_whatever_has_a_token_of_patients_is_in_reach(plan: LakePlan) -> None:
    """A dataset with a column that stands for patients is one that holds patients."""
    tokens = {"patient", "resource", "record", "omop_person"}
    speaking = {
        table.dataset for table in plan.tables if any(column.token in tokens for column in table.columns)
    }
    assert speaking == {held.dataset for held in patient_reach(plan)}


@pytest.fixture(scope="module")
def rows(plan: LakePlan) -> Iterator[duckdb.DuckDBPyConnection]:
    """A row of each of two patients in every dataset; ids of things are equal in two sources."""
    with duckdb.connect(":memory:") as session:
        for held in patient_reach(plan):
            table = plan.table(held.dataset)
            session.execute(f"CREATE SCHEMA IF NOT EXISTS {table.namespace}")
            named = ", ".join(f'"{name}" VARCHAR' for name in table.column_names)
            session.execute(f"CREATE TABLE {table.dataset} ({named})")
        session.execute(f"CREATE TABLE erased AS SELECT '{ERASED}' AS patient_key")
        yield session


def _plant(session: duckdb.DuckDBPyConnection, dataset: str, **values: str) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join("?" for _ in values)
    session.execute(f"INSERT INTO {dataset} ({names}) VALUES ({places})", list(values.values()))


def test_rows_are_found_by_key_and_through_other_rows(
    plan: LakePlan, rows: duckdb.DuckDBPyConnection
) -> None:
    """Keys lead to rows, and so do envelopes, identifiers of things, and numbers made of keys."""
    for key, source, person in ((ERASED, "one", "1"), (OTHER, "two", "2")):
        _plant(rows, "silver.observation", source=source, observation_id="same", patient_key=key)
        _plant(rows, "silver.payment", source=source, payment_id="same", patient_key=key)
        _plant(rows, "bronze.fhir_resource", source=source, resource_type="Observation", resource_id="same")
        _plant(rows, "bronze.fhir_resource", source=source, resource_type="Patient", resource_id=key)
        _plant(rows, "bronze.record", source=source, record_type="payment", record_id="same")
        _plant(rows, "silver.identifier", source=source, resource_type="Observation", resource_id="same")
        _plant(rows, "gold.person", person_id=person, person_source_value=key)
        _plant(rows, "gold.omop_record", person_id=person, source=source)
    # Of another kind, by the same id.
    _plant(rows, "bronze.fhir_resource", source="one", resource_type="Medication", resource_id="same")
    found = {}
    for held in patient_reach(plan):
        count = rows.execute(f"SELECT count(*) FROM {held.dataset} WHERE {held.where('erased')}").fetchall()
        found[held.dataset] = count[0][0]
    assert {dataset: count for dataset, count in found.items() if count} == {
        "bronze.fhir_resource": 2,
        "bronze.record": 1,
        "silver.observation": 1,
        "silver.payment": 1,
        "silver.identifier": 1,
        "gold.person": 1,
        "gold.omop_record": 1,
    }
