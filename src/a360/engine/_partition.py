"""Partition values, from the texts that engines report into the form that a manifest wants."""

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from uuid import UUID

from pyiceberg.partitioning import PartitionField
from pyiceberg.table import Table
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
