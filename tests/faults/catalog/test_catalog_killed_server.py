"""The catalog's process is killed at every step of a commit, and started again."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from a360.catalog import COMMIT_ID, CatalogSession, CommitStamp, Policy

pytestmark = pytest.mark.faults

STEPS = ["before-write", "before-swap", "after-swap"]
ROWS = pa.table({"a": pa.array([1, 2, 3], pa.int64()), "b": ["x", "y", "z"]})
PATIENCE = Policy(settle=30, read=2, upstream=5)


@pytest.fixture
def reborn(server_process):
    """Start the server so that it dies at a failpoint, and start it again when it has."""

    @contextlib.contextmanager
    def run(failpoints):
        endpoint = server_process.start(failpoints)

        def again():
            server_process.wait_for_death()
            server_process.start()

        nurse = threading.Thread(target=again)
        nurse.start()
        try:
            with CatalogSession.open(
                "unused",
                upstream_uri=endpoint.uri,
                upstream_token=endpoint.token,
                upstream_warehouse=endpoint.warehouse,
                policy=PATIENCE,
            ) as session:
                yield session
        finally:
            nurse.join()

    return run


def prepare(session):
    client = session.client()
    client.create_namespace("silver")
    location = f"{session.endpoint.warehouse}/silver/visit"
    client.create_table("silver.visit", ROWS.schema, location=location).append(ROWS)


def check_once(session, rows):
    table = session.client().load_table("silver.visit")
    assert table.scan().to_arrow().num_rows == rows
    stamps = [each.summary.additional_properties.get(COMMIT_ID) for each in table.metadata.snapshots]
    assert stamps.count("the-commit") == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_duckdb_commit_outlives_a_killed_server(reborn, attach, step):
    """DuckDB's commit succeeds once, though the server dies while it commits."""
    with reborn(f"catalog.commit.{step}=kill@2") as session:
        prepare(session)
        with session.stamped(CommitStamp("the-commit")) as endpoint:
            attach(endpoint).execute("INSERT INTO lake.silver.visit VALUES (4, 'w')")
        check_once(session, 4)


@pytest.mark.parametrize("step", ["before-swap", "after-swap"])
def test_a_pyiceberg_commit_outlives_a_killed_server(reborn, step):
    """PyIceberg's commit succeeds once, though the server dies while it commits."""
    with reborn(f"catalog.commit.{step}=kill@2") as session:
        prepare(session)
        with session.stamped(CommitStamp("the-commit")) as endpoint:
            session.client(endpoint).load_table("silver.visit").append(ROWS)
        check_once(session, 6)


@pytest.mark.parametrize("step", ["before-swap", "after-swap"])
def test_a_creation_outlives_a_killed_server(reborn, step):
    """A table is created once, though the server dies while it creates it."""
    with reborn(f"catalog.create.{step}=kill@1") as session:
        prepare(session)
        assert session.client().load_table("silver.visit").scan().to_arrow().num_rows == 3


WRITER = """
import sys
import pyarrow as pa
from a360.catalog import CatalogSession, CommitStamp
rows = pa.table({"a": pa.array([1, 2, 3], pa.int64()), "b": ["x", "y", "z"]})
with CatalogSession.open(sys.argv[1]) as session:
    with session.stamped(CommitStamp("the-commit")) as endpoint:
        session.client(endpoint).load_table("silver.visit").append(rows)
"""


@pytest.mark.parametrize("profile", ["full"], indirect=True, scope="module")
@pytest.mark.parametrize("step", STEPS)
def test_a_lake_outlives_a_killed_writer(tmp_path, profile, step):
    """A process killed while it commits leaves the table as it was or as it was to be, nothing in between."""
    with CatalogSession.open(tmp_path) as session:
        prepare(session)
    killed = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        env={"A360_FAILPOINTS": f"catalog.commit.{step}=kill@1", "PATH": ""},
        check=False,
    )
    assert killed.returncode == -9
    with CatalogSession.open(tmp_path) as session:
        table = session.client().load_table("silver.visit")
        assert table.scan().to_arrow().num_rows == (6 if step == "after-swap" else 3)
        table.append(ROWS)
        assert table.scan().to_arrow().num_rows == (9 if step == "after-swap" else 6)
        current = Path(table.metadata_location)
    with contextlib.closing(sqlite3.connect(tmp_path / "catalog.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        pointers = [row[0] for row in database.execute("SELECT metadata_location FROM iceberg_table")]
    assert pointers == [str(current)]
