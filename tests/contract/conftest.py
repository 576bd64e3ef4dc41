"""A small lake of its own for each test: two silver datasets, one gold, and what they need."""

# ruff: noqa: E501 - contracts stand here as people write them

from pathlib import Path

import pytest

from a360.contract import LakeContracts, assign_field_ids, lint, load_contracts

LAKE = """\
name: little
description: A lake for tests.
zones:
  bronze: {description: As received.}
  silver: {description: Typed.}
  gold: {description: Ready.}
  quarantine: {description: Refused.}
  ops: {description: Accounts.}
tags:
  sensitivity:
    description: Lowest first.
    values: {public: p, operational: o, phi: h, identifier: i}
  domain: {description: About what., values: {clinical: c, patient: p}}
purposes: {operations: Running it., treatment: Care.}
roles:
  analyst: {description: Asks., purposes: [operations]}
grants:
  - {role: analyst, actions: [select], zones: [gold], sensitivities: [public, phi]}
  - {role: analyst, actions: [select], tags: ["domain:patient"], sensitivities: [public]}
filters:
  - {name: recent, roles: [analyst], datasets: [gold.visits], where: "visits > :least"}
masks:
  - {name: hide, roles: [analyst], sensitivities: [identifier], method: hash}
  - {name: born, roles: [analyst], columns: [silver.patient.birth_date], method: year}
retention:
  silver: {snapshots: P30D, keepSnapshots: 5}
"""

HOUSEKEEPING = """\
      - {name: version_id, logicalType: string, physicalType: string, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: last_updated, logicalType: timestamp, physicalType: timestamptz, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: known_at, logicalType: timestamp, physicalType: timestamptz, required: true, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: commit_id, logicalType: string, physicalType: string, required: true, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: deleted, logicalType: boolean, physicalType: boolean, required: true, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: unresolved_references, logicalType: integer, physicalType: int, required: true, customProperties: [{property: a360.sensitivity, value: operational}]}
"""

PATIENT = (
    """\
apiVersion: v3.2.0
kind: DataContract
id: silver.patient
name: patient
version: 1.2.0
status: active
tags: ["domain:patient"]
description: {purpose: "One row per patient."}
customProperties:
  - {property: a360.zone, value: silver}
  - {property: a360.view, value: patient}
schema:
  - name: patient
    physicalName: silver.patient
    properties:
      - name: patient_key
        logicalType: string
        physicalType: string
        required: true
        primaryKey: true
        description: Who it is.
        customProperties:  # a token
          - {property: a360.sensitivity, value: identifier}
          - {property: a360.token, value: patient}  # joins
      - {name: source, logicalType: string, physicalType: string, required: true, customProperties: [{property: a360.sensitivity, value: operational}]}
      - name: birth_date
        logicalType: date
        physicalType: date
        logicalTypeOptions: {minimum: "1900-01-01"}
        customProperties:
          - property: a360.sensitivity
            value: phi
      - name: gender
        logicalType: string
        physicalType: string
        enum: [{value: male}, {value: female}, {value: other}, {value: unknown}]
        quality:
          - {metric: nullValues, mustBeLessThan: 5, unit: percent, severity: warning}
        customProperties: [{property: a360.sensitivity, value: phi}]
"""
    + HOUSEKEEPING
    + """\
    quality:
      - {name: born_before_known, type: custom, engine: a360, implementation: "birth_date <= known_at"}
      - {metric: rowCount, mustBeGreaterThan: 0}
"""
)

