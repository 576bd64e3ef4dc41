"""Quality rules in the words of AWS Glue Data Quality (DQDL), as far as it has words for them.

A rule is put so that it holds where the lake's own holds: nulls pass what does not ask for a value, what is
gone counts nowhere, and both ends of a range belong to it. What has a rule type of its own is written in it,
all else as a query in Spark's SQL. A rule that DQDL cannot say is named with the reason, for it is not
checked there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp

from a360.contract._derived import HISTORY_COLUMN
from a360.contract._dialect import engine_sql
from a360.contract._plan import TablePlan
from a360.contract._rules import (
    DanglingRows,
    DatasetRule,
    DuplicateRows,
    Expression,
    FailingRows,
    InCodes,
    Latency,
    Length,
    NotMissing,
    NotNull,
    Operator,
    Pattern,
    Query,
    Range,
    RowCheck,
    RowCount,
    RowRule,
    ValidValues,
)

PRIMARY = "primary"
"""What a ruleset calls the table that it is evaluated on."""
_LONGEST = 65_536  # what Glue takes for a ruleset
_TOMBSTONE = "deleted"
_CURRENT = HISTORY_COLUMN[0]
_SIGNS: Mapping[Operator, str] = {
    "mustBe": "=",
    "mustNotBe": "!=",
    "mustBeGreaterThan": ">",
    "mustBeGreaterOrEqualTo": ">=",
    "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "<=",
}


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Rules of one table as DQDL; `text` is empty where none can be said.

    `references` are the other datasets that it reads, by the alias that an evaluation has to give them;
    `unsaid` tells of each rule that is left out why it is.
    """

    text: str
    references: Mapping[str, str] = field(default_factory=dict)
    unsaid: Mapping[str, str] = field(default_factory=dict)


class _UnsaidError(Exception):
    """DQDL has no words for a rule; the message says what it lacks."""


def dqdl_ruleset(table: TablePlan, rules: Sequence[RowRule | DatasetRule]) -> Ruleset:
    """The rules of a table as a ruleset of Glue."""
    writer = _Writer(table)
    said: list[str] = []
    unsaid: dict[str, str] = {}
    for rule in rules:
        try:
            said.append(f"    # {rule.name}\n    {writer.rule(rule)}")
        except _UnsaidError as error:
            unsaid[rule.name] = str(error)
    text = "Rules = [\n" + ",\n".join(said) + "\n]\n" if said else ""
    if len(text) > _LONGEST:
        raise ValueError(f"the rules of {table.dataset} have {len(text)} letters; Glue takes {_LONGEST}")
    return Ruleset(text, writer.references, unsaid)


