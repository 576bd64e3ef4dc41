"""What contracts need to know of a piece of SQL; imported where needed, for sqlglot is slow to import."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from a360.contract._dialect import ModelSql

DIALECT = ModelSql


class SqlError(Exception):
    """The SQL is not what it has to be; `line` counts from 1 within it."""

    def __init__(self, message: str, line: int = 1) -> None:
        self.line = line
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Select:
    """A single SELECT: the datasets it reads, and its output columns where they are written out."""

    datasets: tuple[str, ...]
    columns: tuple[str, ...] | None


# One command reads the same SQL to check it, to type it, and to plan with it.
@lru_cache(maxsize=1024)
def read_select(sql: str) -> Select:
    """Read a single SELECT (with CTEs and unions) over tables named `zone.name`."""
    query = _parse(sql)
    if not isinstance(query, exp.Query):
        raise SqlError(f"not a SELECT but {query.key.upper()}")
    names = query.named_selects
    columns = None if query.is_star or not all(names) else tuple(names)
    return Select(tuple(sorted(set(_tables(query)))), columns)


@lru_cache(maxsize=1024)
def condition_columns(sql: str) -> tuple[str, ...]:
    """Read a boolean expression over one row; gives the names of the columns it looks at."""
    query = _parse(f"SELECT 1 WHERE {sql}\n")  # a new line, should the expression end in a comment
    where = query.args.get("where") if isinstance(query, exp.Select) else None
    if not isinstance(where, exp.Where) or set(_clauses(query)) > {"expressions", "where"}:
        raise SqlError("not a single expression")
    if next(where.find_all(exp.Query, exp.AggFunc, exp.Window), None):
        raise SqlError("an expression over one row has no subquery, aggregate or window")
    return tuple(dict.fromkeys(column.name for column in where.find_all(exp.Column)))


def _clauses(query: exp.Expr) -> Iterator[str]:
    return (name for name, value in query.args.items() if value)


def _parse(sql: str) -> exp.Expr:
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect=DIALECT) if statement]
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        raise SqlError(first.get("description") or "not SQL", first.get("line") or 1) from None
    except (TokenError, RecursionError) as error:
        raise SqlError(str(error).splitlines()[0] if str(error) else "nested too deeply") from None
    if len(statements) != 1:
        raise SqlError(f"{len(statements)} statements, expected one")
    return statements[0]


def _tables(query: exp.Expr) -> Iterator[str]:
    ctes = {cte.alias_or_name for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise SqlError(f"reads {table.this.sql(DIALECT)}, which is no dataset")
        if table.db and not table.catalog:
            yield f"{table.db}.{table.name}"
        elif table.db or table.name not in ctes:
            raise SqlError(f"reads {table.sql(DIALECT)}; datasets are named zone.name")
