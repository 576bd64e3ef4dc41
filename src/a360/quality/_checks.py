"""One row check as one boolean SQL expression, in DuckDB's and Spark's words."""

from collections.abc import Callable, Sequence
from typing import Literal

from a360.contract import (
    Expression,
    InCodes,
    Length,
    NotMissing,
    NotNull,
    Pattern,
    Range,
    RowCheck,
    ValidValues,
    codes_sql,
    engine_sql,
    loaded_sql,
    quote_name,
    quote_text,
)

type Dialect = Literal["duckdb", "spark"]
type Scalar = str | int | float | bool


def failure_sql(check: RowCheck, columns: Sequence[str], dialect: Dialect = "duckdb") -> str:
    """SQL that is true for a row that fails the check, and never null.

    A null value passes every check but those that ask for a value; an expression that is null passes.
    """
    if isinstance(check, Expression):
        return f"NOT coalesce(({engine_sql(check.sql, dialect)}), TRUE)"
    if isinstance(check, InCodes):
        return " OR ".join(_unknown_code(check, quote_name(column)) for column in columns)
    return " OR ".join(_column_fails(check, quote_name(column), dialect) for column in columns)


def _unknown_code(check: InCodes, column: str) -> str:
    """Whether a vocabulary is loaded and lacks the code; its queries hang on no row, and so run once."""
    value, looked_at = column, [f"{column} IS NOT NULL"]
    if check.system_column is not None:
        system = quote_name(check.system_column)
        if check.of == "value-set":
            value = f"({system}, {column})"
            looked_at.append(f"{system} IS NOT NULL")
        else:
            looked_at.append(f"coalesce({system} = {quote_text(check.uri)}, FALSE)")
    looked_at.append(f"({loaded_sql(check)}) > 0")
    return f"({' AND '.join(looked_at)} AND {value} NOT IN ({codes_sql(check)}))"


def _column_fails(check: RowCheck, column: str, dialect: Dialect) -> str:
    if isinstance(check, NotNull):
        return f"{column} IS NULL"
    if isinstance(check, NotMissing):
        return f"({column} IS NULL OR {column} IN ({_list(check.values, dialect)}))"
    conditions = list(_conditions(check, column, dialect))
    return f"NOT coalesce({' AND '.join(conditions)}, TRUE)" if conditions else "FALSE"


def _conditions(check: RowCheck, column: str, dialect: Dialect) -> list[str]:
    if isinstance(check, ValidValues):
        return [f"{column} IN ({_list(check.values, dialect)})"]
    if isinstance(check, Pattern):
        return [_MATCHES[dialect](column, check.regex)]
    if isinstance(check, Range):
        limits = (
            (">=", check.minimum),
            ("<=", check.maximum),
            (">", check.exclusive_minimum),
            ("<", check.exclusive_maximum),
        )
        return [f"{column} {sign} {literal(limit)}" for sign, limit in limits if limit is not None]
    if isinstance(check, Length):
        lengths = ((">=", check.minimum), ("<=", check.maximum))
        return [f"length({column}) {sign} {limit}" for sign, limit in lengths if limit is not None]
    raise TypeError(f"no SQL for a check of kind {check.kind}")


_MATCHES: dict[Dialect, Callable[[str, str], str]] = {
    "duckdb": lambda column, regex: f"regexp_full_match({column}, {literal(regex)})",
    # RLIKE finds anywhere. To Java `$` also stands before a last line break, and `.` for no kind of it.
    "spark": lambda column, regex: rf"{column} RLIKE {literal(rf'(?d)\A(?:{regex})\z', 'spark')}",
}


def _list(values: Sequence[Scalar], dialect: Dialect) -> str:
    return ", ".join(literal(value, dialect) for value in values)


def literal(value: Scalar, dialect: Dialect = "duckdb") -> str:
    """A SQL literal; text is quoted with its quotes doubled, and for Spark its backslashes, which escape."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    return quote_text(value.replace("\\", "\\\\") if dialect == "spark" else value)
