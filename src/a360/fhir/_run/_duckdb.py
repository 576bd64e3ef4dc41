"""Views over files on a DuckDB of their own, streaming, at the speed that DuckDB reads JSON."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from a360._duckdb import connect
from a360.fhir._compile import CompiledView, ViewColumn, compile_views
from a360.fhir._run._archives import Archives
from a360.fhir._run._errors import in_words_of_a_run
from a360.fhir._run._outputs import copy_sql, json_select
from a360.fhir._run._scan import scan_sql

_RESOURCES = "resources"
_BATCH_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a run may take of the machine: memory as DuckDB writes it, and threads; unset is its default."""

    memory_limit: str | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A view, the file its rows are for, and the one they are written to."""

    definition: Mapping[str, Any] | str
    view: CompiledView
    output: Path = Path()
    target: str = ""


def write(jobs: Sequence[Job], files: Sequence[Path], bounds: Bounds) -> dict[str, int]:
    """Write the rows of views; how many, by target. Views over one resource type share a reading."""
    by_type: dict[str, list[Job]] = {}
    for job in jobs:
        by_type.setdefault(job.view.resource_type, []).append(job)
    rows: dict[str, int] = {}
    with Archives(files) as archives:
        for members in by_type.values():
            rows |= _write_shared(members, files, archives, bounds)
        archives.require_whole()
    return rows


def _write_shared(
    jobs: Sequence[Job], files: Sequence[Path], archives: Archives, bounds: Bounds
) -> dict[str, int]:
    compiled = compile_views([job.definition for job in jobs], source=_RESOURCES)
    # One view streams from the files to its output; several read what was parsed once, which spills to disk.
    kind = "VIEW" if len(jobs) == 1 else "TABLE"
    rows = {}
    with bare_session(bounds) as session, in_words_of_a_run(session, files, archives):
        # Rows have no order in SQL on FHIR; to keep that of the input would cost a quarter of the speed.
        session.execute("SET preserve_insertion_order = false")
        session.execute(f"CREATE TEMP {kind} {_RESOURCES} AS {scan_sql(files, compiled.struct)}")
        for job, view in zip(jobs, compiled.views, strict=True):
            session.execute(copy_sql(view.sql, view.schema, job.output, job.target))
            [rows[job.target]] = session.fetchone() or [0]
    return rows


def batches(job: Job, files: Sequence[Path], bounds: Bounds, *, as_json: bool) -> Iterator[pa.RecordBatch]:
    """The rows of a view as a stream."""
    with Archives(files) as archives:
        with bare_session(bounds) as session, in_words_of_a_run(session, files, archives):
            session.execute(f"CREATE TEMP VIEW {_RESOURCES} AS {scan_sql(files, job.view.struct)}")
            yield from stream(session, job.view.sql, job.view.schema, as_json=as_json)
        archives.require_whole()


def stream(
    session: duckdb.DuckDBPyConnection, sql: str, schema: Sequence[ViewColumn], *, as_json: bool
) -> Iterator[pa.RecordBatch]:
    """The rows of a query as a stream, as they are or as the one column `row` of JSON."""
    if as_json:
        sql = f"SELECT CAST(to_json(v) AS VARCHAR) AS row FROM ({json_select(sql, schema)}) AS v"
    yield from session.execute(sql).to_arrow_reader(_BATCH_ROWS)


@contextmanager
def bare_session(bounds: Bounds) -> Iterator[duckdb.DuckDBPyConnection]:
    """A bare database in memory; what it spills is encrypted, and gone with it."""
    with (
        tempfile.TemporaryDirectory(prefix="a360-view-") as spill,
        connect(
            spill=spill, extensions=("httpfs",), memory_limit=bounds.memory_limit, threads=bounds.threads
        ) as session,
    ):
        yield session