class _Writer:
    def __init__(self, table: TablePlan) -> None:
        self.dataset = table.dataset
        # Tombstones count nowhere, nor do earlier versions of a row.
        self.alive = [f"NOT `{_TOMBSTONE}`"] if _TOMBSTONE in table.column_names else []
        if table.history:
            self.alive.append(f"`{_CURRENT}`")
        self.references: dict[str, str] = {}

    def rule(self, rule: RowRule | DatasetRule) -> str:
        if isinstance(rule, DatasetRule):
            return self._of_dataset(rule)
        if isinstance(rule.check, Expression):
            condition = engine_sql(rule.check.sql, "spark")
            return self._custom("COUNT(*)", "= 0", f"NOT COALESCE(({condition}), TRUE)")
        return _all(part for column in rule.columns for part in self._of_column(rule.check, column))

    def _of_column(self, check: RowCheck, column: str) -> Iterator[str]:
        """The rules that together say the check of one column."""
        given = self._where(f"{_name(column)} IS NOT NULL")
        values = f"ColumnValues {_quoted(column)}"
        match check:
            case NotNull():
                yield f"IsComplete {_quoted(column)}{self._where()}"
            case NotMissing(values=missing):
                yield f"IsComplete {_quoted(column)}{self._where()}"
                yield f"{values} not in {_listed(missing)}{self._where()}"
            case ValidValues(values=valid):
                yield f"{values} in {_listed(valid)}{given}"
            case Pattern(regex=regex):
                yield f"{values} matches {_quoted(f'^(?:{regex})$')}{given}"
            case Length(minimum=least, maximum=most):
                for sign, limit in ((">=", least), ("<=", most)):
                    if limit is not None:
                        yield f"ColumnLength {_quoted(column)} {sign} {limit}{given}"
            case Range():
                yield from self._range(check, column, given)
            case InCodes():
                raise _UnsaidError("it looks codes up in the vocabularies that are loaded")
            case _:
                raise _UnsaidError(f"it has no rule for {check.kind}")

    def _range(self, check: Range, column: str, given: str) -> Iterator[str]:
        limits = {
            ">=": check.minimum,
            "<=": check.maximum,
            ">": check.exclusive_minimum,
            "<": check.exclusive_maximum,
        }
        for sign, limit in limits.items():
            if isinstance(limit, str):  # a date or time, which Spark reads as the column's type
                yield self._custom("COUNT(*)", "= 0", f"NOT {_name(column)} {sign} '{limit}'")
            elif limit is not None:
                yield f"ColumnValues {_quoted(column)} {sign} {limit}{given}"

    def _of_dataset(self, rule: DatasetRule) -> str:
        if isinstance(rule.measure, RowCount):
            return _judged(rule, lambda sign: f"RowCount {sign}{self._where()}")
        sql = self._measure(rule)
        return _judged(rule, lambda sign: f"CustomSql {_quoted(sql)} {sign}")

    def _measure(self, rule: DatasetRule) -> str:
        """A query that gives what the rule measures, in the rule's unit."""
        match rule.measure:
            case Query(sql=sql):
                return self._query(sql)
            case DanglingRows():
                return self._dangling(rule.measure, rule.unit == "percent")
            case DuplicateRows(columns=columns):
                distinct = f"COUNT(DISTINCT STRUCT({', '.join(map(_name, columns))}))"
                counted = f"COUNT(*) - {distinct}"
            case FailingRows(column=column, check=NotNull()):
                counted = f"COUNT_IF({_name(column)} IS NULL)"
            case Latency(column=column):
                newest = f"MAX(CASE WHEN {_name(column)} <= NOW() THEN {_name(column)} END)"
                hours = f"TIMESTAMPDIFF(SECOND, {newest}, NOW()) / 3600"
                return f"SELECT {hours} FROM {PRIMARY}{_and(self.alive)}"
            case _:
                raise _UnsaidError(f"it has no rule for {rule.measure.kind}")
        if rule.unit == "percent":
            counted = f"100.0 * ({counted}) / COUNT(*)"
        return f"SELECT {counted} FROM {PRIMARY}{_and(self.alive)}"

    def _dangling(self, measure: DanglingRows, percent: bool) -> str:  # noqa: FBT001 - private
        """Ids of silver need their source beside them; a patient's token and the keys of gold are whole."""
        target, key = self._alias(measure.dataset), _name(measure.target_column)
        whole = measure.target_column == "patient_key" or measure.dataset.startswith("gold.")
        source, same = ("", "") if whole else (", `source` AS `s`", " AND t.`s` = p.`source`")
        column = f"p.{_name(measure.column)}"
        dangling = f"COUNT_IF({column} IS NOT NULL AND t.`k` IS NULL)"
        return (
            f"SELECT {f'100.0 * {dangling} / COUNT(*)' if percent else dangling} FROM {PRIMARY} p LEFT JOIN "
            f"(SELECT DISTINCT {key} AS `k`{source} FROM {target}) t ON t.`k` = {column}{same}"
            + _and([each.replace("`", "p.`", 1) for each in self.alive])
        )

    def _query(self, sql: str) -> str:
        tree = sqlglot.parse_one(engine_sql(sql, "spark"), dialect="spark")
        for table in list(tree.find_all(exp.Table)):
            if table.db:
                alias = exp.to_identifier(self._alias(f"{table.db}.{table.name}"))
                table.replace(exp.alias_(exp.Table(this=alias), table.alias or table.name, table=True))
        return tree.sql(dialect="spark")

    def _alias(self, dataset: str) -> str:
        if dataset == self.dataset:
            return PRIMARY
        alias = dataset.replace(".", "_")
        self.references[alias] = dataset
        return alias

    def _custom(self, counted: str, sign: str, *conditions: str) -> str:
        sql = f"SELECT {counted} FROM {PRIMARY}{_and([*conditions, *self.alive])}"
        return f"CustomSql {_quoted(sql)} {sign}"

    def _where(self, *conditions: str) -> str:
        wanted = " AND ".join([*conditions, *self.alive])
        return f" where {_quoted(wanted)}" if wanted else ""


def _judged(rule: DatasetRule, said: Callable[[str], str]) -> str:
    """The rule by what it must be; DQDL's `between` leaves both ends out, so that a range is said in two."""
    low, high = _number(rule.threshold[0]), _number(rule.threshold[-1])
    if rule.operator == "mustBeBetween":
        return _all([said(f">= {low}"), said(f"<= {high}")])
    if rule.operator == "mustNotBeBetween":
        return f"({said(f'< {low}')}) or ({said(f'> {high}')})"
    return said(f"{_SIGNS[rule.operator]} {low}")


def _all(rules: Iterable[str]) -> str:
    """Several rules as one."""
    parts = list(rules)
    if not parts:
        raise _UnsaidError("it says nothing")
    return parts[0] if len(parts) == 1 else " and ".join(f"({part})" for part in parts)


def _and(conditions: Sequence[str]) -> str:
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _listed(values: Sequence[str | float | bool]) -> str:
    if any(isinstance(value, bool) for value in values):
        raise _UnsaidError("it has no list of booleans")
    return "[" + ", ".join(_quoted(v) if isinstance(v, str) else _number(v) for v in values) + "]"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else repr(value)


def _name(column: str) -> str:
    """A column as Spark's SQL quotes it."""
    return f"`{column}`"


def _quoted(text: str) -> str:
    """A text in DQDL. What a backslash before anything but a quote means, it does not say."""
    if "\\" in text or "\n" in text:
        raise _UnsaidError("it does not say how a backslash or a line break is written")
    return '"' + text.replace('"', '\\"') + '"'
