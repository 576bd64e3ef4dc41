"""Contracts of a small lake, cut out of the project's own: enough for every kind of step, quick to run.

Patients with history, identifiers, links, moves, practitioners, encounters, observations, their components;
on top of them one gold dataset by key and one that is replaced.
"""

import shutil
from pathlib import Path

import yaml

from a360.contract import assign_field_ids

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
SILVER = (
    "patient",
    "identifier",
    "patient_link",
    "encounter_move",
    "practitioner",
    "encounter",
    "observation",
    "observation_component",
)
# Views that are not named after the dataset they are of.
VIEWS = {
    "identifier": ("identifier_patient", "identifier_practitioner"),
    "patient_link": ("patient_link_patient", "patient_link_linkage"),
}

BY_PATIENT = """
SELECT
  p.patient_key,
  p.gender,
  (SELECT COUNT(*) FROM silver.encounter AS e
    WHERE e.patient_key = p.patient_key AND NOT e.deleted) AS encounters,
  (SELECT COUNT(*) FROM silver.observation AS o
    WHERE o.patient_key = p.patient_key AND NOT o.deleted) AS observations,
  (SELECT COUNT(*) FROM silver.observation_component AS c
    WHERE c.patient_key = p.patient_key) AS components
FROM silver.patient AS p
WHERE p.is_current AND NOT p.deleted AND p.replaced_by IS NULL
"""
BY_PRACTITIONER = """
SELECT e.source, e.practitioner_id, COUNT(*) AS encounters, COUNT(DISTINCT e.patient_key) AS patients
FROM silver.encounter AS e
WHERE NOT e.deleted AND e.practitioner_id IS NOT NULL
GROUP BY e.source, e.practitioner_id
"""


def column(name, kind="string", *, key=None, sensitivity="operational", deidentified=None, **more):
    """A column of a gold contract."""
    logical = {"long": "integer"}.get(kind, kind)
    keyed = {} if key is None else {"primaryKey": True, "primaryKeyPosition": key, "required": True}
    token = [{"property": "a360.token", "value": "patient"}] if sensitivity == "identifier" else []
    properties = [{"property": "a360.sensitivity", "value": sensitivity}, *token]
    if deidentified is not None:
        properties.append({"property": "a360.deidentified", "value": deidentified})
    return {
        "name": name,
        "logicalType": logical,
        "physicalType": kind,
        "description": f"The {name}.",
        **keyed,
        **more,
        "customProperties": properties,
    }


def gold(name, refresh, columns, reconciliation):
    """A gold contract with its reconciliation rule."""
    properties = {"zone": "gold", "model": name, "refresh": refresh, "formatVersion": 2}
    adds_up = {
        "name": "adds_up",
        "type": "sql",
        "query": reconciliation,
        "mustBe": 0,
        "severity": "error",
        "dimension": "consistency",
        "description": "Reconciliation with silver.",
    }
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": f"gold.{name}",
        "name": name,
        "version": "1.0.0",
        "status": "active",
        "domain": "analytics",
        "tags": ["domain:analytics"],
        "description": {"purpose": "For tests."},
        "customProperties": [
            {"property": f"a360.{key}", "value": value} for key, value in properties.items()
        ],
        "schema": [
            {
                "name": name,
                "logicalType": "object",
                "physicalType": "table",
                "physicalName": f"gold.{name}",
                "properties": columns,
                "quality": [adds_up],
            }
        ],
    }


def small_contracts(folder):
    """Write the contracts into a folder and return it."""
    for name in ("silver", "gold", "views", "models"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(CONTRACTS / "bronze", folder / "bronze")
    ours = {f"{zone}.{name}" for zone, names in (("silver", SILVER), ("gold", GOLD)) for name in names}
    write(folder / "lake.yaml", lake_file(ours))
    for name in SILVER:
        write(folder / "silver" / f"{name}.yaml", _silver(name))
    for view in (view for name in SILVER for view in VIEWS.get(name, (name,))):
        shutil.copy(CONTRACTS / "views" / f"{view}.json", folder / "views")
    for name, (model, contract) in GOLD.items():
        write(folder / "gold" / f"{name}.yaml", contract)
        (folder / "models" / f"{name}.sql").write_text(model)
    assign_field_ids(folder)
    return folder


def change(file, edit):
    """Let a function edit a contract in place; new columns get their field ids."""
    contract = yaml.safe_load(file.read_text())
    edit(contract)
    write(file, contract)
    assign_field_ids(file.parents[1])


def write(file, contract):
    """Write a contract as YAML."""
    file.write_text(yaml.safe_dump(contract, sort_keys=False, allow_unicode=True))


def _silver(name):
    contract = yaml.safe_load((CONTRACTS / "silver" / f"{name}.yaml").read_text())
    table = contract["schema"][0]
    for each in table["properties"]:
        kept = [link for link in each.get("relationships", []) if link["to"].split(".")[0] in SILVER]
        if kept:
            each["relationships"] = kept
        else:
            each.pop("relationships", None)
    for each in contract["customProperties"]:
        if name in VIEWS and each["property"] == "a360.view":
            each["value"] = list(VIEWS[name])
    return contract


def lake_file(ours):
    """The lake's own file, less what speaks of datasets that are not here."""
    lake = yaml.safe_load((CONTRACTS / "lake.yaml").read_text())
    for part in ("grants", "filters", "breakGlass"):
        lake[part] = [each for each in lake[part] if "datasets" not in each or set(each["datasets"]) <= ours]
    lake["consents"] = [each for each in lake["consents"] if each["dataset"] in ours]
    lake["masks"] = [
        mask
        for mask in lake["masks"]
        if all(name.rpartition(".")[0] in ours for name in mask.get("columns", []))
    ]
    return lake


GOLD = {
    "patient_counts": (
        BY_PATIENT,
        gold(
            "patient_counts",
            "by_key(patient_key)",
            [
                column("patient_key", key=1, sensitivity="identifier"),
                column("gender", sensitivity="phi"),
                column("encounters", "long"),
                column("observations", "long"),
                column("components", "long"),
            ],
            "SELECT (SELECT COUNT(*) FROM gold.patient_counts) - (SELECT COUNT(*) FROM silver.patient "
            "WHERE is_current AND NOT deleted AND replaced_by IS NULL)",
        ),
    ),
    "practitioner_counts": (
        BY_PRACTITIONER,
        gold(
            "practitioner_counts",
            "replace",
            [
                column("source", key=1),
                column("practitioner_id", key=2),
                column("encounters", "long"),
                column("patients", "long", deidentified="aggregated: over all patients of a practitioner"),
            ],
            "SELECT (SELECT COALESCE(SUM(encounters), 0) FROM gold.practitioner_counts) - (SELECT COUNT(*) "
            "FROM silver.encounter WHERE NOT deleted AND practitioner_id IS NOT NULL)",
        ),
    ),
}
