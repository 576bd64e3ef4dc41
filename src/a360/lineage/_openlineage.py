"""Steps as OpenLineage run events, specification 2-0-2: https://openlineage.io/spec/2-0-2/OpenLineage.json.

They tell of the run: what is the same in every run is told once, by `_definition`.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from a360.contract import LakePlan

PRODUCER = "https://aesthetics360.example/a360-data-lake"
SPECIFICATION = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
_FACETS = "https://openlineage.io/spec/facets"

type EventType = Literal["START", "COMPLETE", "FAIL"]
type Json = dict[str, Any]


def namespace_of(plan: LakePlan) -> str:
    """The namespace of a lake's datasets and jobs."""
    return f"a360://{plan.name}/{plan.environment}"


def facet(schema: str, **content: Any) -> Json:  # noqa: ANN401 - what the facet's schema says
    """A facet: its name and version are its schema's."""
    name = schema.partition("/")[2].removesuffix(".json")
    return {"_producer": PRODUCER, "_schemaURL": f"{_FACETS}/{schema}#/$defs/{name}", **content}


JOB_TYPE = facet("2-0-4/JobTypeJobFacet.json", processingType="BATCH", integration="A360", jobType="STEP")


@dataclass(frozen=True, slots=True)
class Assertion:
    """A quality rule as measured; `nulls` counts those of its column, where that is what it looks for."""

    rule: str
    success: bool
    severity: str
    column: str = ""
    nulls: int | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read, under the label it has in the lake."""

    label: str
    units: int
    bytes: int


@dataclass(frozen=True, slots=True)
class StepRun:
    """What one step of a run did, as far as lineage tells of it.

    Attributes:
        dataset: What it makes.
        run_id: The step's own run.
        started: When it began.
        ended: When it ended; None while it runs.
        upstream: The snapshot of each dataset that it read.
        snapshot_id: The snapshot that it made.
        rows: How many rows it wrote.
        assertions: The rules measured on what it wrote.
        files: The files it read, where it is an ingest.
        error: Code and message where it failed; they never hold a patient's data.
    """

    dataset: str
    run_id: str
    started: datetime
    ended: datetime | None = None
    upstream: Mapping[str, str] = field(default_factory=dict)
    snapshot_id: str | None = None
    rows: int | None = None
    assertions: Sequence[Assertion] = ()
    files: Sequence[SourceFile] = ()
    error: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """The run that the steps belong to: one command."""

    command: str
    run_id: str
    engine: str | None = None
    engine_version: str = ""


class EventWriter:
    """Writes the events of the steps of one lake.

    Datasets are named `zone.dataset` in the namespace `a360://NAME`, files by their label in `…/files`.
    """

    def __init__(self, plan: LakePlan, parent: Parent) -> None:
        self._parent = parent
        self._namespace = namespace_of(plan)

    def start(self, run: StepRun) -> Json:
        """The event of a step that begins."""
        return self._event("START", run.started, run)

    def end(self, run: StepRun) -> Json:
        """The event of a step that has ended, well or not."""
        return self._event("FAIL" if run.error else "COMPLETE", run.ended or run.started, run)

    def _event(self, kind: EventType, when: datetime, run: StepRun) -> Json:
        ended = kind != "START"
        return {
            "eventType": kind,
            "eventTime": when.isoformat(),
            "producer": PRODUCER,
            "schemaURL": f"{SPECIFICATION}#/$defs/RunEvent",
            "run": {"runId": _uuid(run.run_id), "facets": self._run_facets(run, ended=ended)},
            "job": {
                "namespace": self._namespace,
                "name": f"{self._parent.command}.{run.dataset}",
                "facets": {"jobType": JOB_TYPE},
            },
            "inputs": self._inputs(run, told=ended),
            "outputs": [self._output(run, complete=kind == "COMPLETE")],
        }

    def _run_facets(self, run: StepRun, *, ended: bool) -> Json:
        facets: Json = {
            "parent": facet(
                "1-2-0/ParentRunFacet.json",
                run={"runId": _uuid(self._parent.run_id)},
                job={"namespace": self._namespace, "name": self._parent.command},
            )
        }
        if self._parent.engine:
            facets["processing_engine"] = facet(
                "1-1-1/ProcessingEngineRunFacet.json",
                name=self._parent.engine,
                version=self._parent.engine_version,
            )
        if ended and run.error:
            facets["errorMessage"] = facet(
                "1-0-1/ErrorMessageRunFacet.json",
                message=f"{run.error[0]}: {run.error[1]}",
                programmingLanguage="PYTHON",
            )
        return facets

    def _inputs(self, run: StepRun, *, told: bool) -> list[Json]:
        files = [self._file(each) for each in run.files]
        upstream = sorted(run.upstream.items())
        return [*files, *(self._dataset(name, snapshot if told else None) for name, snapshot in upstream)]

    def _file(self, file: SourceFile) -> Json:
        statistics = facet(
            "1-0-0/InputStatisticsInputDatasetFacet.json", rowCount=file.units, size=file.bytes, fileCount=1
        )
        return {
            "namespace": f"{self._namespace}/files",
            "name": file.label,
            "inputFacets": {"inputStatistics": statistics},
        }

    def _dataset(self, name: str, snapshot_id: str | None) -> Json:
        """A dataset; where no snapshot is told, its name alone: what ends a step says the rest."""
        if snapshot_id is None:
            return {"namespace": self._namespace, "name": name}
        version = facet("1-0-1/DatasetVersionDatasetFacet.json", datasetVersion=snapshot_id)
        return {"namespace": self._namespace, "name": name, "facets": {"version": version}}

    def _output(self, run: StepRun, *, complete: bool) -> Json:
        output = self._dataset(run.dataset, run.snapshot_id if complete else None)
        facets: Json = output.setdefault("facets", {})
        if complete:
            facets |= _quality(run)
            if run.rows is not None:
                statistics = facet("1-0-2/OutputStatisticsOutputDatasetFacet.json", rowCount=run.rows)
                output["outputFacets"] = {"outputStatistics": statistics}
        return output


def _quality(run: StepRun) -> Json:
    """The rules measured on what was written, and the nulls that they counted."""
    if not run.assertions:
        return {}
    nulls = {each.column: {"nullCount": each.nulls} for each in run.assertions if each.nulls is not None}
    rows = {} if run.rows is None else {"rowCount": run.rows}
    return {
        "dataQualityAssertions": facet(
            "1-1-0/DataQualityAssertionsDatasetFacet.json",
            assertions=[_assertion(each) for each in run.assertions],
        ),
        "dataQualityMetrics": facet("1-0-0/DataQualityMetricsDatasetFacet.json", columnMetrics=nulls, **rows),
    }


def _assertion(each: Assertion) -> Json:
    told = {
        "assertion": each.rule,
        "success": each.success,
        "severity": "error" if each.severity == "error" else "warn",
    }
    return {**told, "column": each.column} if each.column else told


def _uuid(run_id: str) -> str:
    return str(uuid.UUID(run_id))
