"""Measurements as `ops.quality_result` keeps them: written, read as history, and judged again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from a360.contract import DatasetRule, Latency, RowRule
from a360.quality._anomalies import Past
from a360.quality._checks import literal
from a360.quality._judge import Counted, judge
from a360.quality._results import CHANGES, RuleResult

STORED = "ops.quality_result"

type History = Mapping[str, Sequence[Past]]
"""Earlier measurements of whole datasets by what was measured, newest first, one a commit."""


def to_row(result: RuleResult) -> dict[str, Any]:
    """A result as a row of `ops.quality_result`, less when it was measured, by which run and for what."""
    return {
        "dataset": result.dataset,
        "rule": result.rule,
        "kind": result.kind,
        "dimension": result.dimension,
        "severity": result.severity,
        "columns": ",".join(result.columns) or None,
        "passed": result.passed,
        "checked": result.checked,
        "failed": result.failed,
        "measured": result.measured,
        "operator": result.operator,
        "threshold": ",".join(f"{limit:g}" for limit in result.threshold) or None,
        "unit": result.unit,
        "measure": result.fingerprint or None,
        "scope": result.scope,
        "counts": ",".join(map(str, result.counts)) or None,
    }


def of_row(row: Mapping[str, Any]) -> RuleResult:
    """A result as it was kept."""
    return RuleResult(
        dataset=row["dataset"],
        rule=row["rule"],
        kind=row["kind"],
        dimension=row["dimension"],
        severity=row["severity"],
        passed=row["passed"],
        columns=tuple(filter(None, (row["columns"] or "").split(","))),
        checked=row["checked"],
        failed=row["failed"],
        measured=row["measured"],
        operator=row["operator"],
        threshold=tuple(float(limit) for limit in (row["threshold"] or "").split(",") if limit),
        unit=row["unit"],
        judged=row["kind"] not in CHANGES or row["measured"] is not None,
        scope=row["scope"] or "batch",
        fingerprint=row["measure"] or "",
        counts=_counts(row),
    )


def history_sql(dataset: str, before: str | None) -> str:
    """The rows that `read_history` wants; `before` is a commit whose measurements are no history."""
    earlier = f"AND commit_id <> {literal(before)}" if before else ""
    return (
        f"SELECT measure, checked, failed, counts FROM {STORED} WHERE dataset = {literal(dataset)} "
        f"AND scope = 'dataset' AND commit_id IS NOT NULL AND measure IS NOT NULL {earlier} "
        "QUALIFY row_number() OVER (PARTITION BY measure, commit_id ORDER BY known_at DESC) = 1 "
        "ORDER BY commit_id DESC"
    )


def read_history(rows: Iterable[Mapping[str, Any]]) -> History:
    """Earlier measurements by what was measured."""
    found: dict[str, list[Past]] = {}
    for row in rows:
        past = Past(row["checked"] or 0, row["failed"] or 0, _counts(row))
        found.setdefault(row["measure"], []).append(past)
    return found


def _counts(row: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(count) for count in (row["counts"] or "").split(",") if count)


def compares(rules: Iterable[RowRule | DatasetRule]) -> bool:
    """Whether any of the rules needs history."""
    return any(rule.kind in CHANGES for rule in rules)


@dataclass(frozen=True, slots=True)
class Stored:
    """A measurement that was kept: what it gave, when, and of which commit."""

    result: RuleResult
    known_at: datetime
    commit_id: str | None


def judge_stored(
    dataset: str, rules: Sequence[RowRule | DatasetRule], stored: Iterable[Stored], now: datetime
) -> tuple[list[RuleResult], list[str]]:
    """Hold rules as they are now to what was counted before; and the names of those never counted.

    Of several measurements of the same the newest counts. Age grows though nobody looks: a latency is that
    of now, if nothing has come since.
    """
    newest: dict[str, Stored] = {}
    for each in stored:
        known = newest.get(each.result.fingerprint)
        if known is None or known.known_at < each.known_at:
            newest[each.result.fingerprint] = each
    results, unknown = [], []
    for rule in rules:
        found = newest.get(rule.fingerprint)
        if found is None:
            unknown.append(rule.name)
        else:
            results.append(judge(dataset, rule, _counted(rule, found, now)))
    return results, unknown


def _counted(rule: RowRule | DatasetRule, stored: Stored, now: datetime) -> Counted:
    result = stored.result
    value = result.measured
    if isinstance(rule, DatasetRule) and isinstance(rule.measure, Latency) and value is not None:
        value += (now - stored.known_at).total_seconds() / 3600.0
    return Counted(result.checked, result.failed, value, result.counts)
