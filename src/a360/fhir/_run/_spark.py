"""Views over files on a local Spark: it computes the rows, and DuckDB puts them into the form asked for."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from a360.contract import quote_text
from a360.errors import A360Error
from a360.fhir._run._archives import Archives
from a360.fhir._run._duckdb import Bounds, Job, bare_session, stream
from a360.fhir._run._errors import in_words_of_a_run
from a360.fhir._run._outputs import copy_sql
from a360.fhir._run._scan import faulty_line
from a360.fhir._spark import view_parquet


def write(jobs: Sequence[Job], files: Sequence[Path], bounds: Bounds) -> dict[str, int]:
    """Write the rows of views; how many, by target."""
    rows = {}
    with Archives(files) as archives:
        for job in jobs:
            with (
                _computed(job, files, archives, bounds) as sql,
                bare_session(bounds) as session,
                in_words_of_a_run(session, files, archives),
            ):
                session.execute(copy_sql(sql, job.view.schema, job.output, job.target))
                [rows[job.target]] = session.fetchone() or [0]
        archives.require_whole()
    return rows


def batches(job: Job, files: Sequence[Path], bounds: Bounds, *, as_json: bool) -> Iterator[pa.RecordBatch]:
    """The rows of a view as a stream, once Spark has computed all of them."""
    with Archives(files) as archives:
        with (
            _computed(job, files, archives, bounds) as sql,
            bare_session(bounds) as session,
            in_words_of_a_run(session, files, archives),
        ):
            yield from stream(session, sql, job.view.schema, as_json=as_json)
        archives.require_whole()


@contextmanager
def _computed(job: Job, files: Sequence[Path], archives: Archives, bounds: Bounds) -> Iterator[str]:
    """A SELECT of the rows that Spark has written, in the order of the input."""
    with tempfile.TemporaryDirectory(prefix="a360-view-") as folder:
        try:
            parts = view_parquet(job.definition, files, Path(folder))
        except A360Error as error:
            archives.require_whole()
            if error.code.slug != "input-refused":
                raise
            with bare_session(bounds) as session:
                raise faulty_line(files, session) from None
        listed = ", ".join(quote_text(str(path)) for path in parts)
        yield f"SELECT * FROM read_parquet([{listed}])"
