"""What the lake's verbs answer: values that a program reads and a face renders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from a360.table import StepReport

if TYPE_CHECKING:
    from a360.quality import RuleResult
    from a360.refine import RefineResult


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingest brought in. `files` has a row for each file: its label and counts.

    `remarks` say what somebody should know of files that were taken, as columns that no contract knows.
    """

    steps: Sequence[StepReport]
    files: Sequence[Any] = ()
    remarks: Sequence[str] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was committed."""
        return any(step.commit_id is not None for step in self.steps)

    def to_json(self) -> list[dict[str, Any]]:
        """The report's rows; remarks stand in the first."""
        rows: list[dict[str, Any]] = [dict(step.to_json()) for step in self.steps]
        if self.remarks and rows:
            rows[0]["remarks"] = [*self.remarks]
        return rows


def left_out(kind: str, files: int, skipped: int) -> tuple[str, ...]:
    """What to say of files in the named folders that were not read: silence would pass for success."""
    if not skipped:
        return () if files else (f"there was no file to read as {kind}",)
    those = f"{skipped:,} {'file' if skipped == 1 else 'files'} whose names are not those of {kind} files"
    return (f"left out {those}{'' if files else ': there was nothing else to read'}",)


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one run did, dataset by dataset; `ways` says how each was brought up to date, `reasons` why so."""

    steps: Sequence[StepReport]
    quality: "Sequence[RuleResult]" = ()
    ways: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    upstream_rows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, result: "RefineResult") -> "RunReport":
        """The report of what was refined."""
        steps = {outcome.report.dataset: outcome for outcome in result.outcomes}
        return cls(
            steps=[outcome.report for outcome in result.outcomes],
            quality=[*(each for outcome in result.outcomes for each in outcome.quality), *result.references],
            ways={dataset: outcome.way for dataset, outcome in steps.items()},
            reasons={dataset: outcome.why for dataset, outcome in steps.items()},
            upstream_rows={dataset: outcome.upstream_rows for dataset, outcome in steps.items()},
        )

    @property
    def changed(self) -> bool:
        """Whether anything was committed."""
        return any(step.commit_id is not None for step in self.steps)

    def to_json(self) -> list[dict[str, Any]]:
        """The report's rows, each with the way it was brought up to date, and why."""
        return [
            {**step.to_json(), "way": self.ways.get(step.dataset), "why": self.reasons.get(step.dataset)}
            for step in self.steps
        ]
