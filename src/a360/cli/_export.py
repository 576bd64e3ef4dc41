"""Writing a query's answer to a file, in the format that the file's name asks for."""

import base64
import json
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from a360.cli._output import output
from a360.errors import UsageError

# A spreadsheet runs a cell that begins so as a formula; the wide forms count where East Asian input is set.
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
# A number below zero stays one: spreadsheets take it for a value.
_NEGATIVE = "^-[0-9]+([.][0-9]+)?$"
_ROWS_AT_ONCE = 10_000


def export(table: pa.Table, path: Path) -> None:
    """Write the whole table to `path`, or nothing: an interrupted write leaves what was there.

    Raises:
        UsageError: usage, where the name's ending is none of those known.
        OperatorError: input-missing, where the file cannot be written.

    """
    writer = _writer(path)
    with output(path) as stream:
        writer(table, stream)


def require_known_ending(path: Path) -> None:
    """Raise where `export` could not write this file, before the query is run for nothing."""
    _writer(path)


def _writer(path: Path) -> Callable[[pa.Table, IO[bytes]], None]:
    try:
        return _WRITERS[path.suffix.lower()]
    except KeyError:
        raise UsageError(
            "usage",
            "The ending of the file's name says no format",
            where=f"--output {path}",
            found=path.suffix or "no ending",
            next_step=f"end it in one of {', '.join(_WRITERS)}",
        ) from None


def _write_csv(table: pa.Table, stream: IO[bytes]) -> None:
    safe = pa.table([_csv_column(column) for column in table.columns], names=table.column_names)
    header = pa.array(table.column_names, pa.string())
    names = _without_formulas(pa.chunked_array([header])).to_pylist()
    pa_csv.write_csv(safe.rename_columns(names), stream)


def _csv_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as CSV can hold it, with no cell that a spreadsheet would run."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _without_formulas(column)
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        texts = [None if value is None else _text(json_value(value)) for value in column.to_pylist()]
        return _without_formulas(pa.chunked_array([pa.array(texts, pa.string())]))
    return column


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _without_formulas(column: pa.ChunkedArray) -> pa.ChunkedArray:
    begins, number = (pc.match_substring_regex(column, shape) for shape in (_FORMULA, _NEGATIVE))
    runs = pc.fill_null(pc.and_not(begins, number), fill_value=False)
    mark, nothing = pa.scalar("'", column.type), pa.scalar("", column.type)
    return pc.if_else(runs, pc.binary_join_element_wise(mark, column, nothing), column)


def _write_parquet(table: pa.Table, stream: IO[bytes]) -> None:
    pq.write_table(table, stream, compression="zstd")


def _write_arrow(table: pa.Table, stream: IO[bytes]) -> None:
    with pa.ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)


def write_json(table: pa.Table, stream: IO[bytes]) -> None:
    """Write the rows as one JSON array, a line each."""
    stream.write(b"[")
    for index, row in enumerate(json_rows(table)):
        stream.write(b",\n" if index else b"\n")
        stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode())
    stream.write(b"\n]\n")


def json_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows as JSON objects: decimals, dates and times are text, bytes base64, infinities null."""
    for batch in table.to_batches(_ROWS_AT_ONCE):
        columns = [[json_value(value) for value in column.to_pylist()] for column in batch.columns]
        for values in zip(*columns, strict=True):
            yield dict(zip(table.column_names, values, strict=True))


def json_value(value: object) -> Any:  # noqa: ANN401, PLR0911 - JSON is any of these; one return a kind
    """A value of Arrow as JSON can hold it without loss."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case bytes():
            return base64.b64encode(value).decode()
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            # a sum of whole numbers is a decimal without places
            return int(value) if value.as_tuple().exponent == 0 else str(value)
        case timedelta():
            return str(value)
        case dict():
            return {str(name): json_value(each) for name, each in value.items()}
        case list() | tuple():
            return [json_value(each) for each in value]
        case _:
            return str(value)


_WRITERS: MappingProxyType[str, Callable[[pa.Table, IO[bytes]], None]] = MappingProxyType(
    {".csv": _write_csv, ".parquet": _write_parquet, ".json": write_json, ".arrow": _write_arrow}
)
