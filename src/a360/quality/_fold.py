"""Queries that only aggregate their own dataset, turned into aggregates of the scan that is made anyway."""

import sqlglot
from sqlglot import exp

from a360.quality._checks import Dialect

_PLAIN = frozenset({"kind", "expressions", "from_", "from", "where"})


def folded(sql: str, dataset: str, dialect: Dialect = "duckdb") -> str | None:
    """The query as an expression over the rows of its dataset; None where it needs a scan of its own.

    What it reads of other datasets stays a scalar subquery. `SELECT (SELECT count(*) FROM own WHERE a) -
    (SELECT count(*) FROM other)` becomes `count(*) FILTER (WHERE a) - (SELECT count(*) FROM other)`.
    """
    query = sqlglot.parse_one(sql, dialect=dialect)
    if not isinstance(query, exp.Select):
        return None
    aggregated = _aggregated(query, dataset)
    if aggregated is None and _has_only(query, frozenset({"kind", "expressions"})):
        aggregated = _inlined(query, dataset)
    return None if aggregated is None else f"({aggregated.sql(dialect=dialect)})"


def _inlined(query: exp.Select, dataset: str) -> exp.Expression | None:
    """The one expression of a query without FROM, its subqueries over the own dataset folded."""
    expression = query.expressions[0].unalias().copy()
    holder = exp.Paren(this=expression)
    for subquery in list(holder.find_all(exp.Subquery)):
        if subquery.find_ancestor(exp.Select) is None and isinstance(subquery.this, exp.Select):
            aggregated = _aggregated(subquery.this, dataset)
            if aggregated is not None:
                subquery.replace(exp.Paren(this=aggregated))
    reads_own = any(f"{table.db}.{table.name}" == dataset for table in holder.find_all(exp.Table))
    inlined: exp.Expression = holder.this
    return None if reads_own else inlined


def _aggregated(query: exp.Select, dataset: str) -> exp.Expression | None:
    """The aggregates of a plain SELECT over the own dataset, filtered as its WHERE says."""
    source = query.args.get("from_") or query.args.get("from")
    if source is None or not _has_only(query, _PLAIN) or query.find(exp.Window, exp.Filter):
        return None
    table = source.this
    if not isinstance(table, exp.Table) or f"{table.db}.{table.name}" != dataset or table.args.get("joins"):
        return None
    where = query.args.get("where")
    parts = [query.expressions[0], *([where.this] if where else [])]
    if any(part.find(exp.Select) for part in parts) or not _only_its_own(parts, table):
        return None
    return _filtered(query.expressions[0].unalias().copy(), where.this if where else None)


def _has_only(query: exp.Select, allowed: frozenset[str]) -> bool:
    used = {name for name, value in query.args.items() if value}
    return used <= allowed and len(query.expressions) == 1


def _only_its_own(parts: list[exp.Expression], table: exp.Table) -> bool:
    names = {"", table.alias or table.name}
    return all(
        column.table in names and not column.args.get("db")
        for part in parts
        for column in part.find_all(exp.Column)
    )


def _filtered(expression: exp.Expression, condition: exp.Expression | None) -> exp.Expression | None:
    """Each aggregate under the condition; None where a column stands outside of all of them."""
    holder = exp.Paren(this=expression)
    aggregates = [
        each for each in holder.find_all(exp.AggFunc) if each.parent and not each.find_ancestor(exp.AggFunc)
    ]
    inside = {id(column) for each in aggregates for column in each.find_all(exp.Column)}
    if not aggregates or any(id(column) not in inside for column in holder.find_all(exp.Column)):
        return None
    for each in aggregates:
        if condition is not None:
            filtered = exp.Filter(this=each.copy(), expression=exp.Where(this=condition.copy()))
            each.replace(filtered)
    for column in holder.find_all(exp.Column):
        column.set("table", None)
    aggregated: exp.Expression = holder.this
    return aggregated
