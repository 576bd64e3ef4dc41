"""From what was counted to whether a rule holds: freshly counted, or counted before and kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from a360.contract import (
    DatasetRule,
    DistributionChange,
    NullShareChange,
    RowRule,
    VolumeChange,
)
from a360.quality._anomalies import Past, deviation
from a360.quality._results import RuleResult, Scope


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted for a rule: failing rows of checked ones, a number, or rows by bin."""

    checked: int | None = None
    failed: int | None = None
    value: float | None = None
    counts: tuple[int, ...] = ()


def judge(
    dataset: str,
    rule: RowRule | DatasetRule,
    counted: Counted,
    *,
    past: Sequence[Past] = (),
    scope: Scope = "dataset",
) -> RuleResult:
    """Hold a rule to what was counted."""
    result = RuleResult(
        dataset=dataset,
        rule=rule.name,
        kind=rule.kind,
        dimension=rule.dimension,
        severity=rule.severity,
        passed=counted.failed == 0,
        columns=rule.columns,
        checked=counted.checked,
        failed=counted.failed,
        scope=scope,
        fingerprint=rule.fingerprint,
        counts=counted.counts,
    )
    if isinstance(rule, RowRule):
        return result
    result = replace(result, operator=rule.operator, threshold=rule.threshold, unit=rule.unit)
    measured = _measured(rule, counted, past)
    if isinstance(rule.measure, VolumeChange | NullShareChange | DistributionChange):
        passed = measured is None or rule.holds(measured)
        return replace(result, measured=measured, passed=passed, judged=measured is not None)
    # A query that gives null measured nothing, which is never a pass.
    return replace(result, measured=measured, passed=measured is not None and rule.holds(measured))


def _measured(rule: DatasetRule, counted: Counted, past: Sequence[Past]) -> float | None:
    measure = rule.measure
    if isinstance(measure, VolumeChange | NullShareChange | DistributionChange):
        if counted.value is not None:
            return counted.value
        now = Past(counted.checked or 0, counted.failed or 0, counted.counts)
        return deviation(measure, now, past)
    if counted.failed is None:
        return counted.value
    if rule.unit == "percent":
        return 100.0 * counted.failed / counted.checked if counted.checked else 0.0
    return float(counted.failed)
