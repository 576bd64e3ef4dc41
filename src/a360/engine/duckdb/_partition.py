"""Partition values: computed in SQL while staging, and read back into the form that a manifest wants."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from pyiceberg.partitioning import PartitionField
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import (
    BucketTransform,
    DayTransform,
    HourTransform,
    IdentityTransform,
    MonthTransform,
    TruncateTransform,
    YearTransform,
)
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    IcebergType,
    IntegerType,
    LongType,
    StringType,
    UUIDType,
)

from a360.contract import quote_name
from a360.errors import UsageError

_SINCE_EPOCH: dict[type[object], str] = {
    YearTransform: "year",
    MonthTransform: "month",
    DayTransform: "day",
    HourTransform: "hour",
}
_EPOCH = dt.date(1970, 1, 1)


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


def partition_record(table: Table, parts: Sequence[PartitionField], keys: object) -> Record:
    """The partition of a file, from the texts that COPY reports."""
    if not parts or not isinstance(keys, Mapping):
        return Record()
    schema = table.schema()
    kinds = (part.transform.result_type(schema.find_type(part.source_id)) for part in parts)
    texts = list(keys.values())
    return Record(*(_value(kind, text) for kind, text in zip(kinds, texts, strict=True)))


def _days(text: str) -> int:
    """A day is counted where a transform made it, and written as a date where it is a column's own value."""
    return int(text) if text.lstrip("-").isdigit() else (dt.date.fromisoformat(text) - _EPOCH).days


_FROM_TEXT: dict[type[IcebergType], Callable[[str], object]] = {
    DateType: _days,
    IntegerType: int,
    LongType: int,
    StringType: str,
    BooleanType: lambda text: text == "true",
    DecimalType: Decimal,
    UUIDType: UUID,
}


def _value(kind: IcebergType, text: str | None) -> object:
    if text is None:
        return None
    convert = _FROM_TEXT.get(type(kind))
    if convert is None:
        raise UsageError("usage", f"tables cannot be partitioned by values of type {kind} here")
    return convert(text)
