"""A view of your own over FHIR files, without a lake: into a file, as a stream, and as SQL for Athena.

python examples/view_over_files.py FOLDER-OF-NDJSON
"""
# ruff: noqa: T201, INP001 - a script that prints

import sys
import tempfile
from pathlib import Path

from a360.fhir import compile_view, run_view, view_batches

VISITS = {
    "resourceType": "ViewDefinition",
    "name": "visits",
    "resource": "Encounter",
    "where": [{"path": "period.start.exists()"}],
    "select": [
        {
            "column": [
                {"name": "encounter", "path": "getResourceKey()", "type": "string"},
                {"name": "patient", "path": "subject.getReferenceKey(Patient)", "type": "string"},
                {"name": "kind", "path": "class.code"},
                {"name": "began", "path": "period.start"},
            ]
        }
    ],
}

files = [Path(sys.argv[1])]

with tempfile.TemporaryDirectory() as folder:
    [run] = run_view({"visits": VISITS}, files, {"visits": Path(folder, "visits.parquet")})
    print(f"{run.rows} rows of {run.resource_type} in {run.output.name}")

for batch in view_batches(VISITS, files):
    print(batch.to_pylist())

print(compile_view(VISITS, "trino").sql)
