"""All rules of a dataset measured in one query, and in one scan of its rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

import sqlglot
from sqlglot import exp

from a360.contract import (
    DanglingRows,
    DatasetRule,
    DistributionChange,
    DuplicateRows,
    FailingRows,
    Latency,
    NotNull,
    NullShareChange,
    Query,
    RowCount,
    RowRule,
    VolumeChange,
    engine_sql,
    quote_name,
)
from a360.quality._checks import Dialect, failure_sql, literal
from a360.quality._fold import folded
from a360.quality._judge import Counted, judge
from a360.quality._results import RuleResult, Scope
from a360.quality._stored import History

type Rule = RowRule | DatasetRule
type Answer = Mapping[str, float | int | None]

_OWN_ROWS = "a360 rows about to land"
_ALIVE = '"#alive"'


def measure_sql(
    dataset: str,
    rules: Sequence[Rule],
    rows: str,
    dialect: Dialect = "duckdb",
    *,
    alive: str = "TRUE",
    now: datetime | None = None,
) -> str:
    """One SELECT of one row: `checked`, the number of rows, then `m0`, `m1`, … in the order of the rules.

    `rows` names the relation to measure; a query rule that names `dataset` reads it instead. `alive` is a
    condition that leaves tombstones out of all measures but those of query rules. The relation is read once;
    only a query rule that is more than aggregates of its own dataset reads it again, as does a reference to
    the dataset itself. A distribution has a column a bin, `m3_0`, `m3_1`, ….
    """
    writer = _Writer(dataset, rows, dialect, now or datetime.now(UTC))
    columns = [f"count(*) FILTER (WHERE {_ALIVE}) AS checked"]
    for number, rule in enumerate(rules):
        columns += writer.columns(number, rule)
    return (
        f"SELECT {', '.join(columns)} FROM (SELECT *, coalesce({alive}, FALSE) AS {_ALIVE} "
        f"FROM {rows} AS own) AS counted{''.join(writer.joins)}"
    )


@dataclass(slots=True)
class _Writer:
    dataset: str
    rows: str
    dialect: Dialect
    now: datetime
    joins: list[str] = field(default_factory=list)

    def columns(self, number: int, rule: Rule) -> Iterator[str]:
        """What a rule adds to the SELECT."""
        if not isinstance(rule, RowRule) and isinstance(rule.measure, DistributionChange):
            for place, condition in enumerate(_bins(rule.measure, self.dialect)):
                yield f"{_count(condition)} AS m{number}_{place}"
        else:
            yield f"{self._measure(number, rule)} AS m{number}"

    def _measure(self, number: int, rule: Rule) -> str:
        measure = rule.check if isinstance(rule, RowRule) else rule.measure
        match measure:
            case FailingRows(column=column, check=check):
                sql = _count(failure_sql(check, [column], self.dialect))
            case NullShareChange(column=column):
                sql = _count(failure_sql(NotNull(), [column], self.dialect))
            case DuplicateRows(columns=columns):
                sql = self._duplicates(columns)
            case DanglingRows():
                sql = self._dangling(number, measure)
            case Query(sql=written):
                query = engine_sql(written, self.dialect)
                aggregates = folded(query, self.dataset, self.dialect)
                sql = aggregates or f"({_own_rows(query, self.dataset, self.rows, self.dialect)})"
            case Latency(column=column):
                sql = self._newest(quote_name(column))
            case RowCount() | VolumeChange() | DistributionChange():
                sql = _count("TRUE")
            case _:
                sql = _count(failure_sql(measure, rule.columns, self.dialect))
        return sql

    def _duplicates(self, columns: Sequence[str]) -> str:
        make = {"duckdb": "row", "spark": "struct"}[self.dialect]
        distinct = f"count(DISTINCT {make}({', '.join(map(quote_name, columns))}))"
        return f"(count(*) FILTER (WHERE {_ALIVE}) - {distinct} FILTER (WHERE {_ALIVE}))"

    def _dangling(self, number: int, measure: DanglingRows) -> str:
        """Rows whose key has no row of the target.

        Ids of silver need their source beside them; a patient's token and the keys of gold are whole.
        """
        target = self.rows if measure.dataset == self.dataset else measure.dataset
        column, key, source = quote_name(measure.column), f'"#k{number}"', f'"#s{number}"'
        named = measure.target_column == "patient_key" or measure.dataset.startswith("gold.")
        sources = "" if named else f', "source" AS {source}'
        same = "" if named else f' AND {source} = counted."source"'
        self.joins.append(
            f" LEFT JOIN (SELECT DISTINCT {quote_name(measure.target_column)} AS {key}{sources} "
            f'FROM {target} AS target) AS "#t{number}" ON {key} = counted.{column}{same}'
        )
        return _count(f"counted.{column} IS NOT NULL AND {key} IS NULL")

    def _newest(self, column: str) -> str:
        """The newest value as seconds since 1970; what lies in the future says nothing of what has come."""
        now = f"CAST({literal(self.now.astimezone(UTC).isoformat())} AS {self._timestamp})"
        newest = f"max(CAST({column} AS {self._timestamp}))"
        at = f"{newest} FILTER (WHERE {_ALIVE} AND CAST({column} AS {self._timestamp}) <= {now})"
        return f"epoch({at})" if self.dialect == "duckdb" else f"unix_micros({at}) / 1e6"

    @property
    def _timestamp(self) -> str:
        return "TIMESTAMPTZ" if self.dialect == "duckdb" else "TIMESTAMP"


def _count(condition: str) -> str:
    return f"count(*) FILTER (WHERE {_ALIVE} AND ({condition}))"


def _bins(measure: DistributionChange, dialect: Dialect = "duckdb") -> list[str]:
    """A condition for each bin; nulls are in none."""
    column = quote_name(measure.column)
    if measure.values:
        one_each = [f"{column} = {literal(value, dialect)}" for value in measure.values]
        among = ", ".join(literal(value, dialect) for value in measure.values)
        return [*one_each, f"{column} NOT IN ({among})"]
    edges = [literal(edge) for edge in measure.edges]
    within = [f"{column} >= {low} AND {column} < {high}" for low, high in pairwise(edges)]
    return [f"{column} < {edges[0]}", *within, f"{column} >= {edges[-1]}"]


def _own_rows(sql: str, dataset: str, rows: str, dialect: Dialect) -> str:
    query = sqlglot.parse_one(sql, dialect=dialect)
    # `rows` may be a query, in words that only its engine need understand: it is put in as text.
    place = exp.to_identifier(_OWN_ROWS, quoted=True)
    for table in list(query.find_all(exp.Table)):
        if f"{table.db}.{table.name}" == dataset:
            table.replace(exp.alias_(exp.Table(this=place.copy()), table.alias or table.name, table=True))
    return query.sql(dialect=dialect).replace(place.sql(dialect=dialect), rows)


def measure_results(
    dataset: str,
    rules: Sequence[Rule],
    answer: Answer,
    *,
    now: datetime | None = None,
    history: History | None = None,
    scope: Scope = "dataset",
) -> list[RuleResult]:
    """One result a rule, from the one row that `measure_sql` gave; `history` is what it is compared with."""
    return judged(dataset, rules, counted(rules, answer, now=now), history=history, scope=scope)


def counted(rules: Sequence[Rule], answer: Answer, *, now: datetime | None = None) -> list[Counted]:
    """What was counted for each rule, from the one row that `measure_sql` gave."""
    moment = now or datetime.now(UTC)
    return [_counted(number, rule, answer, moment) for number, rule in enumerate(rules)]


def judged(
    dataset: str,
    rules: Sequence[Rule],
    counts: Sequence[Counted],
    *,
    history: History | None = None,
    scope: Scope = "dataset",
) -> list[RuleResult]:
    """One result a rule, from what was counted for it."""
    return [
        judge(dataset, rule, each, past=(history or {}).get(rule.fingerprint, ()), scope=scope)
        for rule, each in zip(rules, counts, strict=True)
    ]


def _counted(number: int, rule: Rule, answer: Answer, now: datetime) -> Counted:
    checked = int(answer["checked"] or 0)
    measure = None if isinstance(rule, RowRule) else rule.measure
    if isinstance(measure, DistributionChange):
        counts = tuple(int(answer[f"m{number}_{place}"] or 0) for place in range(len(_bins(measure))))
        return Counted(checked=sum(counts), counts=counts)
    value = answer[f"m{number}"]
    match measure:
        case VolumeChange():
            return Counted(checked=checked)
        case RowCount():
            return Counted(value=float(checked))
        case Latency():
            return Counted(value=None if value is None else (now.timestamp() - value) / 3600.0)
        case Query():
            return Counted(value=_query_value(value, rule, checked))
        case _:
            return Counted(checked=checked, failed=int(value or 0))


def _query_value(value: float | None, rule: Rule, checked: int) -> float | None:
    if value is None or isinstance(rule, RowRule) or rule.unit != "percent":
        return None if value is None else float(value)
    return 100.0 * float(value) / checked if checked else 0.0
