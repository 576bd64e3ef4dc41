"""Commits through the gateway: by many processes at once, and a thousand one after the other.

    python benchmarks/catalog.py [--processes 8] [--commits 8] [--small 1000] [--repeat 3] [--profile glue]

Many at once: each process has a gateway of its own on one lake, or all share one server, and commits to one
table, again at once where another was faster. What counts is from the common start until the last has
committed; the best of `--repeat` runs stands. Every row is counted afterwards: a lost or doubled one ends the
benchmark.

One after the other: the median of the last tenth of the commits to that of the first tenth, by the clock and
by the processor time of the whole process, which other work on the machine does not touch.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pyarrow as pa
import stamina
import stamina.instrumentation
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from a360.catalog import CatalogSession, CommitStamp, Endpoint
from a360.engine.duckdb import DuckDBEngine
from a360.engine.duckdb._connect import attach, connect
from a360.table import Tables, new_commit_id

NAME = "bench.commits"
SCHEMA = Schema(
    NestedField(1, "writer", StringType(), required=True), NestedField(2, "number", LongType(), required=True)
)
AIM_SECONDS, AIM_RATIO = 3.0, 2.0
STEADY = {"wait_initial": 0.05, "wait_max": 0.6, "wait_jitter": 0.3}

type Insert = Callable[[str, int], None]


@contextmanager
def pyiceberg_writer(at: Endpoint, tmp: Path) -> Iterator[Insert]:  # noqa: ARG001 -- the writers' shape
    """PyIceberg's append, without retries of its own: a retry reads the table again."""
    with _pyiceberg_appends(at) as insert:
        yield insert


@contextmanager
def _pyiceberg_appends(at: Endpoint, **settings: str) -> Iterator[Insert]:
    client = RestCatalog("lake", uri=at.uri, token=at.token, warehouse=at.warehouse, **settings)

    @stamina.retry(on=CommitFailedException, attempts=None, timeout=200, **STEADY)
    def insert(writer: str, number: int) -> None:
        rows = pa.table({"writer": [writer], "number": [number]}, schema=SCHEMA.as_arrow())
        client.load_table(NAME).append(rows)

    yield insert
    client.close()


@contextmanager
def duckdb_writer(at: Endpoint, tmp: Path) -> Iterator[Insert]:
    """DuckDB's INSERT."""
    duck = connect(temp_folder=str(tmp), memory_limit="200MB", threads=1)
    attach(duck, at, "lake")

    def lost(error: Exception) -> bool:
        return isinstance(error, duckdb.Error) and "CommitFailedException" in str(error)

    @stamina.retry(on=lost, attempts=None, timeout=200, **STEADY)
    def insert(writer: str, number: int) -> None:
        duck.execute(f"INSERT INTO lake.{NAME} VALUES ('{writer}', {number})")

    yield insert
    duck.close()


WRITERS: dict[str, Callable[[Endpoint, Path], Any]] = {"pyiceberg": pyiceberg_writer, "duckdb": duckdb_writer}


def work(
    lake: Path, profile: str | None, kind: str, name: str, commits: int, shared: Endpoint | None, gate: Any
) -> None:
    """One process: get ready, wait for the others, commit."""
    if shared is not None:
        with WRITERS[kind](shared, lake / "tmp") as insert:
            _insert_all(insert, name, commits, gate)
        return
    with (
        CatalogSession.open(lake, profile=profile) as session,
        WRITERS[kind](session.endpoint, lake / "tmp") as insert,
    ):
        _insert_all(insert, name, commits, gate)


def _insert_all(insert: Insert, name: str, commits: int, gate: Any) -> None:
    stamina.instrumentation.set_on_retry_hooks([])
    # What DuckDB draws while a statement waits.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    gate.wait()
    for number in range(commits):
        insert(name, number)


@contextmanager
def table_in(folder: Path, profile: str | None) -> Iterator[CatalogSession]:
    """A lake with the one table, empty."""
    with CatalogSession.open(folder, profile=profile) as session:
        client = session.client()
        client.create_namespace("bench")
        # PyIceberg would rebase an append unasked; here a conflict is the writer's to see.
        properties = {"commit.retry.num-retries": "0"}
        location = f"{session.endpoint.warehouse}/bench/commits"
        client.create_table(NAME, SCHEMA, location=location, properties=properties)
        yield session


