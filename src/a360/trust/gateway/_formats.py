"""Answers as streams of text or Arrow, written as they are read."""

import base64
import json
import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from a360.contract import quote_text

# A spreadsheet runs a cell that begins so as a formula; the wide forms count where East Asian input is set.
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
# A number below zero stays one: spreadsheets take it for a value.
_NEGATIVE = "^-[0-9]+([.][0-9]+)?$"
_ROWS_AT_ONCE = 10_000


def write_csv(rows: pa.RecordBatchReader, stream: IO[bytes]) -> None:
    """Write rows as CSV in which no cell is a formula to a spreadsheet."""
    header = pa.array(rows.schema.names, pa.string())
    names = _without_formulas(pa.chunked_array([header])).to_pylist()
    empty = _csv_table(pa.Table.from_batches([], rows.schema), names)
    with pa_csv.CSVWriter(stream, empty.schema) as writer:
        for batch in rows:
            writer.write_table(_csv_table(pa.Table.from_batches([batch]), names))


def _csv_table(rows: pa.Table, names: list[str]) -> pa.Table:
    return pa.table([_csv_column(column) for column in rows.columns], names=names)


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


def unmarked(column: str) -> str:
    """The SQL for a text that was read from such CSV as it was before; `column` is its quoted name."""
    formula, negative = (quote_text(f"^'{shape.removeprefix('^')}") for shape in (_FORMULA, _NEGATIVE))
    marked = f"regexp_matches({column}, {formula}) AND NOT regexp_matches({column}, {negative})"
    return f"CASE WHEN {marked} THEN substr({column}, 2) ELSE {column} END"


def write_arrow(rows: pa.RecordBatchReader, stream: IO[bytes]) -> None:
    """Write rows as a stream of Arrow IPC."""
    with pa.ipc.new_stream(stream, rows.schema) as writer:
        for batch in rows:
            writer.write_batch(batch)


def write_json(rows: pa.RecordBatchReader, stream: IO[bytes]) -> None:
    """Write the rows as one JSON array, a line each."""
    stream.write(b"[")
    for index, row in enumerate(json_rows(rows)):
        stream.write(b",\n" if index else b"\n")
        stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode())
    stream.write(b"\n]\n")


def write_json_lines(rows: pa.RecordBatchReader, stream: IO[bytes]) -> None:
    """Write each row as a line of JSON."""
    for row in json_rows(rows):
        stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def json_rows(rows: pa.Table | pa.RecordBatchReader) -> Iterator[dict[str, Any]]:
    """The rows as JSON objects: decimals, dates and times are text, bytes base64, infinities null."""
    names = rows.schema.names
    for batch in rows.to_batches(_ROWS_AT_ONCE) if isinstance(rows, pa.Table) else rows:
        columns = [[json_value(value) for value in column.to_pylist()] for column in batch.columns]
        for values in zip(*columns, strict=True):
            yield dict(zip(names, values, strict=True))


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
