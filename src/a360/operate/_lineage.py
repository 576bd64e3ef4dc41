"""The lineage of what runs do: kept while a step runs, told as OpenLineage when the run ends.

What changes only with the contracts is told when they are applied, and not again by every run.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import LakePlan, TableChange
from a360.errors import A360Error
from a360.lineage import (
    Assertion,
    DatasetLineage,
    EventWriter,
    Impact,
    LakeLineage,
    Parent,
    SourceFile,
    StepRun,
    definitions,
    impact_of,
    lineage_in,
    together,
)
from a360.quality import RuleResult
from a360.table import StepReport, Tables, new_commit_id

if TYPE_CHECKING:
    from a360.ingest import FileReport

EVENTS = "ops.lineage_event"
DEFINITION = "JOB"

# A collector lists an event's inputs one by one; of an ingest of very many files the first tell enough.
_FILES = 200


def pending_impact(plan: LakePlan, tables: Tables, changes: Iterable[TableChange]) -> list[Impact]:
    """What changes would affect, by the lineage of the contracts and by that of those applied last."""
    return impact_of(together(LakeLineage.of(plan), recorded_lineage(tables)), changes)


def recorded_lineage(tables: Tables) -> Mapping[str, DatasetLineage]:
    """The lineage that each dataset had by the contracts that were applied last."""
    found = map(lineage_in, _told(tables).values())
    return {each.dataset: each for each in found if each is not None}


def tell_definitions(plan: LakePlan, tables: Tables) -> None:
    """Keep how each dataset is made as an event, where that is not what was told of it last."""
    told, now = _told(tables), datetime.now(UTC)
    rows = []
    for event in definitions(plan, now):
        [output] = event["outputs"]
        if {**event, "eventTime": ""} != {**told.get(output["name"], {}), "eventTime": ""}:
            rows.append((output["name"], event))
    if rows:
        applied = new_commit_id()
        kept = [_kept(event, dataset, applied, None, DEFINITION) for dataset, event in rows]
        tables.append(EVENTS, pa.Table.from_pylist(kept), CommitStamp(applied))


def _told(tables: Tables) -> Mapping[str, dict[str, Any]]:
    """The newest definition of each dataset."""
    if tables.current_snapshot_id(EVENTS) is None:
        return {}
    newest = tables.session.sql(
        f"SELECT dataset, max_by(payload, event_id) AS payload FROM {EVENTS} "
        f"WHERE event_type = '{DEFINITION}' GROUP BY dataset"
    )
    return {row["dataset"]: json.loads(row["payload"]) for row in newest.to_pylist()}


def _kept(
    event: Mapping[str, Any], dataset: str, run_id: str, commit_id: str | None, kind: str
) -> dict[str, Any]:
    return {
        "event_id": new_commit_id(),
        "run_id": run_id,
        "commit_id": commit_id,
        "dataset": dataset,
        "event_type": kind,
        "event_time": datetime.fromisoformat(event["eventTime"]),
        "payload": json.dumps(event, ensure_ascii=False, separators=(",", ":")),
    }


def sources_of(files: Iterable["FileReport"]) -> list[SourceFile]:
    """The files of an ingest, as lineage names them."""
    return [SourceFile(each.file, each.read, each.bytes) for each in files]


# The packages that engines come in, whose versions a run tells.
_PACKAGES = {"duckdb": "duckdb", "spark": "pyspark"}


class StepRuns:
    """The steps of one run, noted as they begin and end; what committed nothing is of no account."""

    def __init__(self, run_id: str, command: str, engine: str | None) -> None:
        version_of = version(_PACKAGES[engine]) if engine in _PACKAGES else ""
        self._parent = Parent(command, run_id, engine, version_of)
        self._begun: StepRun | None = None
        self._done: list[StepRun] = []

    def begin(self, dataset: str) -> None:
        """Note that a step begins."""
        self._begun = StepRun(dataset, new_commit_id(), datetime.now(UTC))

    def end(
        self,
        step: StepReport,
        upstream: Mapping[str, str],
        quality: Iterable[RuleResult],
        files: Sequence[SourceFile] = (),
    ) -> None:
        """Note that a step has ended and committed."""
        now = datetime.now(UTC)
        begun = self._begun if self._begun and self._begun.dataset == step.dataset else None
        self._begun = None
        if step.commit_id is None:
            return
        done = StepRun(
            step.dataset,
            step.commit_id,
            begun.started if begun else now,
            now,
            dict(upstream),
            rows=step.output_rows,
            assertions=tuple(_assertion(each) for each in quality if each.dataset == step.dataset),
            files=tuple(files[:_FILES]),
        )
        self._done.append(done)

    def fail(self, error: A360Error) -> None:
        """Note that the step that runs has failed; its error names rules and tables, never a patient."""
        if self._begun is not None:
            told = (error.code.slug, error.what)
            self._done.append(replace(self._begun, ended=datetime.now(UTC), error=told))
            self._begun = None

    def rows(self, plan: LakePlan, snapshot_of: Callable[[str], str | None]) -> list[dict[str, Any]]:
        """The rows of `ops.lineage_event`: for each step its start and its end."""
        writer = EventWriter(plan, self._parent)
        rows = []
        for each in self._done:
            run = each if each.error else replace(each, snapshot_id=snapshot_of(each.dataset))
            rows += [self._row(run, event) for event in (writer.start(run), writer.end(run))]
        return rows

    def _row(self, run: StepRun, event: Mapping[str, Any]) -> dict[str, Any]:
        commit_id = None if run.error else run.run_id
        return _kept(event, run.dataset, self._parent.run_id, commit_id, event["eventType"])


def _assertion(result: RuleResult) -> Assertion:
    column = result.columns[0] if len(result.columns) == 1 else ""
    nulls = result.failed if column and result.kind in {"not_null", "nullValues"} else None
    return Assertion(result.rule, result.passed, result.severity, column, nulls)
