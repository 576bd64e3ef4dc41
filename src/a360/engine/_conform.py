"""Fitting a query's columns to a table's: by name, with casts that lose nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyiceberg.table import Table
from pyiceberg.types import NestedField

from a360.contract import quote_name
from a360.engine._staged import StagedFile, discard
from a360.engine._types import duckdb_type
from a360.errors import DataError

# Casts that engines would make without a word and with a loss.
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


def match(offered: Mapping[str, str], table: Table, name: str) -> list[Column]:
    """Match what a query offers, in DuckDB's names of types, with a table's columns, by name."""
    rest = dict(offered)
    columns = [
        Column(each, rest.pop(each.name, None), duckdb_type(each.field_type))
        for each in table.schema().fields
    ]
    faults = [f"{column} is not a column of the table" for column in rest]
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


def cast_columns(columns: Sequence[Column]) -> list[Column]:
    """The columns whose values are cast."""
    return [column for column in columns if column.source not in {None, column.target}]


def misfits_sql(sql: str, columns: Sequence[Column]) -> str:
    """A query that counts, for each column that is cast, the values that do not survive it."""
    return f"SELECT {', '.join(column.misfits for column in cast_columns(columns))} FROM ({sql}) AS rows"


def misfits(columns: Sequence[Column], counts: Sequence[int], name: str) -> DataError | None:
    """Say which columns hold values that do not fit, and how many, never which values."""
    faults = [
        f"{column.field.name} holds {count} values that are no {column.target}"
        for column, count in zip(cast_columns(columns), counts, strict=True)
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


def require_values(table: Table, staged: Sequence[StagedFile], name: str) -> None:
    """Refuse nulls in required columns; footers count them, so that it costs no second pass."""
    faults = []
    for each in table.schema().fields:
        nulls = sum((file.data_file.null_value_counts or {}).get(each.field_id, 0) for file in staged)
        if each.required and nulls:
            faults.append(f"{each.name} is required and null in {nulls} rows")
    if faults:
        discard(table, staged)
        raise unfit(name, faults)