ENCOUNTER = (
    """\
apiVersion: v3.2.0
kind: DataContract
id: silver.encounter
name: encounter
version: 1.0.0
status: active
description: {purpose: "One row per encounter."}
customProperties:
  - {property: a360.zone, value: silver}
  - {property: a360.view, value: [encounter]}
  - {property: a360.partition, value: [month(started_at)]}
  - {property: a360.sort, value: [patient_key, started_at desc]}
  - {property: a360.retention, value: P10Y}
schema:
  - name: encounter
    physicalName: silver.encounter
    properties:
      - {name: source, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: encounter_id, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 2, customProperties: [{property: a360.sensitivity, value: phi}]}
      - {name: patient_key, logicalType: string, physicalType: string, relationships: [{type: foreignKey, to: patient.patient_key}], customProperties: [{property: a360.sensitivity, value: identifier}, {property: a360.token, value: patient}]}
      - {name: started_at, logicalType: timestamp, physicalType: timestamptz, customProperties: [{property: a360.sensitivity, value: phi}]}
      - {name: cost, logicalType: number, physicalType: "decimal(18,6)", customProperties: [{property: a360.sensitivity, value: phi}]}
"""
    + HOUSEKEEPING
)

VISITS = """\
apiVersion: v3.2.0
kind: DataContract
id: gold.visits
name: visits
version: 1.0.0
status: active
description: {purpose: "Visits of each patient."}
customProperties:
  - {property: a360.zone, value: gold}
  - {property: a360.model, value: visits}
  - {property: a360.refresh, value: by_key(patient_key)}
schema:
  - name: visits
    physicalName: gold.visits
    properties:
      - {name: patient_key, logicalType: string, physicalType: string, required: true, primaryKey: true, customProperties: [{property: a360.sensitivity, value: identifier}, {property: a360.token, value: patient}]}
      - {name: visits, logicalType: integer, physicalType: long, customProperties: [{property: a360.sensitivity, value: phi}]}
    quality:
      - {name: as_many_as_encounters, type: sql, mustBe: 0, query: "SELECT (SELECT sum(visits) FROM gold.visits) - (SELECT count(*) FROM silver.encounter)"}
"""

MODEL = """\
-- Visits of each patient.
WITH seen AS (SELECT patient_key, encounter_id FROM silver.encounter)
SELECT p.patient_key, count(seen.encounter_id) AS visits
FROM silver.patient AS p
LEFT JOIN seen ON seen.patient_key = p.patient_key
GROUP BY p.patient_key
"""

VIEW = """\
{
  "resourceType": "ViewDefinition",
  "name": "%s",
  "status": "active",
  "resource": "%s",
  "select": [{"column": [
    %s
  ]}]
}
"""


def view(name: str, resource: str, *columns: str) -> str:
    """A ViewDefinition with these columns."""
    listed = ",\n    ".join(f'{{"name": "{column}", "path": "id"}}' for column in columns)
    return VIEW % (name, resource, listed)


class SmallLake:
    """A folder of contracts that a test may change."""

    def __init__(self, folder: Path) -> None:
        """Take the folder as it is."""
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        """Write a file, and its folder where it is missing."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, name: str) -> str:
        """The text of a file."""
        return (self.folder / name).read_text(encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Put one text in place of another, which must be there."""
        text = self.read(name)
        assert old in text, f"{name} does not hold {old!r}"
        self.write(name, text.replace(old, new, 1))

    def remove(self, name: str) -> None:
        """Take a file away."""
        (self.folder / name).unlink()

    def lint(self) -> list:
        """What the linter finds."""
        return lint(self.folder)

    def load(self) -> LakeContracts:
        """The contracts, which must be sound."""
        return load_contracts(self.folder)


@pytest.fixture
def small_lake(tmp_path: Path) -> SmallLake:
    """A lake without faults, field ids given."""
    lake = SmallLake(tmp_path / "contracts")
    lake.write("lake.yaml", LAKE)
    lake.write("silver/patient.yaml", PATIENT)
    lake.write("silver/encounter.yaml", ENCOUNTER)
    lake.write("gold/visits.yaml", VISITS)
    lake.write("models/visits.sql", MODEL)
    lake.write("views/patient.json", view("patient", "Patient", "patient_key", "birth_date", "gender"))
    columns = ("encounter_id", "patient_key", "started_at", "cost")
    lake.write("views/encounter.json", view("encounter", "Encounter", *columns))
    assign_field_ids(lake.folder)
    return lake
