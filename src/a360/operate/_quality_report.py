"""What a check of a lake's quality answers: values that a program reads and a face renders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from a360.quality import RuleResult, score, scores


@dataclass(frozen=True, slots=True)
class DatasetQuality:
    """The rules of one dataset, measured on what it holds; `quarantined` counts what it refused, by rule.

    Where rules were held to earlier counts, `measured_at` is when the oldest of them were made, `current`
    says whether they are of what the dataset holds now, and `unmeasured` names the rules without any.
    """

    dataset: str
    rows: int
    results: Sequence[RuleResult]
    quarantined: Mapping[str, int]
    measured_at: datetime | None = None
    commit_id: str | None = None
    current: bool = True
    unmeasured: Sequence[str] = ()

    @property
    def score(self) -> float | None:
        """The score, 0 to 100; None where the dataset has no rules."""
        return score(self.results)

    @property
    def dimensions(self) -> Mapping[str, float | None]:
        """The score of each dimension of quality."""
        return scores(self.results)

    def to_json(self) -> dict[str, Any]:
        """The dataset's quality as JSON."""
        return {
            "dataset": self.dataset,
            "rows": self.rows,
            "score": self.score,
            "dimensions": dict(self.dimensions),
            "quarantined": dict(self.quarantined),
            "measured_at": self.measured_at and self.measured_at.isoformat(),
            "commit_id": self.commit_id,
            "current": self.current,
            "unmeasured": list(self.unmeasured),
            "rules": [result.to_json() for result in self.results],
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The quality of the lake as it stands."""

    datasets: Sequence[DatasetQuality]

    @property
    def blocking(self) -> list[RuleResult]:
        """The rules of severity `error` that do not hold now."""
        return [result for dataset in self.datasets for result in dataset.results if result.fails_as_error]

    def to_json(self) -> list[dict[str, Any]]:
        """One object a dataset."""
        return [dataset.to_json() for dataset in self.datasets]
