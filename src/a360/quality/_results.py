"""What measuring a rule gave."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from a360.contract import Dimension, Severity


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule, measured: `failed` of `checked` rows for a row rule, a number for a dataset rule."""

    dataset: str
    rule: str
    kind: str
    dimension: Dimension
    severity: Severity
    passed: bool
    columns: tuple[str, ...] = ()
    checked: int | None = None
    failed: int | None = None
    measured: float | None = None
    operator: str | None = None
    threshold: tuple[float, ...] = ()
    unit: str | None = None

    @property
    def blocks(self) -> bool:
        """Whether this result stops a commit: a dataset rule of severity `error` that does not hold."""
        return not self.passed and self.severity == "error" and self.operator is not None

    @property
    def share(self) -> float:
        """The share of rows that passed, 0 to 1; for a rule that is no count of rows, whether it passed."""
        if self.checked is None or self.failed is None:
            return 1.0 if self.passed else 0.0
        return 1.0 if self.checked == 0 else 1.0 - self.failed / self.checked

    def to_json(self) -> dict[str, object]:
        """The result as a flat JSON object."""
        return {**asdict(self), "columns": list(self.columns), "threshold": list(self.threshold)}


def score(results: Iterable[RuleResult]) -> float | None:
    """The quality score of a dataset, 0 to 100: the mean over its rules of the share of rows that passed.

    None where nothing was measured: a dataset without rules has no score, not a perfect one.
    """
    shares = [result.share for result in results]
    return round(100.0 * sum(shares) / len(shares), 2) if shares else None
