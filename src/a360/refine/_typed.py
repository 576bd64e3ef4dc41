"""From raw values to those of a contract: SQL over the rows `v` of a view or a mapping.

It is DuckDB's, wherever it runs: in the lake's own session, or in a worker's for values alone.
"""

import re

import pyarrow as pa

from a360.contract import ColumnPlan
from a360.engine import quote_name
from a360.fhir import cast_sql
from a360.refine._shape import SilverShape, unreadable_flag

_DUCKDB_TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamptz": "TIMESTAMPTZ",
    "binary": "BLOB",
}

_ARROW_TYPES = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)", re.ASCII)


def duckdb_type(physical_type: str) -> str:
    """DuckDB's name of a contract's physical type."""
    return _DUCKDB_TYPES.get(physical_type, physical_type.upper())


def arrow_type(physical_type: str) -> pa.DataType:
    """Arrow's type for a contract's physical type."""
    decimal = _DECIMAL.fullmatch(physical_type)
    return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _ARROW_TYPES[physical_type]


def checked_casts(shape: SilverShape) -> list[ColumnPlan]:
    """The columns that a value may be no value of."""
    return [*(column for column in shape.plain if column.type != "string"), *shape.sealed]


def value_sql(shape: SilverShape, column: ColumnPlan) -> str:
    """SQL for the value of a column that needs no key and no token."""
    if column.name == shape.id_column:
        return "v.unit_id"
    return f"v.{quote_name(column.name)}" if column.seal else _cast(column)


def unreadable_sql(column: ColumnPlan) -> str:
    """SQL for whether there is a value that cannot be read."""
    if column.seal:
        return f"v.{quote_name(unreadable_flag(column))}"
    return f"v.{quote_name(column.name)} IS NOT NULL AND {_cast(column)} IS NULL"


def _cast(column: ColumnPlan) -> str:
    value = f"v.{quote_name(column.name)}"
    return value if column.type == "string" else cast_sql(f"CAST({value} AS VARCHAR)", column.type)
