"""Partition values in DuckDB's SQL."""

from pyiceberg.partitioning import PartitionField
from pyiceberg.schema import Schema
from pyiceberg.transforms import (
    BucketTransform,
    DayTransform,
    HourTransform,
    IdentityTransform,
    MonthTransform,
    TruncateTransform,
    YearTransform,
)
from pyiceberg.types import DateType

from a360.contract import quote_name
from a360.errors import UsageError

_SINCE_EPOCH: dict[type[object], str] = {
    YearTransform: "year",
    MonthTransform: "month",
    DayTransform: "day",
    HourTransform: "hour",
}


def partition_expression(schema: Schema, part: PartitionField) -> str:
    """SQL for the partition value of a row, by Iceberg's definition of the transform."""
    column = quote_name(schema.find_column_name(part.source_id) or "")
    transform = part.transform
    if isinstance(transform, IdentityTransform):
        return column
    if isinstance(transform, BucketTransform):
        return f"iceberg_bucket({transform.num_buckets}, {column})"
    if isinstance(transform, TruncateTransform):
        return f"iceberg_truncate({transform.width}, {column})"
    unit = _SINCE_EPOCH.get(type(transform))
    if unit is None:
        raise UsageError("usage", f"DuckDB does not partition by Iceberg's transform {transform}")
    origin = "DATE '1970-01-01'"
    if not isinstance(schema.find_type(part.source_id), DateType):
        # Iceberg counts instants in UTC, which a cast to a plain timestamp gives in a session in UTC.
        column, origin = f"CAST({column} AS TIMESTAMP)", "TIMESTAMP '1970-01-01'"
    return f"date_diff('{unit}', {origin}, {column})"
