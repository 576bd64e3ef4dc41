"""Many processes write one lake at once, each through a gateway of its own."""

import runpy
from pathlib import Path

import pyarrow as pa
import pytest

from a360.catalog import COMMIT_ID, CatalogSession

pytestmark = pytest.mark.faults

PROCESSES, COMMITS = 8, 8

WRITER = Path(__file__).with_name("rival_writer.py")


@pytest.mark.parametrize("profile", ["full", "glue"])
@pytest.mark.parametrize(
    "clients",
    [["duckdb"] * 8, ["pyiceberg"] * 8, ["pyiceberg"] * 4 + ["duckdb"] * 4],
    ids=["duckdb", "pyiceberg", "mixed"],
)
def test_no_commit_of_many_processes_is_lost(tmp_path, processes, profile, clients):
    """Eight processes make eight commits each at once: no row is lost, no commit fails or counts twice."""
    schema = pa.schema([("a", pa.int64()), ("writer", pa.string())])
    with CatalogSession.open(tmp_path, profile=profile) as session:
        catalog = session.client()
        catalog.create_namespace("silver")
        location = f"{session.endpoint.warehouse}/silver/visit"
        properties = {"commit.retry.num-retries": "0"}
        catalog.create_table("silver.visit", schema, location=location, properties=properties)
        write_all_at_once(processes, clients, tmp_path, profile)
        table = catalog.load_table("silver.visit")
    rows = sorted((row["writer"], row["a"]) for row in table.scan().to_arrow().to_pylist())
    assert rows == [(f"w{writer}", number) for writer in range(PROCESSES) for number in range(COMMITS)]
    stamps = [each.summary.additional_properties[COMMIT_ID] for each in table.metadata.snapshots]
    assert len(stamps) == len(set(stamps)) == PROCESSES * COMMITS


def write_all_at_once(processes, clients, lake, profile):
    given = {"LAKE": lake, "PROFILE": profile, "COMMITS": COMMITS, "GATE": processes.Barrier(PROCESSES)}
    writers = [
        processes.Process(
            target=runpy.run_path,
            args=(str(WRITER), {**given, "CLIENT": client, "NAME": f"w{each}"}, "__main__"),
        )
        for each, client in enumerate(clients)
    ]
    for each in writers:
        each.start()
    for each in writers:
        each.join(250)
    unfinished = [each for each in writers if each.is_alive()]
    for each in unfinished:
        each.kill()
    assert [each.exitcode for each in writers] == [0] * PROCESSES


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
