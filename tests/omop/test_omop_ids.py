"""The numbers of the OMOP pack: what a record was numbered once, it is numbered for ever."""

import duckdb
import pytest
from lakes import CONTRACTS

from a360.contract import engine_sql, load_contracts, make_plan

NAMES = {"source": "clinic", "organization_id": "org-1", "practitioner_id": "pr-1", "encounter_id": "enc-1"}
ROWS = {
    "organization": {},
    "practitioner": {},
    "patient": {
        "birth_date": "1980-02-29",
        "is_current": True,
        "general_practitioner_id": "pr-1",
        "managing_organization_id": "org-1",
    },
    "encounter": {"status": "finished", "start_date": "2026-01-31"},
    "note": {"note_id": "note-é", "author_id": "pr-1", "created_date": "2026-01-31", "status": "current"},
    "condition": {"condition_id": "cond-1", "onset_date": "2026-01-31"},
}
"""The rows of silver, each of the patient, and with the names above where it has such columns."""

PATIENT = "0123456789abcdef0123456789abcdef"
PERSON, VISIT, PROVIDER = 435091912444247, 671275993251883, 3084498134787381
CARE_SITE, LOCATION, NOTE = 719951980729206, 2125715928570498, 608847167661434
CONDITION = 605010486693298200
PINNED = {
    "care_site": {"care_site_id": CARE_SITE, "location_id": LOCATION},
    "location": {"location_id": LOCATION},
    "provider": {"provider_id": PROVIDER},
    "person": {"person_id": PERSON, "provider_id": PROVIDER, "care_site_id": CARE_SITE},
    "visit_occurrence": {
        "visit_occurrence_id": VISIT,
        "person_id": PERSON,
        "provider_id": PROVIDER,
        "care_site_id": CARE_SITE,
    },
    "note": {
        "note_id": NOTE,
        "person_id": PERSON,
        "provider_id": PROVIDER,
        "visit_occurrence_id": VISIT,
    },
    "condition_occurrence": {
        "condition_occurrence_id": CONDITION,
        "person_id": PERSON,
        "provider_id": PROVIDER,
        "visit_occurrence_id": VISIT,
    },
}
TYPES = {"string": "VARCHAR", "long": "BIGINT", "binary": "BLOB"}


@pytest.fixture(scope="module")
def cdm():
    """The tables of the pack as their models make them in DuckDB out of one row a dataset of silver."""
    plan = make_plan(load_contracts(CONTRACTS, packs=["omop"]))
    models = {file.stem for file in (CONTRACTS / "packs/omop/models").glob("*.sql")}
    steps = [step for step in plan.steps if step.kind == "gold" and step.model in models]
    made = {step.dataset for step in steps}
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA silver; CREATE SCHEMA gold")
        for dataset in {each for step in steps for each in step.upstream} - made:
            _fill(connection, plan.table(dataset))
        for step in steps:
            connection.execute(f"CREATE TABLE {step.dataset} AS {engine_sql(step.sql, 'duckdb')}")
        yield connection


def _fill(connection, table):
    columns = {column.name: TYPES.get(column.type, column.type) for column in table.columns}
    named = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"CREATE TABLE {table.dataset} ({named})")
    if table.namespace == "silver" and table.name in ROWS:
        given = {**NAMES, "patient_key": PATIENT, "deleted": False, **ROWS[table.name]}
        row = {name: value for name, value in given.items() if name in columns}
        marks = ", ".join("?" * len(row))
        into = f"INSERT INTO {table.dataset} ({', '.join(row)}) VALUES ({marks})"
        connection.execute(into, list(row.values()))


@pytest.mark.parametrize("table", PINNED)
def test_numbers_are_what_they_were(cdm, table):
    """A record has the number that earlier lakes gave it: cohorts and studies hold such numbers."""
    wanted = PINNED[table]
    found = cdm.sql(f"SELECT {', '.join(wanted)} FROM gold.{table}").fetchall()
    assert found == [tuple(wanted.values())]
