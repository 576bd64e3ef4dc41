"""Where these tests find FHIR resources."""

import json
import os
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from silver_oracle import read

from a360.synth import generate

DATA = Path(__file__).resolve().parents[2] / "../shared/data"
PATIENTS = 60
ERRORS = "OperationOutcome.ndjson"


def data_folder(name: str) -> Path:
    """A folder of the shared test data; skips where it is not there, unless the data is required."""
    folder = DATA / name
    if not folder.is_dir():
        reason = f"the shared test data {name} is not beside the project"
        if "data" in os.environ.get("A360_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def bundled(files: Iterable[Path]) -> list[dict[str, Any]]:
    """The resources in the entries of Bundles; those without an id are left out."""
    resources = []
    for file in files:
        bundle = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        resources += [entry["resource"] for entry in bundle.get("entry", []) if "resource" in entry]
    return [resource for resource in resources if "id" in resource]


def generated(folder: Path) -> list[dict[str, Any]]:
    """The clinics' own data, without any dirt: every line can be read, every reference leads somewhere."""
    generate(folder, patients=PATIENTS, seed=7, dirty=0.0)
    return read(*sorted(file for file in folder.glob("*.ndjson") if file.name != ERRORS))
