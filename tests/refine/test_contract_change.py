"""A contract that changes: the table follows, and its rows become what the new contract makes of bronze."""

import json
import shutil

import pytest
from fhir_samples import encounter, observation, patient
from lakes import committed, rows_of, snapshots
from small_contracts import change

import a360
from a360.errors import ContractError


@pytest.fixture(scope="module")
def lake(module_lake, put):
    """A lake with data. Whatever contracts a test ran it by, the next one's decide what it holds."""
    put(
        module_lake,
        patient("p1", updated="2026-01-01T00:00:00Z", multipleBirthInteger=2),
        patient("p1", updated="2026-01-02T00:00:00Z", multipleBirthInteger=3, gender="male"),
        patient("p2", gender="other"),
        encounter("e1", "Patient/p1"),
        encounter("e2", "Patient/p2", status="cancelled"),
        observation("o1", "Patient/p1"),
    )
    return module_lake


@pytest.fixture
def folder(lake, contracts, tmp_path):
    """A copy of the contracts to change, of which the lake is what they make of it."""
    lake.run()
    return shutil.copytree(contracts, tmp_path / "contracts")


def add_birth_order(folder):
    """Give patients one more column."""

    def edit(contract):
        columns = contract["schema"][0]["properties"]
        place = next(at for at, column in enumerate(columns) if column["name"] == "version_id")
        columns.insert(
            place,
            {
                "name": "birth_order",
                "logicalType": "integer",
                "physicalType": "int",
                "description": "Which of several children born together.",
                "customProperties": [{"property": "a360.sensitivity", "value": "phi"}],
            },
        )

    change(folder / "silver/patient.yaml", edit)
    view = folder / "views/patient.json"
    definition = json.loads(view.read_text())
    path = {"name": "birth_order", "path": "multipleBirth.ofType(integer)", "type": "integer"}
    definition["select"][0]["column"].append(path)
    view.write_text(json.dumps(definition))


def test_a_stricter_rule_refuses_what_has_landed(lake, folder):
    """Rows that a new rule refuses leave silver for quarantine, and gold follows; without it they return."""
    rule = {
        "name": "not_cancelled",
        "type": "custom",
        "engine": "a360",
        "implementation": "status <> 'cancelled'",
        "severity": "error",
        "description": "No visit that was cancelled.",
    }
    change(folder / "silver/encounter.yaml", lambda c: c["schema"][0]["quality"].append(rule))
    with a360.open(lake.path, contracts=folder) as strict:
        strict.run()
        assert rows_of(strict, "SELECT encounter_id FROM silver.encounter") == [{"encounter_id": "e1"}]
        assert [row["rule"] for row in strict.table("quarantine.encounter").to_pylist()] == ["not_cancelled"]
        visits = rows_of(strict, "SELECT sum(encounters) AS n FROM gold.patient_counts")
        assert visits == [{"n": 1}]
    change(folder / "silver/encounter.yaml", lambda c: c["schema"][0]["quality"].remove(rule))
    with a360.open(lake.path, contracts=folder) as loose:
        loose.run()
        assert len(loose.table("silver.encounter")) == 2
        assert rows_of(loose, "SELECT sum(encounters) AS n FROM gold.patient_counts") == [{"n": 2}]


def test_a_stricter_rule_refuses_former_versions_too(lake, folder):
    """A history keeps the versions that the contract's rules let in, and the last of them is current."""
    rule = {
        "name": "no_men",
        "type": "custom",
        "engine": "a360",
        "implementation": "gender <> 'male'",
        "severity": "error",
        "description": "For the test.",
    }
    change(folder / "silver/patient.yaml", lambda c: c["schema"][0]["quality"].append(rule))
    with a360.open(lake.path, contracts=folder) as strict:
        strict.run()
        rows = rows_of(strict, "SELECT gender, is_current FROM silver.patient ORDER BY gender")
        assert rows == [{"gender": "female", "is_current": True}, {"gender": "other", "is_current": True}]


def test_a_model_that_changes_is_computed_anew(lake, folder):
    """A gold model with another text is computed for all keys; silver stays as it is."""
    model = folder / "models/patient_counts.sql"
    model.write_text(model.read_text().replace("p.gender,", "ASCII_UPPER(p.gender) AS gender,"))
    with a360.open(lake.path, contracts=folder) as changed:
        report = changed.run()
        assert committed(report) == {"gold.patient_counts"}
        assert {row["gender"] for row in rows_of(changed, "FROM gold.patient_counts")} == {"MALE", "OTHER"}


def test_a_change_that_would_lose_data_is_refused(lake, folder):
    """A column cannot become another kind of value: nothing is changed, and the failure says which table."""

    def narrow(contract):
        column = next(each for each in contract["schema"][0]["properties"] if each["name"] == "status")
        column |= {"logicalType": "integer", "physicalType": "int"}
        column.pop("quality", None)

    change(folder / "silver/encounter.yaml", narrow)
    before = snapshots(lake)
    with a360.open(lake.path, contracts=folder) as changed:
        with pytest.raises(ContractError) as failure:
            changed.run()
        assert failure.value.code.slug == "plan-refused"
        assert "silver.encounter" in failure.value.where
        assert snapshots(changed) == before


def test_a_new_column_is_filled_for_old_rows_too(lake, folder):
    """A column added to contract and view is added to the table and read from bronze, for all versions."""
    before = snapshots(lake)
    add_birth_order(folder)
    with a360.open(lake.path, contracts=folder) as changed:
        assert {each.table: each.action for each in changed.plan()}["silver.patient"] == "evolve"
        report = changed.run()
        rows = rows_of(changed, "SELECT birth_order, is_current FROM silver.patient ORDER BY 1 NULLS LAST")
        assert rows == [
            {"birth_order": 2, "is_current": False},
            {"birth_order": 3, "is_current": True},
            {"birth_order": None, "is_current": True},
        ]
        assert report.ways["silver.patient"] == "full"
        untouched = {"silver.encounter", "silver.observation", "silver.identifier"}
        assert not untouched & committed(report)
        assert {name: before[name] for name in untouched} == {
            name: snapshot for name, snapshot in snapshots(changed).items() if name in untouched
        }
        assert not changed.run().changed
