"""A writer in a process of its own, for tests that run several at once or kill one.

Run by the `writers` fixture, which hands in FOLDER, PROFILE, JOBS, FAILPOINTS and START.
"""

import datetime as dt
import os
from pathlib import Path

from a360.catalog import CatalogSession, CommitStamp
from a360.engine.duckdb import DuckDBEngine
from a360.errors import ConflictError
from a360.table import Tables


def work(tables, job):
    """Carry out one job; every job names its commit, so that it can be run again."""
    stamp, name = CommitStamp(job["commit"]), job["table"]
    kinds = {
        "append": lambda: tables.append(name, job["rows"], stamp),
        "merge": lambda: tables.merge(name, job["rows"], ["id"], stamp),
        "scope": lambda: tables.merge(name, job["rows"], ["id"], stamp, scope=["clinic"]),
        "replace": lambda: tables.replace(name, job["rows"], stamp),
        "delete": lambda: tables.delete(name, job["where"], stamp),
        "increment": lambda: increment(tables, name, job["id"], stamp),
        "rewrite": lambda: tables.rewrite(name, stamp),
        "expire": lambda: tables.expire(name, dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)),
        "collect": lambda: tables.collect(name, dry_run=False, grace=dt.timedelta(0)),
    }
    return kinds[job["kind"]]()


def increment(tables, name, id_, stamp):
    """Add one to a counter, computed from what the table holds: fenced, and computed anew on conflict."""
    counted = "CAST(CAST(v AS BIGINT) + 1 AS VARCHAR) AS v"
    while True:
        base = tables.current_snapshot_id(name)
        sql = f"SELECT id, {counted}, clinic FROM {name} WHERE id = {id_}"
        try:
            return tables.merge(name, sql, ["id"], stamp, base=base)
        except ConflictError:
            continue


def main(folder, profile, jobs, failpoints, start):
    lake = Path(folder)
    with (
        CatalogSession.open(lake, profile=profile) as catalog,
        Tables(catalog, DuckDBEngine(lake / "tmp", memory_limit="300MB", threads=1)) as tables,
    ):
        tables.session.sql("SELECT 1")
        start.wait()
        os.environ["A360_FAILPOINTS"] = failpoints
        for job in jobs:
            work(tables, job)


if __name__ == "__main__":
    main(FOLDER, PROFILE, JOBS, FAILPOINTS, START)  # noqa: F821 - handed in by the fixture
