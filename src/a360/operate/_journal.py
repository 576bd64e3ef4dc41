"""What a run leaves in `ops`: the run, its steps, what quality was measured, and lineage events.

Rows are appended once, at the end of a run that changed something; any other run leaves no trace.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from a360._progress import Progress
from a360.catalog import CommitStamp
from a360.contract import LakePlan
from a360.errors import A360Error
from a360.lineage import SourceFile
from a360.operate._lineage import StepRuns
from a360.quality import RuleResult, to_row
from a360.table import StepReport, Tables, new_commit_id


@dataclass(slots=True)
class RunRecord:
    """The account of one run, kept until it ends."""

    command: str
    plan: str
    engine: str | None = None
    run_id: str = field(default_factory=new_commit_id)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    steps: list[StepReport] = field(default_factory=list)
    quality: list[RuleResult] = field(default_factory=list)
    lake_plan: LakePlan | None = None
    runs: StepRuns = field(init=False)

    def __post_init__(self) -> None:
        self.runs = StepRuns(self.run_id, self.command, self.engine)

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return (datetime.now(UTC) - self.started_at).total_seconds()

    def watched(self, progress: Progress | None) -> Progress:
        """Progress that also notes when the step of each dataset begins."""

        def told(stage: str, detail: str, done: int, total: int | None) -> None:
            if stage == "run" and total is not None and done < total:
                self.runs.begin(detail)
            if progress:
                progress(stage, detail, done, total)

        return told

    def add(
        self,
        step: StepReport,
        upstream: Mapping[str, str] | None = None,
        quality: Iterable[RuleResult] = (),
        files: Sequence[SourceFile] = (),
    ) -> None:
        """Note a step that has ended; one that committed nothing is of no account."""
        measured = list(quality)
        self.runs.end(step, upstream or {}, measured, files)
        if step.commit_id is not None:
            self.steps.append(step)
            self.quality.extend(measured)

    def write(self, tables: Tables, error: A360Error | None = None) -> None:
        """Append the account to `ops`, where the run changed something or failed."""
        if not self.steps and error is None:
            return
        if error is not None:
            self.runs.fail(error)
        now = datetime.now(UTC)
        accounts = self._rows(now, error.code.slug if error else None)
        if self.lake_plan is not None:
            accounts["lineage_event"] = self.runs.rows(self.lake_plan, tables.current_snapshot_id)
        for name, rows in accounts.items():
            if rows:
                tables.append(f"ops.{name}", pa.Table.from_pylist(rows), CommitStamp(self.run_id))

    def _rows(self, now: datetime, error_code: str | None) -> dict[str, list[dict[str, Any]]]:
        commits = {step.dataset: step.commit_id for step in self.steps}
        return {
            "run": [self._run(now, error_code)],
            "run_step": [self._step(step) for step in self.steps],
            "quality_result": [self._result(result, commits, now) for result in self.quality],
        }

    def _run(self, now: datetime, error_code: str | None) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "command": self.command,
            "engine": self.engine,
            "status": "failed" if error_code else "succeeded",
            "error_code": error_code,
            "plan": self.plan,
            "started_at": self.started_at,
            "finished_at": now,
        }

    def _step(self, step: StepReport) -> dict[str, Any]:
        return {
            **step.to_json(),
            "run_id": self.run_id,
            "status": "succeeded",
            "error_code": None,
            "started_at": self.started_at,
        }

    def _result(self, result: RuleResult, commits: Mapping[str, str | None], now: datetime) -> dict[str, Any]:
        return {
            **to_row(result),
            "run_id": self.run_id,
            "commit_id": commits.get(result.dataset),
            "known_at": now,
        }
