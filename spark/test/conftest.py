"""What tests of jobs share: Spark, and a lake to work in."""

import json
import sys
from pathlib import Path

import pytest

import a360

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from spark_fixtures import *  # noqa: F403 - found on the path just set


@pytest.fixture
def lake(tmp_path):
    """A lake with five practitioners in bronze, and nothing refined."""
    resources = [{"resourceType": "Practitioner", "id": f"d{number}"} for number in range(5)]
    (tmp_path / "Practitioner.ndjson").write_text("".join(f"{json.dumps(each)}\n" for each in resources))
    with a360.open(tmp_path / "lake") as lake:
        lake.apply()
        assert lake.ingest(tmp_path / "Practitioner.ndjson").steps[0].landed == 5
    return tmp_path / "lake"
