"""Many processes write one lake at once, each through a gateway of its own."""

import contextlib
import subprocess
import sys

import pyarrow as pa
import pytest

from a360.catalog import COMMIT_ID, CatalogSession

pytestmark = pytest.mark.faults

PROCESSES, COMMITS = 8, 8

WRITER = """
import sys
import stamina
from a360.catalog import CatalogSession, CommitStamp

lake, profile, name, commits = sys.argv[1:]
{client}

waits = dict(wait_initial=0.05, wait_max=0.6, wait_jitter=0.3)

@stamina.retry(on=lost_the_race, attempts=None, timeout=200, **waits)
def append(session, number):
    with session.stamped(CommitStamp(f"{{name}}-{{number}}")) as endpoint:
        insert(session, endpoint, number)

with CatalogSession.open(lake, profile=profile) as session:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(commits)):
        append(session, number)
"""

PYICEBERG = """
import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException as lost_the_race

def insert(session, endpoint, number):
    rows = pa.table({"a": pa.array([number], pa.int64()), "writer": [name]})
    session.client(endpoint).load_table("silver.visit").append(rows)
"""

DUCKDB = """
import importlib
import duckdb

duck = duckdb.connect(config={"threads": 1})
duck.execute("SET enable_progress_bar = false")
for each in ("avro", "httpfs", "iceberg"):
    folder = next(iter(importlib.import_module(f"duckdb_extension_{each}").__path__))
    duck.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{each}.duckdb_extension'")

def lost_the_race(error):
    return isinstance(error, duckdb.Error) and "CommitFailedException" in str(error)

def insert(session, endpoint, number):
    at = f"ENDPOINT '{endpoint.uri}', TOKEN '{endpoint.token}'"
    duck.execute(f"ATTACH OR REPLACE 'warehouse' AS lake (TYPE iceberg, {at})")
    duck.execute(f"INSERT INTO lake.silver.visit VALUES ({number}, '{name}')")
"""


@pytest.mark.parametrize("profile", ["full", "glue"])
@pytest.mark.parametrize(
    "clients",
    [[DUCKDB] * 8, [PYICEBERG] * 8, [PYICEBERG] * 4 + [DUCKDB] * 4],
    ids=["duckdb", "pyiceberg", "mixed"],
)
def test_no_commit_of_many_processes_is_lost(tmp_path, profile, clients):
    """Eight processes make eight commits each at once: no row is lost, no commit fails or counts twice."""
    schema = pa.schema([("a", pa.int64()), ("writer", pa.string())])
    with CatalogSession.open(tmp_path, profile=profile) as session:
        catalog = session.client()
        catalog.create_namespace("silver")
        location = f"{session.endpoint.warehouse}/silver/visit"
        properties = {"commit.retry.num-retries": "0"}
        catalog.create_table("silver.visit", schema, location=location, properties=properties)
        write_all_at_once(clients, tmp_path, profile)
        table = catalog.load_table("silver.visit")
    rows = sorted((row["writer"], row["a"]) for row in table.scan().to_arrow().to_pylist())
    assert rows == [(f"w{writer}", number) for writer in range(PROCESSES) for number in range(COMMITS)]
    stamps = [each.summary.additional_properties[COMMIT_ID] for each in table.metadata.snapshots]
    assert len(stamps) == len(set(stamps)) == PROCESSES * COMMITS


def write_all_at_once(clients, lake, profile):
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(writer(client, str(lake), profile, f"w{each}"))
            for each, client in enumerate(clients)
        ]
        for each in writers:
            assert each.stdout.readline() == b"ready\n"
        for each in writers:
            each.stdin.write(b"go\n")
            each.stdin.flush()
        for each in writers:
            each.communicate(timeout=250)
        assert [each.returncode for each in writers] == [0] * PROCESSES


@contextlib.contextmanager
def writer(client, *arguments):
    code = WRITER.format(client=client)
    command = [sys.executable, "-c", code, *arguments, str(COMMITS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def test_processes_see_each_others_changes(tmp_path):
    """What one process has committed, another sees with its next request."""
    with CatalogSession.open(tmp_path) as one, CatalogSession.open(tmp_path) as other:
        one.client().create_namespace("silver")
        assert other.client().namespace_exists("silver")
        rows = pa.table({"a": [1]})
        made = other.client().create_table("silver.visit", rows.schema)
        seen = one.client().load_table("silver.visit")
        made.append(rows)
        assert seen.refresh().scan().to_arrow().num_rows == 1
        one.client().drop_table("silver.visit")
        assert not other.client().table_exists("silver.visit")
