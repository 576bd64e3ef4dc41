"""Rules of a dataset as a whole, measured in the engine and compared with earlier measurements."""

from collections.abc import Sequence
from datetime import UTC, datetime

from a360.contract import DanglingRows, DatasetRule, DuplicateRows, Latency, RowRule
from a360.quality import (
    RuleResult,
    Scope,
    compares,
    history_sql,
    measure_results,
    measure_sql,
    read_history,
)
from a360.refine._context import RefineContext

AFTERWARDS = (DanglingRows, Latency)
"""What is measured once all datasets have landed, and stops none: the order of arrival must not matter."""


def measured(
    context: RefineContext,
    dataset: str,
    rules: Sequence[RowRule | DatasetRule],
    rows: str,
    *,
    alive: str = "TRUE",
    scope: Scope = "dataset",
) -> list[RuleResult]:
    """Measure rules on a relation, in one query."""
    if not rules:
        return []
    now = datetime.now(UTC)
    sql = measure_sql(dataset, rules, rows, alive=alive, now=now)
    answer = context.session.sql(sql).to_pylist()[0]
    history = None
    if compares(rules):
        history = read_history(context.session.sql(history_sql(dataset, None)).to_pylist())
    return measure_results(dataset, rules, answer, now=now, history=history, scope=scope)


def split_key(
    rules: Sequence[DatasetRule], key: Sequence[str]
) -> tuple[list[DatasetRule], list[DatasetRule]]:
    """The rules that new rows alone can break, since a merge replaces rows by their key; and the others."""
    before = [rule for rule in rules if not isinstance(rule.measure, AFTERWARDS)]
    of_key = [
        rule
        for rule in before
        if isinstance(rule.measure, DuplicateRows) and set(rule.measure.columns) >= set(key)
    ]
    return of_key, [rule for rule in before if rule not in of_key]
