"""Your own FHIR files, from a folder to a gold table: write three resources, bring them in, look at them.

python examples/own_files.py NEW-FOLDER
"""
# ruff: noqa: T201, INP001 - a script that prints

import json
import sys
from pathlib import Path

import a360

RESOURCES = [
    {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1990-04-01"},
    {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient/p1"},
        "period": {"start": "2026-03-02T09:00:00Z", "end": "2026-03-02T09:40:00Z"},
    },
    {
        "resourceType": "Encounter",
        "id": "e2",
        "status": "no such status",
        "subject": {"reference": "Patient/p1"},
    },
]

folder = Path(sys.argv[1])
files = folder / "fhir"
files.mkdir(parents=True)
for resource in RESOURCES:
    with (files / f"{resource['resourceType']}.ndjson").open("a") as file:
        file.write(json.dumps(resource) + "\n")

with a360.open(folder / "lake") as lake:
    lake.ingest(files, source="my-clinic")
    lake.run()
    print(lake.query("SELECT gender, birth_year, visits FROM gold.patient_360").to_pylist())
    print(lake.query("SELECT dataset, rule, reason FROM quarantine.encounter").to_pylist())
