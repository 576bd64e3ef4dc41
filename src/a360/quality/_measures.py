"""Dataset rules: all measures of a dataset in one query."""

from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import exp

from a360.contract import (
    DanglingRows,
    DatasetRule,
    DuplicateRows,
    FailingRows,
    Query,
    RowCount,
)
from a360.quality._checks import Dialect, failure_sql, quote
from a360.quality._results import RuleResult

_OWN_ROWS = "a360 rows about to land"


def measure_sql(
    dataset: str, rules: Sequence[DatasetRule], rows: str, dialect: Dialect = "duckdb", *, alive: str = "TRUE"
) -> str:
    """One SELECT of one row: `checked`, the number of rows, then `m0`, `m1`, … in the order of the rules.

    `rows` names the relation about to be committed; a query rule that names `dataset` reads it instead.
    `alive` is a condition that leaves tombstones out of all measures but those of query rules.
    """
    counted = f"(SELECT * FROM {rows} WHERE {alive})"
    aggregates = ["count(*) AS checked"]
    aggregates += [
        f"{_measure(rule, dataset, rows, counted, dialect)} AS m{number}" for number, rule in enumerate(rules)
    ]
    return f"SELECT {', '.join(aggregates)} FROM {counted} AS counted"


def _measure(rule: DatasetRule, dataset: str, rows: str, counted: str, dialect: Dialect) -> str:
    measure = rule.measure
    match measure:
        case RowCount():
            return "count(*)"
        case FailingRows(column=column, check=check):
            return f"coalesce(sum(CASE WHEN {failure_sql(check, [column], dialect)} THEN 1 ELSE 0 END), 0)"
        case DuplicateRows(columns=columns):
            names = ", ".join(quote(column) for column in columns)
            return f"(count(*) - (SELECT count(*) FROM (SELECT DISTINCT {names} FROM {counted} AS d) AS e))"
        case DanglingRows(column=column, dataset=target, target_column=target_column):
            return _dangling(dataset, rows, counted, quote(column), target, quote(target_column))
        case Query(sql=sql):
            return f"({_own_rows(sql, dataset, rows, dialect)})"


def _dangling(dataset: str, rows: str, counted: str, column: str, target: str, target_column: str) -> str:
    """Rows whose key has no row of the target; a token names its source, another id needs it beside."""
    found = rows if target == dataset else target
    same_source = "" if target_column == '"patient_key"' else ' AND t."source" = c."source"'
    return (
        f"(SELECT count(*) FROM {counted} AS c WHERE c.{column} IS NOT NULL AND NOT EXISTS "
        f"(SELECT 1 FROM {found} AS t WHERE t.{target_column} = c.{column}{same_source}))"
    )


def _own_rows(sql: str, dataset: str, rows: str, dialect: Dialect) -> str:
    query = sqlglot.parse_one(sql, dialect=dialect)
    # `rows` may be a query, in words that only its engine need understand: it is put in as text.
    place = exp.to_identifier(_OWN_ROWS, quoted=True)
    for table in list(query.find_all(exp.Table)):
        if f"{table.db}.{table.name}" == dataset:
            table.replace(exp.alias_(exp.Table(this=place.copy()), table.alias or table.name, table=True))
    return query.sql(dialect=dialect).replace(place.sql(dialect=dialect), rows)


def measure_results(
    dataset: str, rules: Sequence[DatasetRule], answer: Mapping[str, float | int | None]
) -> list[RuleResult]:
    """One result a rule, from the one row that `measure_sql` gave."""
    checked = int(answer["checked"] or 0)
    return [_result(dataset, rule, answer[f"m{number}"], checked) for number, rule in enumerate(rules)]


def _result(dataset: str, rule: DatasetRule, value: float | None, checked: int) -> RuleResult:
    counts_rows = isinstance(rule.measure, FailingRows | DuplicateRows | DanglingRows)
    measured = 0.0 if value is None else float(value)
    if rule.unit == "percent":
        measured = 100.0 * measured / checked if checked else 0.0
    # A query that gives null measured nothing, which is never a pass.
    passed = value is not None and rule.holds(measured)
    return RuleResult(
        dataset=dataset,
        rule=rule.name,
        kind=rule.kind,
        dimension=rule.dimension,
        severity=rule.severity,
        passed=passed,
        columns=rule.columns,
        checked=checked if counts_rows else None,
        failed=int(value or 0) if counts_rows else None,
        measured=measured,
        operator=rule.operator,
        threshold=rule.threshold,
        unit=rule.unit,
    )
