"""Staging: a query's result cast to a table's schema and written as its data files."""

from collections.abc import Sequence
from typing import Any

import duckdb
from pyiceberg.partitioning import PartitionField
from pyiceberg.table import Table

from a360.contract import quote_name, quote_text
from a360.engine._conform import Column, conformed, match, misfits, misfits_sql, require_values
from a360.engine._partition import partition_record
from a360.engine._staged import StagedFile, data_folder, describe, open_io, order_sql
from a360.engine.duckdb._errors import in_our_words, translate
from a360.engine.duckdb._field_ids import field_ids
from a360.engine.duckdb._partition import partition_expression
from a360.errors import DataError
from a360.failpoints import failpoint

# Each thread holds the row group it writes in memory, where rows of a megabyte must not come by thousands.
_ROW_GROUP_BYTES = 32 * 1024 * 1024
_PARTITION = "__a360_partition_"


def stage(
    connection: duckdb.DuckDBPyConnection, sql: str, table: Table, target_bytes: int, name: str
) -> list[StagedFile]:
    """Write the result of `sql` as data files of `table`."""
    columns = match(offered(connection, sql, name), table, name)
    query = conformed(sql, columns)
    parts = table.spec().fields
    if parts:
        computed = (
            f"{partition_expression(table.schema(), part)} AS {quote_name(_PARTITION + str(at))}"
            for at, part in enumerate(parts)
        )
        query = f"SELECT *, {', '.join(computed)} FROM ({query}) AS typed"
    order = order_sql(table)
    if order:
        query += f" ORDER BY {order}"
    try:
        written = connection.execute(_copy(query, table, parts, target_bytes)).fetchall()
    except duckdb.ConversionException as error:
        raise _misfits(connection, sql, columns, name) or translate(error, f"stage rows of {name}") from None
    except duckdb.Error as error:
        raise translate(error, f"stage rows of {name}") from None
    failpoint("engine.stage.written")
    staged = _describe(table, parts, written)
    require_values(table, staged, name)
    return staged


def offered(connection: duckdb.DuckDBPyConnection, sql: str, name: str) -> dict[str, str]:
    """The columns of a query with their types."""
    with in_our_words(f"understand the query for {name}"):
        return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {sql}").fetchall()}


def _misfits(
    connection: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[Column], name: str
) -> DataError | None:
    try:
        counts = connection.execute(misfits_sql(sql, columns)).fetchone()
    except duckdb.Error:
        return None
    return misfits(columns, counts or (), name)


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
            texts = list(keys.values()) if parts else []
            staged.append(describe(table, place, partition_record(table, parts, texts)))
        else:
            open_io(table).delete(place)
    return staged
