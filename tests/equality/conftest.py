"""A lake whose tables hold awkward rows, and a session of each engine over it."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("equality", "lake", "refine")]

from awkward import Awkward  # noqa: E402 - found on the path just set
from lake_fixtures import *  # noqa: E402, F403
from lakes import CONTRACTS  # noqa: E402

import a360  # noqa: E402
from a360.catalog import CommitStamp  # noqa: E402
from a360.contract import GoldStep  # noqa: E402

ROWS = 150


@pytest.fixture(scope="session")
def awkward_lake(tmp_path_factory):
    """A lake of all contracts in which every dataset that a model reads holds awkward rows."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("A360_PACKS", "omop")
        lake = a360.open(tmp_path_factory.mktemp("awkward") / "lake", contracts=CONTRACTS)
    with lake:
        lake.apply()
        plan, session = lake.lake_plan, lake.tables.session
        awkward = Awkward(plan, ROWS)
        read = {name for step in plan.steps if isinstance(step, GoldStep) for name in step.upstream}
        for name in sorted(read):
            schema = lake.tables.load(name).schema().as_arrow()
            lake.tables.append(name, awkward.table(name, schema, session), CommitStamp())
        yield lake


@pytest.fixture(scope="session")
def awkward(awkward_lake):
    return Awkward(awkward_lake.lake_plan, ROWS)


@pytest.fixture(scope="session")
def duckdb_session(awkward_lake):
    return awkward_lake.tables.session


@pytest.fixture(scope="module")
def spark_session(awkward_lake, spark_with_iceberg):
    from a360.engine.spark import SparkEngine  # noqa: PLC0415 - of the extra

    with SparkEngine().session(awkward_lake.catalog) as session:
        yield session
