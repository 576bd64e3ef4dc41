"""Partition values in DuckDB's SQL."""

from pyiceberg.partitioning import PartitionField
from pyiceberg.schema import Schema
from pyiceberg.types import DateType

from a360.contract import quote_name
from a360.engine._partition import partition_sql


def partition_expression(schema: Schema, part: PartitionField) -> str:
    """SQL for the partition value of a row, by Iceberg's definition of the transform."""
    column = quote_name(schema.find_column_name(part.source_id) or "")

    def spelled(transform: str, width: int | None) -> str:
        if width is not None:
            return f"iceberg_{transform}({width}, {column})"
        if isinstance(schema.find_type(part.source_id), DateType):
            return f"date_diff('{transform}', DATE '1970-01-01', {column})"
        # Iceberg counts instants in UTC, which a cast to a plain timestamp gives in a session in UTC.
        return f"date_diff('{transform}', TIMESTAMP '1970-01-01', CAST({column} AS TIMESTAMP))"

    return partition_sql(part, column, spelled)
