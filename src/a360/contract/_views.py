"""Decisions in SQL: masked views as Athena runs them, and what Lake Formation takes for a row filter."""

from collections.abc import Iterator
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from a360.contract._carriers import MASKS
from a360.contract._decisions import ColumnDecision, TableDecision
from a360.contract._masks import mask_sql, sql_type
from a360.contract._plan import ColumnPlan, TablePlan
from a360.contract._policy import MaskMethod
from a360.contract._quoting import quote_name, quote_table, quote_text

MAPS = f"a360_{MASKS}"
"""The database of what keyed masks give, as views name it."""
_ROW_FILTER = (
    *(exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between),
    *(exp.In, exp.Like, exp.Is, exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Neg),
)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.Is, exp.Between, exp.In)


@lru_cache(maxsize=4096)
def is_row_filter(where: str, comparable: frozenset[str]) -> bool:
    """Whether Lake Formation takes a condition: columns of known types compared with constants."""
    try:
        tree = sqlglot.parse_one(where, dialect="duckdb")
    except SqlglotError:
        return False
    if not all(isinstance(node, _ROW_FILTER) for node in tree.walk()):
        return False
    columns = list(tree.find_all(exp.Column))
    compared = list(tree.find_all(*_COMPARISONS))
    return (
        bool(compared)
        and all(column.name in comparable and isinstance(column.parent, _COMPARISONS) for column in columns)
        and all(_with_constants(each) for each in compared)
    )


def _with_constants(comparison: exp.Expr) -> bool:
    others = [node for node in comparison.iter_expressions() if node is not comparison.this]
    return isinstance(comparison.this, exp.Column) and not any(node.find(exp.Column) for node in others)


@lru_cache(maxsize=4096)
def to_trino(condition: str) -> str:
    """A condition of the house's SQL as Trino spells it."""
    return sqlglot.transpile(condition, read="duckdb", write="trino")[0]


def view_sql(name: str, table: TablePlan, decision: TableDecision) -> str:
    """The statement that makes a view which shows a table as decided; it runs with its definer's rights."""
    return (
        f"CREATE OR REPLACE PROTECTED MULTI DIALECT VIEW {quote_table(name)} SECURITY DEFINER AS\n"
        + select_sql(table, decision)
    )


def select_sql(table: TablePlan, decision: TableDecision) -> str:
    """A decision as a SELECT in Trino's SQL, with the columns of the table's in their order."""
    shown = [column for column in table.columns if decision.columns[column.name].allowed]
    listed = ",\n".join(f"  {_shown(column, decision.columns[column.name])}" for column in shown)
    joins = "".join(_joins(table, decision))
    where = "\n  AND ".join(f"({to_trino(each)})" for each in decision.where)
    rows = f"\nWHERE {where}" if where else ""
    return f"SELECT\n{listed}\nFROM {quote_table(table.dataset)}{joins}{rows}"


def _shown(column: ColumnPlan, decision: ColumnDecision) -> str:
    name = quote_name(column.name)
    if not decision.cells:
        value = _masked(column, decision.mask, decision.by)
        return value if value == name else f"{value} AS {name}"
    cases = []
    for cell in decision.cells:
        holds = " AND ".join(f"({to_trino(each)})" for each in cell.where) or "true"
        cases.append(f"WHEN {holds} THEN {_masked(column, cell.mask, decision.by)}")
    return f"CASE {' '.join(cases)} END AS {name}"


def _masked(column: ColumnPlan, mask: MaskMethod | None, by: str | None) -> str:
    name = quote_name(column.name)
    match mask:
        case None:
            return name
        case "hash":
            return f"{_alias('hash', column.name)}.a360_masked"
        case "date_shift":
            moved = f"date_add('day', {_alias('date_shift', by or '')}.a360_days, {name})"
            return f"CAST({moved} AS {sql_type(column.type, 'trino')})"
        case _:
            return mask_sql(mask, name, column.type, "trino")


def _joins(table: TablePlan, decision: TableDecision) -> Iterator[str]:
    """The maps that keyed masks look values up in; their columns bear names that no table has."""
    wanted = dict.fromkeys(
        (method, column.name if method == "hash" else each.by or "")
        for column in table.columns
        for each in [decision.columns[column.name]]
        for method in ("hash", "date_shift")
        if each.allowed and method in {each.mask, *(cell.mask for cell in each.cells)}
    )
    domain = quote_text(decision.mask_domain)
    for method, name in wanted:
        gives = "masked" if method == "hash" else "days"
        alias = _alias(method, name)
        yield (
            f"\nLEFT JOIN (SELECT value AS a360_value, {gives} AS a360_{gives} FROM {MAPS}.{method}"
            f" WHERE domain = {domain}) AS {alias}\n  ON {quote_name(name)} = {alias}.a360_value"
        )


def _alias(method: str, name: str) -> str:
    return quote_name(f"a360_{method}_{name}")
