"""Views over files of resources: what is read and written, whatever computes it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from a360.errors import UsageError
from a360.fhir._compile import compile_view
from a360.fhir._run._inputs import input_files
from a360.fhir._run._outputs import partial_files, require_outputs

if TYPE_CHECKING:
    import pyarrow as pa

type ViewSource = Mapping[str, Any] | str

_RUNNERS = {"duckdb": "a360.fhir._run._duckdb", "spark": "a360.fhir._run._spark"}


@dataclass(frozen=True, slots=True)
class ViewRun:
    """What a run of a view wrote: its rows, and where they are."""

    view: str
    resource_type: str
    rows: int
    output: Path

    def to_json(self) -> dict[str, Any]:
        """The run as a JSON object."""
        return {
            "view": self.view,
            "resource_type": self.resource_type,
            "rows": self.rows,
            "output": str(self.output),
        }


def run_view(
    views: Mapping[str, ViewSource],
    inputs: Iterable[Path | str],
    outputs: Mapping[str, Path],
    *,
    engine: str = "duckdb",
    memory_limit: str | None = None,
    threads: int | None = None,
) -> list[ViewRun]:
    """Run views over files of NDJSON, and write the rows of each to a file.

    Lines of other resource types are passed over. Views over one resource type share one reading of the
    files. All outputs are written, or none.

    Args:
        views: ViewDefinitions, each by a name of yours.
        inputs: Files of NDJSON, plain or packed as .gz or .zst, or folders of them.
        outputs: Where the rows of each view go: .parquet, .csv, .ndjson, or .json for one array.
        engine: What computes: duckdb or spark.
        memory_limit: What DuckDB may hold in memory, as `1GB`.
        threads: How many threads compute.

    Raises:
        ViewError: A view has faults.
        DataError: `input-refused` where a line is broken or no resource; `view-stopped` where a resource has
            several values and the view expects one.
        OperatorError: `input-missing` where an input is not there or an output cannot be written.
    """
    runner = _runner(engine)
    compiled = [compile_view(view) for view in views.values()]
    files = input_files(inputs)
    places = [outputs[name] for name in views]
    require_outputs(places, files)
    with partial_files(places) as targets:
        parts = zip(views.values(), compiled, places, targets, strict=True)
        jobs = [runner.Job(*each) for each in parts]
        rows = runner.write(jobs, files, runner.Bounds(memory_limit, threads))
    return [
        ViewRun(name, job.view.resource_type, rows[job.target], job.output)
        for name, job in zip(views, jobs, strict=True)
    ]


def view_batches(
    view: ViewSource,
    inputs: Iterable[Path | str],
    *,
    as_json: bool = False,
    engine: str = "duckdb",
    memory_limit: str | None = None,
    threads: int | None = None,
) -> "Iterator[pa.RecordBatch]":
    """The rows of a view over files of NDJSON, in batches of Arrow; what is not asked for is not read.

    With `as_json` a batch has one column, `row`, of the rows as JSON objects.

    Raises:
        ViewError: A view has faults.
        DataError: As in `run_view`.
        OperatorError: As in `run_view`.
    """
    runner = _runner(engine)
    job = runner.Job(view, compile_view(view))
    files = input_files(inputs)
    yield from runner.batches(job, files, runner.Bounds(memory_limit, threads), as_json=as_json)


def _runner(engine: str) -> ModuleType:
    """What runs views on an engine; only a run imports it."""
    if engine not in _RUNNERS:
        raise UsageError(
            "usage", f"there is no engine {engine!r} to run a view", next_step=f"one of {', '.join(_RUNNERS)}"
        )
    return import_module(_RUNNERS[engine])
