"""Staging: a query's result cast to a table's schema and written as its data files."""

from collections.abc import Sequence
from typing import Any

import duckdb
from pyiceberg.partitioning import PartitionField
from pyiceberg.table import Table

from a360.contract import quote_name, quote_text
from a360.engine._staged import StagedFile, describe, discard, open_io
from a360.engine.duckdb._conform import conformed, match, misfits, unfit
from a360.engine.duckdb._errors import translate
from a360.engine.duckdb._partition import partition_expression, partition_record
from a360.engine.duckdb._types import field_ids
from a360.failpoints import failpoint

# Each thread holds the row group it writes in memory, where rows of a megabyte must not come by thousands.
_ROW_GROUP_BYTES = 32 * 1024 * 1024
_PARTITION = "__a360_partition_"


def stage(
    connection: duckdb.DuckDBPyConnection, sql: str, table: Table, target_bytes: int, name: str
) -> list[StagedFile]:
    """Write the result of `sql` as data files of `table`."""
    columns = match(connection, sql, table, name)
    query = conformed(sql, columns)
    parts = table.spec().fields
    if parts:
        computed = (
            f"{partition_expression(table.schema(), part)} AS {quote_name(_PARTITION + str(at))}"
            for at, part in enumerate(parts)
        )
        query = f"SELECT *, {', '.join(computed)} FROM ({query}) AS typed"
    order = _order(table)
    if order:
        query += f" ORDER BY {order}"
    try:
        written = connection.execute(_copy(query, table, parts, target_bytes)).fetchall()
    except duckdb.ConversionException as error:
        raise misfits(connection, sql, columns, name) or translate(error, f"stage rows of {name}") from None
    except duckdb.Error as error:
        raise translate(error, f"stage rows of {name}") from None
    failpoint("engine.stage.written")
    staged = _describe(table, parts, written)
    _require(table, staged, name)
    return staged


def _copy(query: str, table: Table, parts: Sequence[PartitionField], target_bytes: int) -> str:
    options = [
        "FORMAT parquet",
        "COMPRESSION zstd",
        f"FIELD_IDS {field_ids(table.schema())}",
        "FILENAME_PATTERN '{uuid}'",
        "APPEND true",
        "RETURN_STATS true",
        f"ROW_GROUP_SIZE_BYTES {_ROW_GROUP_BYTES:d}",
    ]
    if parts:
        names = ", ".join(quote_name(_PARTITION + str(at)) for at in range(len(parts)))
        options += [f"PARTITION_BY ({names})", "WRITE_PARTITION_COLUMNS false"]
    else:
        options += ["PER_THREAD_OUTPUT true", f"FILE_SIZE_BYTES {target_bytes:d}"]
    return f"COPY ({query}) TO {quote_text(data_folder(table))} ({', '.join(options)})"


def data_folder(table: Table) -> str:
    """Where a table's data files lie, as Iceberg's location provider has it."""
    custom = table.metadata.properties.get("write.data.path")
    return (custom or f"{table.location().rstrip('/')}/data").rstrip("/")


def _order(table: Table) -> str:
    """The table's sort order as an ORDER BY list; transforms order as their source column does."""
    schema = table.schema()
    return ", ".join(
        f"{quote_name(schema.find_column_name(each.source_id) or '')} {each.direction.value} "
        f"{each.null_order.value.replace('-', ' ')}"
        for each in table.sort_order().fields
    )


def _describe(
    table: Table, parts: Sequence[PartitionField], written: Sequence[tuple[Any, ...]]
) -> list[StagedFile]:
    """Describe the files that hold rows, and delete the others: DuckDB writes a file even for no rows."""
    scheme = "file://" if data_folder(table).startswith("file:") else ""
    staged = []
    for path, rows, *_, keys in written:
        # DuckDB answers with a bare path where it was given a file URL.
        place = path if "://" in path else scheme + path
        if rows:
            staged.append(describe(table, place, partition_record(table, parts, keys)))
        else:
            open_io(table).delete(place)
    return staged


def _require(table: Table, staged: Sequence[StagedFile], name: str) -> None:
    """Refuse nulls in required columns; footers count them, so that it costs no second pass."""
    faults = []
    for each in table.schema().fields:
        nulls = sum((file.data_file.null_value_counts or {}).get(each.field_id, 0) for file in staged)
        if each.required and nulls:
            faults.append(f"{each.name} is required and null in {nulls} rows")
    if faults:
        discard(table, staged)
        raise unfit(name, faults)
