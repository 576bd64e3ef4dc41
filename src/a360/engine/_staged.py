"""Staged data files: written into a table's folder, described from their footers, not committed yet."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import (
    DataFileStatistics,
    PyArrowFileIO,
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import Table
from pyiceberg.typedef import Record

from a360.catalog import unchecked
from a360.contract import quote_name

DEFAULT_FILE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A data file that lies in a table's folder and awaits its commit.

    `data_file` is its Iceberg entry: partition, counts, sizes and bounds.
    """

    path: str
    rows: int
    bytes: int
    data_file: DataFile = field(repr=False, compare=False)


def open_io(table: Table) -> PyArrowFileIO:
    """A table's file access; ours is Arrow's for local folders and object stores alike."""
    return table.io if isinstance(table.io, PyArrowFileIO) else PyArrowFileIO(table.io.properties)


def describe(table: Table, path: str, partition: Record | None = None) -> StagedFile:
    """Read a Parquet file's footer into what a manifest says of it."""
    # Not by `open_io`, which may open committed files only.
    source = unchecked(table.io).new_input(path)
    with source.open() as stream:
        footer = pq.read_metadata(stream)
    schema, properties = table.schema(), table.metadata.properties
    ids = parquet_path_to_id_mapping(schema)
    statistics = data_file_statistics_from_parquet_metadata(
        parquet_metadata=footer,
        stats_columns=compute_statistics_plan(schema, properties),
        parquet_column_mapping=ids,
    )
    _drop_unsafe_bounds(footer, statistics, ids)
    size = len(source)
    data_file = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=partition or Record(),
        file_size_in_bytes=size,
        sort_order_id=None,
        equality_ids=None,
        key_metadata=None,
        **statistics.to_serialized_dict(),
    )
    data_file.spec_id = table.metadata.default_spec_id
    return StagedFile(path, footer.num_rows, size, data_file)


def data_folder(table: Table) -> str:
    """Where a table's data files lie, as Iceberg's location provider has it."""
    custom = table.metadata.properties.get("write.data.path")
    return (custom or f"{table.location().rstrip('/')}/data").rstrip("/")


def order_sql(table: Table) -> str:
    """A table's sort order as an ORDER BY list; transforms order as their source column does."""
    schema = table.schema()
    return ", ".join(
        f"{quote_name(schema.find_column_name(each.source_id) or '')} {each.direction.value} "
        f"{each.null_order.value.replace('-', ' ')}"
        for each in table.sort_order().fields
    )


def discard(table: Table, files: Iterable[StagedFile]) -> None:
    """Delete staged files that will not be committed."""
    access = open_io(table)
    for staged in files:
        access.delete(staged.path)


def _drop_unsafe_bounds(footer: pq.FileMetaData, statistics: DataFileStatistics, ids: dict[str, int]) -> None:
    """Forget a column's bounds where a row group holds values that its own bounds do not cover.

    A group with a NaN or an over-long value states no minimum and maximum; bounds made from the other groups
    alone would let readers skip rows that match.
    """
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            stated = column.statistics
            if stated is not None and (stated.has_min_max or stated.null_count == column.num_values):
                continue
            statistics.column_aggregates.pop(ids[column.path_in_schema], None)
