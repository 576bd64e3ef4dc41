"""Staging: a query's result cast to a table's schema and written as its data files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from pyiceberg.partitioning import PartitionField
from pyiceberg.table import Table
from pyiceberg.types import NestedField

from a360.engine._sql import quote_name, quote_text
from a360.engine._staged import StagedFile, describe, discard, open_io
from a360.engine.duckdb._errors import in_our_words, translate
from a360.engine.duckdb._partition import partition_expression, partition_record
from a360.engine.duckdb._types import duckdb_type, field_ids
from a360.errors import DataError
from a360.failpoints import failpoint

# Casts that DuckDB would make without a word and with a loss.
_LOSSY = re.compile(
    r"^(?:(?:FLOAT|DOUBLE) -> (?:\w*INT\w*|DECIMAL.*)"
    r"|(?:TIMESTAMP.*) -> (?:DATE|TIME)"
    r"|DECIMAL.* -> \w*INT\w*)$"
)
_SCALE = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_PARTITION = "__a360_partition_"


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the table and what the query offers for it."""

    field: NestedField
    source: str | None
    target: str

    @property
    def expression(self) -> str:
        name = quote_name(self.field.name)
        if self.source is None:
            return f"CAST(NULL AS {self.target}) AS {name}"
        if self.source == self.target:
            return name
        return f"CAST({self._inner} AS {self.target}) AS {name}"

    @property
    def misfits(self) -> str:
        """How many values are there that do not survive the cast."""
        lost = f"{self._inner} IS NOT NULL AND TRY_CAST({self._inner} AS {self.target}) IS NULL"
        return f"count(*) FILTER (WHERE {lost})"

    @property
    def _inner(self) -> str:
        name = quote_name(self.field.name)
        # A bare NULL in SQL is an INTEGER to DuckDB, and integers cast to few types.
        bare_null = self.source == "INTEGER" and self.target.startswith(("DATE", "TIME", "BLOB", "UUID"))
        return f"CAST({name} AS VARCHAR)" if bare_null else name

    @property
    def loses(self) -> bool:
        if self.source is None or self.source == self.target:
            return False
        if _LOSSY.match(f"{self.source} -> {self.target}"):
            return True
        before, after = _SCALE.fullmatch(self.source), _SCALE.fullmatch(self.target)
        return bool(before and after and int(before[1]) > int(after[1]))


def stage(
    connection: duckdb.DuckDBPyConnection, sql: str, table: Table, target_bytes: int, name: str
) -> list[StagedFile]:
    """Write the result of `sql` as data files of `table`."""
    columns = _match(connection, sql, table, name)
    selected = ", ".join(column.expression for column in columns)
    query = f"SELECT {selected} FROM ({sql}) AS rows"
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
        raise _misfits(connection, sql, columns, name) or translate(error, f"stage rows of {name}") from None
    except duckdb.Error as error:
        raise translate(error, f"stage rows of {name}") from None
    failpoint("engine.stage.written")
    staged = _describe(table, parts, written)
    _require(table, staged, name)
    return staged


def _match(connection: duckdb.DuckDBPyConnection, sql: str, table: Table, name: str) -> list[_Column]:
    """Match the query's columns with the table's, by name."""
    with in_our_words(f"understand the query for {name}"):
        offered = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {sql}").fetchall()}
    columns = [
        _Column(each, offered.pop(each.name, None), duckdb_type(each.field_type))
        for each in table.schema().fields
    ]
    faults = [f"{column} is not a column of the table" for column in offered]
    faults += [
        f"{column.field.name} is required and missing"
        for column in columns
        if column.source is None and column.field.required
    ]
    faults += [
        f"{column.field.name} is {column.source} and would lose by a cast to {column.target}"
        for column in columns
        if column.loses
    ]
    if faults:
        raise _unfit(name, faults)
    return columns


def _copy(query: str, table: Table, parts: Sequence[PartitionField], target_bytes: int) -> str:
    options = [
        "FORMAT parquet",
        "COMPRESSION zstd",
        f"FIELD_IDS {field_ids(table.schema())}",
        "FILENAME_PATTERN '{uuid}'",
        "APPEND true",
        "RETURN_STATS true",
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
        raise _unfit(name, faults)


def _misfits(
    connection: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[_Column], name: str
) -> DataError | None:
    """Say which columns hold values that do not fit, and how many, never which values."""
    cast = [column for column in columns if column.source not in {None, column.target}]
    try:
        counts = connection.execute(
            f"SELECT {', '.join(column.misfits for column in cast)} FROM ({sql}) AS rows"
        ).fetchone()
    except duckdb.Error:
        return None
    faults = [
        f"{column.field.name} holds {count} values that are no {column.target}"
        for column, count in zip(cast, counts or (), strict=True)
        if count
    ]
    return _unfit(name, faults) if faults else None


def _unfit(name: str, faults: Sequence[str]) -> DataError:
    return DataError(
        "rows-do-not-fit",
        "The rows do not fit the table, so no file was staged",
        where=name,
        found="; ".join(faults),
        next_step="cast or drop the columns in the query that makes the rows, or change the contract",
    )
