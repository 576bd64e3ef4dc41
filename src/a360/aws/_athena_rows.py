"""Athena's answers as Arrow, and what Athena writes to files as SQL that reads them.

A plain answer is a CSV in which every value but NULL is in quotes, so that an empty text is not NULL.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.csv as pc

from a360.contract import quote_name
from a360.errors import UsageError

ZONED = "timestamp with time zone"
_PLAIN: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float32(),
    "double": pa.float64(),
    "varchar": pa.string(),
    "char": pa.string(),
    "json": pa.string(),
    "uuid": pa.string(),
    "time": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "unknown": pa.null(),
}
# What Arrow reads from the text that stands in the file; the others are made of that text here.
_READ_BY_ARROW = frozenset({
    "bigint", "boolean", "char", "date", "double", "float", "integer", "json", "real", "smallint", "time",
    "tinyint", "uuid", "varchar",
})  # fmt: skip


def type_of(column: Mapping[str, Any]) -> pa.DataType:
    """The type of an answer's column.

    Raises:
        UsageError: it is a list, a row or a map, of which a CSV does not tell where one value ends.
    """
    name = str(column["Type"]).partition("(")[0].strip()
    match name:
        case "decimal":
            return pa.decimal128(int(column["Precision"]), int(column["Scale"]))
        case "timestamp with time zone":
            return pa.timestamp("us", tz="UTC")
        case "varbinary":
            return pa.binary()
        case _ if name in _PLAIN:
            return _PLAIN[name]
    raise UsageError(
        "usage",
        f"The column {column['Name']} of the answer is of a type that does not travel",
        found=name,
        next_step="name parts of it, or cast it: json_format(cast(x AS JSON))",
    )


def rows_of(content: bytes, columns: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The rows of an answer, typed as Athena says its columns are."""
    types = [type_of(column) for column in columns]
    names = [f"c{place}" for place in range(len(columns))]
    read = {
        name: type_ if _bare(column) in _READ_BY_ARROW else pa.string()
        for name, type_, column in zip(names, types, columns, strict=True)
    }
    # By places: two columns of an answer may have one name.
    texts = pc.read_csv(
        io.BytesIO(content),
        read_options=pc.ReadOptions(column_names=names, skip_rows=1, block_size=max(len(content), 1 << 20)),
        parse_options=pc.ParseOptions(newlines_in_values=True),
        convert_options=pc.ConvertOptions(
            column_types=read,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["true"],
            false_values=["false"],
        ),
    )
    made = [
        texts.column(name) if read[name] == type_ else _made(texts.column(name), column, type_)
        for name, type_, column in zip(names, types, columns, strict=True)
    ]
    return pa.Table.from_arrays(
        made,
        schema=pa.schema(
            [pa.field(str(column["Name"]), each) for column, each in zip(columns, types, strict=True)]
        ),
    )


def _bare(column: Mapping[str, Any]) -> str:
    return str(column["Type"]).partition("(")[0].strip()


def _made(texts: pa.ChunkedArray, column: Mapping[str, Any], type_: pa.DataType) -> pa.ChunkedArray:
    kind = _bare(column)
    if kind == "unknown":
        return pa.chunked_array([pa.nulls(len(texts))])
    if kind == "decimal":
        return texts.cast(type_)
    make: Callable[[str], object] = bytes.fromhex
    if kind == "timestamp":
        make = datetime.fromisoformat
    elif kind == ZONED:
        make = _instant
    values = [None if each is None else make(each) for each in texts.to_pylist()]
    return pa.chunked_array([pa.array(values, type=type_)])


def _instant(text: str) -> datetime:
    """A moment as Athena writes it: `2026-11-24 02:00:00.000 America/New_York`."""
    moment, _, zone = text.rpartition(" ")
    naive = datetime.fromisoformat(moment)
    if zone[:1] in "+-":
        hours, _, minutes = zone[1:].partition(":")
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return (naive - offset if zone[0] == "+" else naive + offset).replace(tzinfo=UTC)
    try:
        return naive.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except ZoneInfoNotFoundError as error:
        raise ValueError(f"no such zone: {zone}") from error


def unload_sql(sql: str, columns: Sequence[Mapping[str, Any]], place: str) -> str:
    """The statement that writes a query's rows to Parquet files.

    The writer knows no times with a zone and keeps no more than milliseconds of others: they go as text.
    """
    listed = []
    for column in columns:
        name = quote_name(str(column["Name"]))
        type_of(column)
        match _bare(column):
            case "timestamp with time zone":
                listed.append(f"CAST({name} AT TIME ZONE 'UTC' AS VARCHAR) AS {name}")
            case "timestamp" | "time" | "char" | "json" | "uuid":
                listed.append(f"CAST({name} AS VARCHAR) AS {name}")
            case "unknown":
                listed.append(f"CAST({name} AS VARCHAR) AS {name}")
            case _:
                listed.append(name)
    return (
        f"UNLOAD (SELECT {', '.join(listed)} FROM ({sql}) AS unloaded) TO '{place}/' "
        "WITH (format = 'PARQUET', compression = 'SNAPPY')"
    )


def reading_sql(columns: Sequence[Mapping[str, Any]], files: Sequence[str]) -> str:
    """House SQL that reads what an UNLOAD has written, in the types that its query had."""
    listed = []
    for column in columns:
        name = quote_name(str(column["Name"]))
        match _bare(column):
            case "timestamp with time zone":
                listed.append(f"CAST(replace({name}, ' UTC', '') || '+00' AS TIMESTAMPTZ) AS {name}")
            case "timestamp":
                listed.append(f"CAST({name} AS TIMESTAMP) AS {name}")
            case _:
                listed.append(name)
    return f"SELECT {', '.join(listed)} FROM {_files(columns, files)}"


def _files(columns: Sequence[Mapping[str, Any]], files: Sequence[str]) -> str:
    """The files as a relation; of no rows Athena writes no file."""
    if files:
        paths = ", ".join(f"'{each.replace("'", "''")}'" for each in files)
        return f"read_parquet([{paths}], hive_partitioning = false)"
    empty = ", ".join(
        f"CAST(NULL AS {_house_type(column)}) AS {quote_name(str(column['Name']))}" for column in columns
    )
    return f"(SELECT {empty} WHERE false) AS none"


def _house_type(column: Mapping[str, Any]) -> str:
    kind = _bare(column)
    if kind == "decimal":
        return f"DECIMAL({int(column['Precision'])}, {int(column['Scale'])})"
    if kind in {"boolean", "tinyint", "smallint", "integer", "bigint", "double", "date"}:
        return kind.upper()
    return {"real": "FLOAT", "float": "FLOAT", "varbinary": "BLOB"}.get(kind, "VARCHAR")
