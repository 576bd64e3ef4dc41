"""Fitting a query's columns to a table's: by name, with casts that lose nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
from pyiceberg.table import Table
from pyiceberg.types import NestedField

from a360.contract import quote_name
from a360.engine.duckdb._errors import in_our_words
from a360.engine.duckdb._types import duckdb_type
from a360.errors import DataError

# Casts that DuckDB would make without a word and with a loss.
_LOSSY = re.compile(
    r"^(?:(?:FLOAT|DOUBLE) -> (?:\w*INT\w*|DECIMAL.*)"
    r"|(?:TIMESTAMP.*) -> (?:DATE|TIME)"
    r"|DECIMAL.* -> \w*INT\w*)$"
)
_SCALE = re.compile(r"DECIMAL\(\d+,(\d+)\)")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table and what the query offers for it."""

    field: NestedField
    source: str | None
    target: str

    @property
    def expression(self) -> str:
        name = quote_name(self.field.name)
        if self.source is None:
            return f"CAST(NULL AS {self.target}) AS {name}"
        if self.source == self.target:
            return name
        return f"CAST({self._inner} AS {self.target}) AS {name}"

    @property
    def misfits(self) -> str:
        """How many values are there that do not survive the cast."""
        lost = f"{self._inner} IS NOT NULL AND TRY_CAST({self._inner} AS {self.target}) IS NULL"
        return f"count(*) FILTER (WHERE {lost})"

    @property
    def _inner(self) -> str:
        name = quote_name(self.field.name)
        # A bare NULL in SQL is an INTEGER to DuckDB, and integers cast to few types.
        bare_null = self.source == "INTEGER" and self.target.startswith(("DATE", "TIME", "BLOB", "UUID"))
        return f"CAST({name} AS VARCHAR)" if bare_null else name

    @property
    def loses(self) -> bool:
        if self.source is None or self.source == self.target:
            return False
        if _LOSSY.match(f"{self.source} -> {self.target}"):
            return True
        before, after = _SCALE.fullmatch(self.source), _SCALE.fullmatch(self.target)
        return bool(before and after and int(before[1]) > int(after[1]))


def match(connection: duckdb.DuckDBPyConnection, sql: str, table: Table, name: str) -> list[Column]:
    """Match the query's columns with the table's, by name."""
    with in_our_words(f"understand the query for {name}"):
        offered = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {sql}").fetchall()}
    columns = [
        Column(each, offered.pop(each.name, None), duckdb_type(each.field_type))
        for each in table.schema().fields
    ]
    faults = [f"{column} is not a column of the table" for column in offered]
    faults += [
        f"{column.field.name} is required and missing"
        for column in columns
        if column.source is None and column.field.required
    ]
    faults += [
        f"{column.field.name} is {column.source} and would lose by a cast to {column.target}"
        for column in columns
        if column.loses
    ]
    if faults:
        raise unfit(name, faults)
    return columns


def misfits(
    connection: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[Column], name: str
) -> DataError | None:
    """Say which columns hold values that do not fit, and how many, never which values."""
    cast = [column for column in columns if column.source not in {None, column.target}]
    try:
        counts = connection.execute(
            f"SELECT {', '.join(column.misfits for column in cast)} FROM ({sql}) AS rows"
        ).fetchone()
    except duckdb.Error:
        return None
    faults = [
        f"{column.field.name} holds {count} values that are no {column.target}"
        for column, count in zip(cast, counts or (), strict=True)
        if count
    ]
    return unfit(name, faults) if faults else None


def unfit(name: str, faults: Sequence[str]) -> DataError:
    return DataError(
        "rows-do-not-fit",
        "The rows do not fit the table, so no file was staged",
        where=name,
        found="; ".join(faults),
        next_step="cast or drop the columns in the query that makes the rows, or change the contract",
    )


def conformed(sql: str, columns: Sequence[Column]) -> str:
    """SQL that gives the query's rows in the table's columns and types."""
    return f"SELECT {', '.join(column.expression for column in columns)} FROM ({sql}) AS rows"
