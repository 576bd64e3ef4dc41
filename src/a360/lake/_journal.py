"""What a run leaves in `ops`: the run, its steps, what quality was measured, and lineage events.

Rows are appended once, at the end of a run that changed something; any other run leaves no trace.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.quality import RuleResult, to_row
from a360.table import StepReport, Tables, new_commit_id

_PRODUCER = "https://aesthetics360.example/a360-data-lake"
_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/definitions/RunEvent"


@dataclass(slots=True)
class RunRecord:
    """The account of one run, kept until it ends."""

    command: str
    plan: str
    engine: str | None = None
    run_id: str = field(default_factory=new_commit_id)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    steps: list[StepReport] = field(default_factory=list)
    upstream: dict[str, Sequence[str]] = field(default_factory=dict)
    quality: list[RuleResult] = field(default_factory=list)

    def add(self, step: StepReport, upstream: Iterable[str] = (), quality: Iterable[RuleResult] = ()) -> None:
        """Note a step that has ended; one that committed nothing is of no account."""
        if step.commit_id is not None:
            self.steps.append(step)
            self.upstream[step.dataset] = sorted(upstream)
            self.quality.extend(quality)

    def write(self, tables: Tables, error_code: str | None = None) -> None:
        """Append the account to `ops`, where the run changed something or failed."""
        if not self.steps and error_code is None:
            return
        now = datetime.now(UTC)
        for name, rows in self._rows(now, error_code).items():
            if rows:
                tables.append(f"ops.{name}", pa.Table.from_pylist(rows), CommitStamp(self.run_id))

    def _rows(self, now: datetime, error_code: str | None) -> Mapping[str, list[dict[str, Any]]]:
        commits = {step.dataset: step.commit_id for step in self.steps}
        return {
            "run": [self._run(now, error_code)],
            "run_step": [self._step(step) for step in self.steps],
            "quality_result": [self._result(result, commits, now) for result in self.quality],
            "lineage_event": [self._event(step, now) for step in self.steps],
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

    def _event(self, step: StepReport, now: datetime) -> dict[str, Any]:
        """A step as an OpenLineage run event (specification 2-0-2)."""
        event_id = str(uuid.UUID(new_commit_id()))
        event = {
            "eventType": "COMPLETE",
            "eventTime": now.isoformat(),
            "producer": _PRODUCER,
            "schemaURL": _SCHEMA,
            "run": {"runId": str(uuid.UUID(step.commit_id))},
            "job": {"namespace": "a360", "name": f"{self.command}.{step.dataset}"},
            "inputs": [{"namespace": "a360", "name": name} for name in self.upstream[step.dataset]],
            "outputs": [{"namespace": "a360", "name": step.dataset}],
        }
        return {
            "event_id": event_id,
            "run_id": self.run_id,
            "commit_id": step.commit_id,
            "dataset": step.dataset,
            "event_type": "COMPLETE",
            "event_time": now,
            "payload": json.dumps(event, separators=(",", ":")),
        }
