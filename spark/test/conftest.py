"""What tests of jobs share: Spark, and a lake to work in."""

import os
import subprocess
import sys

import pytest

from a360.errors import OperatorError
from a360.jvm import find_java, require_extra
from a360.lake import ENGINES


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
    if "spark" not in ENGINES:
        pytest.skip("the lake runs nothing on Spark yet")


@pytest.fixture(scope="session")
def landed_lake(tmp_path_factory):
    """A lake with FHIR resources of a few invented patients in bronze, and nothing refined."""
    folder = tmp_path_factory.mktemp("landed")
    for command in (
        ["synth", "--patients", "5", "--output", "data", "--kinds", "none"],
        ["init"],
        ["apply"],
        ["ingest", "fhir", "data"],
    ):
        subprocess.run(
            [sys.executable, "-m", "a360", *command], cwd=folder, check=True, capture_output=True, timeout=120
        )
    return folder / "lake"
