"""Staging: a query's result cast to a table's schema and written as its data files by Spark's workers."""

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from pyarrow.fs import FileSelector
from pyiceberg.io.pyarrow import PyArrowFileIO, schema_to_pyarrow
from pyiceberg.partitioning import PartitionField
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyspark.sql import DataFrame

from a360.engine._conform import require_values
from a360.engine._partition import partition_record, partition_sql
from a360.engine._staged import StagedFile, data_folder, describe, open_io, order_sql
from a360.engine.spark._mapped import map_batches
from a360.engine.spark._temporary import quoted
from a360.engine.spark._writing import WRITTEN, FileWriter
from a360.failpoints import failpoint

_PARTITION = "__a360_partition_"
_FOOTERS_AT_ONCE = 8


def stage(
    rows: DataFrame, table: Table, target_bytes: int, catalog: str, order: Callable[[str], str]
) -> Callable[[], list[StagedFile]]:
    """What writes rows that fit a table as its data files, and tells of these, once it is called.

    Args:
        rows: In the table's columns and types.
        table: The table.
        target_bytes: How large a file should be at least, where there is as much.
        catalog: The one that has Iceberg's functions.
        order: Makes an ORDER BY list of house SQL one of Spark's.
    """
    parts = table.spec().fields
    prefix = uuid.uuid4().hex
    writer = FileWriter(
        data_folder(table),
        prefix,
        _file_schema(table.schema()),
        len(parts),
        target_bytes,
        {key: str(value) for key, value in open_io(table).properties.items()},
    )
    placed = map_batches(_arranged(rows, table, parts, catalog, order), writer, WRITTEN)

    def run() -> list[StagedFile]:
        try:
            written = placed.toArrow().to_pylist()
            failpoint("engine.stage.written")
        except BaseException:
            _remove(table, prefix)
            raise
        with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
            staged = list(pool.map(lambda each: _described(table, parts, each), written))
        require_values(table, staged, ".".join(table.name()))
        return staged

    return run


def _arranged(
    rows: DataFrame, table: Table, parts: Sequence[PartitionField], catalog: str, order: Callable[[str], str]
) -> DataFrame:
    """Rows in the table's order, those of a partition together, in pieces of about a file each."""
    names = [f"{_PARTITION}{at}" for at in range(len(parts))]
    computed = [
        f"{_expression(table.schema(), part, catalog)} AS {quoted(name)}"
        for part, name in zip(parts, names, strict=True)
    ]
    sorting = order_sql(table)
    keys = ", ".join(map(quoted, names))
    session = rows.sparkSession
    hint = "" if sorting and not parts else f"/*+ REBALANCE{f'({keys})' if keys else ''} */ "
    query = f"SELECT {hint}* FROM (SELECT {', '.join(['*', *computed])} FROM {{rows}})"
    if parts:
        query += f" SORT BY {', '.join(filter(None, [keys, sorting and order(sorting)]))}"
    elif sorting:
        query += f" ORDER BY {order(sorting)}"
    return session.sql(query, rows=rows)


def _expression(schema: Schema, part: PartitionField, catalog: str) -> str:
    """SQL for the partition value of a row, by Iceberg's own functions."""
    column = quoted(schema.find_column_name(part.source_id) or "")

    def spelled(transform: str, width: int | None) -> str:
        call = f"{transform}s({column})" if width is None else f"{transform}({width:d}, {column})"
        return f"{quoted(catalog)}.system.{call}"

    return partition_sql(part, column, spelled)


def _file_schema(schema: Schema) -> pa.Schema:
    """A table's schema in Arrow's types with its field ids; what may not be null is looked at afterwards."""
    return pa.schema([each.with_nullable(True) for each in schema_to_pyarrow(schema)])


def _described(table: Table, parts: Sequence[PartitionField], written: dict[str, object]) -> StagedFile:
    return describe(table, str(written["path"]), partition_record(table, parts, written["partition"]))  # type: ignore[arg-type]


def _remove(table: Table, prefix: str) -> None:
    """Delete what tasks had written before another one failed."""
    access = open_io(table)
    scheme, host, path = PyArrowFileIO.parse_location(data_folder(table), access.properties)
    files = access.fs_by_scheme(scheme, host)
    for each in files.get_file_info(FileSelector(path, allow_not_found=True)):
        if each.base_name.startswith(prefix):
            files.delete_file(each.path)
