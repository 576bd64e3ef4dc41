"""Partition values: as engines compute them, and from the texts they report into what a manifest wants."""

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from uuid import UUID

from pyiceberg.partitioning import PartitionField
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

from a360.errors import UsageError

_EPOCH = dt.date(1970, 1, 1)
_UNITS: dict[type[object], str] = {
    YearTransform: "year",
    MonthTransform: "month",
    DayTransform: "day",
    HourTransform: "hour",
}

type Spelling = Callable[[str, int | None], str]
"""An engine's SQL for a transform by its name, with the width of those that have one."""


def partition_sql(part: PartitionField, column: str, spelled: Spelling) -> str:
    """SQL for the partition value of a row, whose source column is `column` in the engine's SQL.

    Raises:
        UsageError: `usage`, for a transform that cannot be computed here.
    """
    transform = part.transform
    if isinstance(transform, IdentityTransform):
        return column
    if isinstance(transform, BucketTransform):
        return spelled("bucket", transform.num_buckets)
    if isinstance(transform, TruncateTransform):
        return spelled("truncate", transform.width)
    unit = _UNITS.get(type(transform))
    if unit is None:
        raise UsageError("usage", f"tables cannot be partitioned by Iceberg's transform {transform} here")
    return spelled(unit, None)


def partition_record(table: Table, parts: Sequence[PartitionField], texts: Sequence[str | None]) -> Record:
    """The partition of a file, from the texts of its values."""
    schema = table.schema()
    kinds = (part.transform.result_type(schema.find_type(part.source_id)) for part in parts)
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
