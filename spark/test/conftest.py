"""What tests of jobs share: Spark, and a lake to work in."""

import json
import os

import pytest

import a360
from a360.errors import OperatorError
from a360.jvm import find_java, require_extra


@pytest.fixture(scope="session")
def spark_installed():
    """Skips where Spark or its Java is not installed, and fails where A360_REQUIRE names spark."""
    try:
        require_extra()
        find_java()
    except OperatorError as error:
        if "spark" in os.environ.get("A360_REQUIRE", "").split(","):
            raise
        pytest.skip(f"{error.what}: {error.next_step}")


@pytest.fixture
def lake(tmp_path):
    """A lake with five practitioners in bronze, and nothing refined."""
    resources = [{"resourceType": "Practitioner", "id": f"d{number}"} for number in range(5)]
    (tmp_path / "Practitioner.ndjson").write_text("".join(f"{json.dumps(each)}\n" for each in resources))
    with a360.open(tmp_path / "lake") as lake:
        lake.apply()
        assert lake.ingest(tmp_path / "Practitioner.ndjson").steps[0].landed == 5
    return tmp_path / "lake"
