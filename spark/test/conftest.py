"""What tests of jobs share: Spark, and a lake to work in."""

import json
import sys
from pathlib import Path

import pytest

import a360

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from spark_fixtures import *  # noqa: F403 - found on the path just set


@pytest.fixture(scope="module")
def bring(tmp_path_factory):
    """Brings five resources of a type into a lake, which is made where there is none."""

    def into(folder, kind):
        file = tmp_path_factory.mktemp("input") / f"{kind}.ndjson"
        resources = [{"resourceType": kind, "id": f"r{number}"} for number in range(5)]
        file.write_text("".join(f"{json.dumps(each)}\n" for each in resources))
        with a360.open(folder) as lake:
            lake.apply()
            assert lake.ingest(file).steps[0].landed == 5

    return into


@pytest.fixture(scope="module")
def lake(tmp_path_factory, bring):
    """A lake with five organizations in bronze, to which jobs are put one after the other."""
    folder = tmp_path_factory.mktemp("jobs") / "lake"
    bring(folder, "Organization")
    return folder
