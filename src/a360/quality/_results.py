"""What measuring a rule gave, and the scores made of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from a360.contract import Dimension, Severity

type Scope = Literal["dataset", "batch"]
"""Whether all rows of a dataset were looked at, or those of one commit."""

CHANGES = frozenset({"volume_change", "null_share_change", "distribution_change"})
"""The kinds of rules that compare with earlier measurements."""

# The five dimensions a person is shown, and what of the standard's seven each gathers.
DIMENSIONS: Mapping[str, frozenset[Dimension]] = {
    "completeness": frozenset({"completeness", "coverage"}),
    "validity": frozenset({"conformity", "accuracy"}),
    "uniqueness": frozenset({"uniqueness"}),
    "consistency": frozenset({"consistency"}),
    "timeliness": frozenset({"timeliness"}),
}


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule, measured: `failed` of `checked` rows for a row rule, a number for a dataset rule.

    `fingerprint` says what was counted, so that a later threshold can be held to the same counts; `counts`
    are those of a distribution. A rule that compares with history is not `judged` before there is enough.
    """

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
    judged: bool = True
    scope: Scope = "dataset"
    fingerprint: str = ""
    counts: tuple[int, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether this result stops a commit: a dataset rule of severity `error` that does not hold.

        What comes late stops none: it would only come later.
        """
        return self.fails_as_error and self.operator is not None and self.kind != "latency"

    @property
    def fails_as_error(self) -> bool:
        """Whether a rule of severity `error` does not hold."""
        return not self.passed and self.severity == "error"

    @property
    def share(self) -> float:
        """The share of rows that passed, 0 to 1; for a rule that is no count of rows, whether it passed."""
        if self.checked is None or self.failed is None or self.kind in CHANGES:
            return 1.0 if self.passed else 0.0
        return 1.0 if self.checked == 0 else 1.0 - self.failed / self.checked

    def to_json(self) -> dict[str, object]:
        """The result as a flat JSON object."""
        lists = {name: list(getattr(self, name)) for name in ("columns", "threshold", "counts")}
        return {**asdict(self), **lists}


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """The score of a dataset and of each dimension, as it once was."""

    measured_at: datetime
    score: float | None
    dimensions: Mapping[str, float | None]


def score(results: Iterable[RuleResult]) -> float | None:
    """The quality score of a dataset, 0 to 100: the mean over its rules of the share of rows that passed.

    None where nothing was judged: a dataset without rules has no score, not a perfect one.
    """
    shares = [result.share for result in results if result.judged]
    if not shares:
        return None
    if all(share == 1.0 for share in shares):
        return 100.0
    # One bad row among millions is not perfect, whatever rounding says.
    return min(round(100.0 * sum(shares) / len(shares), 2), 99.99)


def scores(results: Sequence[RuleResult]) -> dict[str, float | None]:
    """The score of each dimension."""
    return {
        name: score(result for result in results if result.dimension in gathered)
        for name, gathered in DIMENSIONS.items()
    }
