"""Arrow in and out of Spark, with the types that DuckDB gives."""

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

# Spark takes a partition a batch.
_BATCH_ROWS = 65_536


def spark_schema(schema: pa.Schema) -> StructType:
    """A schema in Spark's types; Arrow's times without a zone are wall times."""
    return from_arrow_schema(readable(schema), prefer_timestamp_ntz=True)


def readable(schema: pa.Schema) -> pa.Schema:
    """A schema in the types of Arrow's that Spark knows, as wide as those that stand there."""
    return pa.schema([pa.field(each.name, _readable(each.type)) for each in schema])


def _readable(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _readable(kind.value_type)
    if pa.types.is_null(kind):
        return pa.int32()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.binary()
    return _WIDER.get(kind, kind)


_WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.date64(): pa.date32(),
}


def to_spark(session: SparkSession, data: pa.Table) -> DataFrame:
    """Arrow data as Spark has it."""
    table = data.cast(readable(data.schema)).combine_chunks()
    batches = pa.Table.from_batches(table.to_batches(max_chunksize=_BATCH_ROWS), table.schema)
    return session.createDataFrame(batches, schema=spark_schema(data.schema))


def from_spark(rows: DataFrame) -> pa.Table:
    """A result as DuckDB would give it: any value may be null, and a bare NULL is a number."""
    found = rows.toArrow()
    return found.cast(plain(found.schema))


def plain(schema: pa.Schema) -> pa.Schema:
    """A schema without Spark's notes on it."""
    return pa.schema([pa.field(each.name, _plain(each.type)) for each in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_null(kind):
        return pa.int32()
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(each.name, _plain(each.type)) for each in kind])
    return kind
