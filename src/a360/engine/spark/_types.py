"""Spark's types in the names that house SQL has for them."""

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    ByteType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    NullType,
    ShortType,
    StringType,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from a360.contract import quote_name

_NAMES: dict[type[DataType], str] = {
    BooleanType: "BOOLEAN",
    ByteType: "TINYINT",
    ShortType: "SMALLINT",
    IntegerType: "INTEGER",
    LongType: "BIGINT",
    FloatType: "FLOAT",
    DoubleType: "DOUBLE",
    DateType: "DATE",
    TimestampType: "TIMESTAMP WITH TIME ZONE",
    TimestampNTZType: "TIMESTAMP",
    StringType: "VARCHAR",
    BinaryType: "BLOB",
    NullType: "INTEGER",
}


def house_type(kind: DataType) -> str:
    """What DuckDB would call a type of Spark's."""
    if isinstance(kind, DecimalType):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if isinstance(kind, ArrayType):
        return f"{house_type(kind.elementType)}[]"
    if isinstance(kind, MapType):
        return f"MAP({house_type(kind.keyType)}, {house_type(kind.valueType)})"
    if isinstance(kind, StructType):
        return f"STRUCT({', '.join(f'{quote_name(each.name)} {house_type(each.dataType)}' for each in kind)})"
    return _NAMES.get(type(kind)) or str(kind.simpleString()).upper()
