"""A writer killed at every step of a commit, twenty times each: what was acknowledged is there, once."""

import contextlib
import datetime as dt
import runpy
import signal
from pathlib import Path

import pyarrow as pa
import pytest

from a360.catalog import CatalogSession, CommitStamp, rebuild_catalog
from a360.engine.duckdb import DuckDBEngine
from a360.table import Tables

pytestmark = pytest.mark.faults

KILLS = 20
WRITER = Path(__file__).with_name("killed_writer.py")
SCHEMA = pa.schema([pa.field("commit", pa.string())])
NAME = "silver.visit"
BEFORE = [
    "table.stage.before",
    "engine.stage.written",
    "table.stage.after",
    "table.commit.before",
    "table.commit.written",
    "catalog.commit.durable",
    "catalog.commit.before-write",
    "catalog.commit.before-swap",
]
AFTER = ["catalog.commit.after-swap", "table.commit.after"]
# How many files a step leaves that no snapshot leads to: the data file, then manifest and manifest list too,
# then the metadata.
LEFT = dict.fromkeys(("table.stage.before", *AFTER), 0)
LEFT |= dict.fromkeys(BEFORE[1:4], 1)
LEFT |= dict.fromkeys(BEFORE[4:7], 3) | {"catalog.commit.before-swap": 4}


@pytest.fixture
def killed(tmp_path, processes):
    """Run a writer that is killed; the commits it was told had succeeded."""

    def run(step, profile, number):
        ours, theirs = processes.Pipe(duplex=False)
        given = {"LAKE": str(tmp_path), "PROFILE": profile, "STEP": step, "NUMBER": number, "TOLD": theirs}
        writer = processes.Process(target=runpy.run_path, args=(str(WRITER), given, "__main__"))
        writer.start()
        theirs.close()
        writer.join(60)
        assert writer.exitcode == -signal.SIGKILL
        with ours, contextlib.suppress(EOFError):
            told = []
            while ours.poll():
                told.append(ours.recv())
        return told

    return run


@pytest.fixture
def tables(tmp_path):
    """The lake's table, seen by a process that nobody kills."""
    with (
        CatalogSession.open(tmp_path) as session,
        Tables(session, DuckDBEngine(tmp_path / "tmp", threads=1)) as opened,
    ):
        session.client().create_namespace("silver")
        session.client().create_table(NAME, SCHEMA)
        yield opened


@pytest.mark.parametrize("step", [*BEFORE, *AFTER])
def test_nothing_acknowledged_is_lost(tables, killed, step):
    """Each acknowledged commit is there once and whole; the table reads; orphans are listed and collected."""
    acknowledged = []
    for number in range(KILLS):
        acknowledged += killed(step, ("full", "glue")[number % 2], number)
    assert acknowledged == [f"{number}-first" for number in range(KILLS)]
    landed = {f"{number}-second" for number in range(KILLS)} if step in AFTER else set()
    require_whole(tables, {*acknowledged, *landed})
    require_orphans(tables, LEFT[step] * KILLS)


def require_whole(tables, wanted):
    """The table holds these commits, each once, and takes the next."""
    held = [row["commit"] for row in tables.read(NAME).to_pylist()]
    assert sorted(held) == sorted(wanted)
    assert sorted(each.commit_id for each in tables.commits(NAME)) == sorted(wanted)
    rows = pa.table({"commit": ["last"]}, SCHEMA)
    tables.append(NAME, rows, CommitStamp("last"))
    assert len(tables.read(NAME)) == len(wanted) + 1


def require_orphans(tables, count):
    """Exactly what the kills left is listed, and once it is collected the table is as before."""
    now = dt.timedelta(0)
    before = tables.read(NAME).num_rows
    listed = tables.collect(NAME, grace=now)
    assert len(listed) == count
    assert all(Path(each.path).exists() for each in listed)
    tables.collect(NAME, dry_run=False, grace=now)
    assert tables.collect(NAME, grace=now) == []
    assert tables.read(NAME).num_rows == before


@pytest.mark.parametrize("step", ["catalog.commit.before-swap", "catalog.commit.after-swap"])
def test_a_lake_killed_in_a_commit_can_be_rebuilt(tmp_path, killed, step):
    """From the files that a kill left, a rebuilt catalog has every acknowledged commit."""
    with CatalogSession.open(tmp_path) as session:
        session.client().create_namespace("silver")
        session.client().create_table(NAME, SCHEMA)
    assert killed(step, "full", 0) == ["0-first"]
    for each in tmp_path.glob("catalog.db*"):
        each.unlink()
    rebuild_catalog(tmp_path)
    with CatalogSession.open(tmp_path) as session:
        table = session.client().load_table(NAME)
        assert "0-first" in table.scan().to_arrow()["commit"].to_pylist()
        table.append(pa.table({"commit": ["last"]}))
        assert "last" in table.scan().to_arrow()["commit"].to_pylist()
