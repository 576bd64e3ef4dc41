"""Where these tests find FHIR resources. Each input is read once in a process."""

import json
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from record_oracle import records
from silver_oracle import latest, read, silver

from a360.synth import generate

type Row = dict[str, Any]

DATA = Path(__file__).resolve().parents[2] / "../shared/data"
GENERATED = "generated"
PATIENTS = 60
ERRORS = "OperationOutcome.ndjson"


def require(origin: str) -> None:
    """Skip where the shared test data is not beside the project, unless it is required."""
    if origin == GENERATED or (DATA / origin).is_dir():
        return
    reason = f"the shared test data {origin} is not beside the project"
    if "data" in os.environ.get("A360_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def resources_of(origin: str) -> list[Row]:
    """The resources of an input."""
    require(origin)
    if origin == GENERATED:
        return _generated()[0]
    if origin == "hl7v2":
        return _bundled(DATA / origin / "expected-fhir")
    return read(*sorted((DATA / origin).glob("*.ndjson")))


@cache
def silver_of(origin: str) -> dict[str, list[Row]]:
    """What a plain reading of an input gives, by dataset; the generated one has extracts and events too."""
    rows = silver(resources_of(origin))
    return rows | _generated()[1] if origin == GENERATED else rows


@cache
def _generated() -> tuple[list[Row], dict[str, list[Row]]]:
    """The clinics' own data, without any dirt: every line can be read, every reference leads somewhere."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder, patients=PATIENTS, seed=7, dirty=0.0)
        resources = read(*sorted(file for file in folder.glob("*.ndjson") if file.name != ERRORS))
        return resources, records(folder, latest(resources))


def _bundled(folder: Path) -> list[Row]:
    """The resources in the entries of Bundles; those without an id are left out."""
    bundles = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    resources = [
        entry["resource"] for bundle in bundles for entry in bundle.get("entry", []) if "resource" in entry
    ]
    return [resource for resource in resources if "id" in resource]