def many_at_once(kinds: list[str], commits: int, profile: str | None, *, one_server: bool) -> float:
    """The time for all commits of all processes; every row is counted."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "a360.catalog", "a360.engine.duckdb", "pyiceberg.io.pyarrow"])
    with tempfile.TemporaryDirectory() as folder, table_in(Path(folder), profile) as session:
        gate = context.Barrier(len(kinds) + 1)
        shared = session.endpoint if one_server else None
        processes = [
            context.Process(target=work, args=(Path(folder), profile, kind, f"w{at}", commits, shared, gate))
            for at, kind in enumerate(kinds)
        ]
        for each in processes:
            each.start()
        gate.wait()
        start = time.perf_counter()
        for each in processes:
            each.join()
        taken = time.perf_counter() - start
        failed = sum(each.exitcode != 0 for each in processes)
        rows = session.client().load_table(NAME).scan().to_arrow().to_pylist()
    wanted = sorted((f"w{at}", number) for at in range(len(kinds)) for number in range(commits))
    if failed or sorted((row["writer"], row["number"]) for row in rows) != wanted:
        raise SystemExit(f"{failed} writers failed, {len(rows)} rows of {len(wanted)}")
    return taken


def one_by_one(kind: str, count: int, profile: str | None) -> list[tuple[float, float]]:
    """Median milliseconds of the first and the last tenth of many commits: by the clock, of the processor."""
    taken, spent = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        table_in(Path(folder), profile) as session,
        small_writer(kind, session, Path(folder)) as insert,
    ):
        for number in range(count):
            start, worked = time.perf_counter(), time.process_time()
            insert("w", number)
            taken.append((time.perf_counter() - start) * 1000)
            spent.append((time.process_time() - worked) * 1000)
    tenth = max(count // 10, 1)
    return [(statistics.median(each[:tenth]), statistics.median(each[-tenth:])) for each in (taken, spent)]


@contextmanager
def small_writer(kind: str, session: CatalogSession, folder: Path) -> Iterator[Insert]:
    """What commits one row."""
    if kind == "request":
        with catalog_alone(session) as insert:
            yield insert
    elif kind == "a360":
        with Tables(session, DuckDBEngine(folder / "tmp", threads=1)) as tables:

            def insert(writer: str, number: int) -> None:
                rows = pa.table({"writer": [writer], "number": [number]}, schema=SCHEMA.as_arrow())
                tables.append(NAME, rows, CommitStamp(new_commit_id()))

            yield insert
    elif kind == "pyiceberg-set":
        with session.client().load_table(NAME).transaction() as change:
            change.set_properties({"commit.manifest-merge.enabled": "true"})
        with _pyiceberg_appends(session.endpoint, **{"snapshot-loading-mode": "refs"}) as insert:
            yield insert
    else:
        with WRITERS[kind](session.endpoint, folder / "tmp") as insert:
            yield insert


@contextmanager
def catalog_alone(session: CatalogSession) -> Iterator[Insert]:
    """Commits as bare requests, so that no client's own work is in the figure."""
    at = session.endpoint
    config = {"base_url": at.uri, "headers": {"authorization": f"Bearer {at.token}"}, "trust_env": False}
    with httpx.Client(**config) as http:
        prefix = http.get("/v1/config").json()["overrides"].get("prefix")
        path = f"/v1/{prefix + '/' if prefix else ''}namespaces/bench/tables/commits"

        def insert(writer: str, number: int) -> None:  # noqa: ARG001 -- the writers' shape
            http.post(
                path, json={"requirements": [], "updates": _snapshot(at, number + 1)}
            ).raise_for_status()

        yield insert


def _snapshot(at: Endpoint, number: int) -> list[dict[str, Any]]:
    """The updates of an append, as large as a real one's."""
    totals = {
        f"total-{each}": str(number) for each in ("records", "data-files", "files-size", "delete-files")
    }
    snapshot = {
        "snapshot-id": number,
        "sequence-number": number,
        "timestamp-ms": int(time.time() * 1000),
        "manifest-list": f"{at.warehouse}/bench/commits/metadata/snap-{number}-0-{'0' * 32}.avro",
        "summary": {"operation": "append", "added-records": "1", "added-data-files": "1", **totals},
        "schema-id": 0,
        **({"parent-snapshot-id": number - 1} if number > 1 else {}),
    }
    ref = {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": number}
    return [{"action": "add-snapshot", "snapshot": snapshot}, ref]


def main() -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--processes", type=int, default=8)
    options.add_argument("--commits", type=int, default=8, help="commits of each process")
    options.add_argument("--small", type=int, default=1000, help="commits one after the other; 0: none")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--profile", choices=["glue"])
    given = options.parse_args()
    half = given.processes // 2
    casts = {
        "PyIceberg": ["pyiceberg"] * given.processes,
        "DuckDB": ["duckdb"] * given.processes,
        "both mixed": ["pyiceberg"] * half + ["duckdb"] * (given.processes - half),
    }
    total = given.processes * given.commits
    print(f"{total} commits by {given.processes} processes, 0 failed, 0 lost: seconds (aim {AIM_SECONDS})")
    for name, kinds in casts.items():
        times = [
            min(
                many_at_once(kinds, given.commits, given.profile, one_server=shared)
                for _ in range(given.repeat)
            )
            for shared in (False, True)
        ]
        print(f"{name:<12} a gateway each {times[0]:>6.2f}   one server {times[1]:>6.2f}")
    if not given.small:
        return
    print(f"{given.small} commits one by one: ms of the first and the last tenth, ratio (aim {AIM_RATIO});")
    print("then the same in processor time")
    for kind, name in (
        ("request", "catalog alone"),
        ("a360", "this lake"),
        ("duckdb", "DuckDB"),
        ("pyiceberg-set", "PyIceberg, set"),
        ("pyiceberg", "PyIceberg"),
    ):
        figures = one_by_one(kind, given.small, given.profile)
        told = [f"{first:>7.1f} {last:>7.1f} {last / first:>6.2f}" for first, last in figures]
        print(f"{name:<14} {'   '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
