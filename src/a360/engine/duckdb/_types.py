"""Iceberg types as DuckDB writes them, and the field ids that a Parquet file must carry."""

from functools import singledispatch

from pyiceberg.schema import Schema
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
    NestedField,
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


def field_ids(schema: Schema) -> str:
    """The FIELD_IDS option of COPY for a schema."""
    return _struct_ids(schema.fields)


def _struct_ids(fields: tuple[NestedField, ...]) -> str:
    inner = ", ".join(f"{quote_name(each.name)}: {_ids(each.field_id, each.field_type)}" for each in fields)
    return "{" + inner + "}"


def _ids(field_id: int, kind: IcebergType) -> str:
    """An id, or for nested types the id with those of the parts beside it."""
    own = f"__duckdb_field_id: {field_id}"
    if isinstance(kind, StructType):
        return "{" + own + ", " + _struct_ids(kind.fields)[1:]
    if isinstance(kind, ListType):
        return "{" + own + f", element: {_ids(kind.element_id, kind.element_type)}" + "}"
    if isinstance(kind, MapType):
        key, value = _ids(kind.key_id, kind.key_type), _ids(kind.value_id, kind.value_type)
        return "{" + own + f", key: {key}, value: {value}" + "}"
    return str(field_id)
