"""Iceberg types in DuckDB's names, which are those of house SQL."""

from functools import singledispatch

from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    StringType,
    StructType,
    TimestampNanoType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from a360.contract import quote_name
from a360.errors import UsageError

_PRIMITIVES: dict[type[IcebergType], str] = {
    BooleanType: "BOOLEAN",
    IntegerType: "INTEGER",
    LongType: "BIGINT",
    FloatType: "FLOAT",
    DoubleType: "DOUBLE",
    DateType: "DATE",
    TimeType: "TIME",
    TimestampType: "TIMESTAMP",
    TimestamptzType: "TIMESTAMP WITH TIME ZONE",
    TimestampNanoType: "TIMESTAMP_NS",
    StringType: "VARCHAR",
    UUIDType: "UUID",
    BinaryType: "BLOB",
    FixedType: "BLOB",
}


@singledispatch
def duckdb_type(kind: IcebergType) -> str:
    """The DuckDB type that is written for an Iceberg type, spelt as DESCRIBE spells it."""
    try:
        return _PRIMITIVES[type(kind)]
    except KeyError:
        raise UsageError("usage", f"DuckDB does not write Iceberg's type {kind}") from None


@duckdb_type.register
def _(kind: DecimalType) -> str:
    return f"DECIMAL({kind.precision},{kind.scale})"


@duckdb_type.register
def _(kind: ListType) -> str:
    return f"{duckdb_type(kind.element_type)}[]"


@duckdb_type.register
def _(kind: MapType) -> str:
    return f"MAP({duckdb_type(kind.key_type)}, {duckdb_type(kind.value_type)})"


@duckdb_type.register
def _(kind: StructType) -> str:
    fields = ", ".join(f"{quote_name(each.name)} {duckdb_type(each.field_type)}" for each in kind.fields)
    return f"STRUCT({fields})"
