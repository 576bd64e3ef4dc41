"""Lakes that several processes write to, some of which are killed."""

import runpy
import signal
from pathlib import Path

import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from a360.catalog import CatalogSession
from a360.engine.duckdb import DuckDBEngine
from a360.table import Tables, new_commit_id

NAME = "silver.shared"
WRITER = Path(__file__).with_name("writer.py")


@pytest.fixture(params=[None, "glue"], ids=["embedded", "glue"])
def profile(request):
    return request.param


@pytest.fixture
def tables(tmp_path, profile):
    with (
        CatalogSession.open(tmp_path, profile=profile) as catalog,
        Tables(catalog, DuckDBEngine(tmp_path / "tmp", threads=1)) as opened,
    ):
        yield opened


@pytest.fixture
def shared(tables):
    """Create a table that several write to."""

    def make(name=NAME, **properties):
        schema = Schema(
            NestedField(1, "id", LongType(), required=True),
            NestedField(2, "v", StringType()),
            NestedField(3, "clinic", StringType()),
        )
        tables.create_table(name, schema, properties=properties)
        return name

    return make


@pytest.fixture
def run(tmp_path, profile, processes):
    """Run one writer per plan, all let go at once; each must end as `expected`."""

    def start(*plans, failpoints="", expected=0):
        gate = processes.Event()
        given = {"FOLDER": str(tmp_path), "PROFILE": profile, "FAILPOINTS": failpoints, "START": gate}
        writers = [
            processes.Process(target=runpy.run_path, args=(str(WRITER), {**given, "JOBS": plan}, "__main__"))
            for plan in plans
        ]
        for writer in writers:
            writer.start()
        gate.set()
        for writer in writers:
            writer.join(timeout=240)
        assert [writer.exitcode for writer in writers] == [expected] * len(plans)

    return start


@pytest.fixture
def killed(run):
    """Run a plan in a process that kills itself at a failpoint."""

    def start(plan, failpoint):
        run(plan, failpoints=f"{failpoint}=kill", expected=-signal.SIGKILL)

    return start


@pytest.fixture
def again(tables):
    """Carry out one job in this process, which nothing disturbs."""
    work = runpy.run_path(str(WRITER))["work"]
    return lambda job: work(tables, job)


@pytest.fixture
def job():
    def make(kind, table=NAME, **parts):
        return {"kind": kind, "table": table, "commit": new_commit_id(), **parts}

    return make


@pytest.fixture
def rows():
    def make(first, count, value, clinic="c"):
        return (
            f"SELECT range AS id, '{value}' AS v, '{clinic}' AS clinic FROM range({first}, {first + count})"
        )

    return make
