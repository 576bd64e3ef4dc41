"""Rows in a form that is the same for the same values, whichever engine gave them and in whatever order."""

import datetime as dt
import hashlib
import math
from decimal import Decimal

import pyarrow as pa


def kinds_of(table):
    """The types of columns, by name; how wide an engine makes offsets is no difference."""
    return {field.name: _kind(field.type) for field in table.schema}


def _kind(kind):
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    return kind


def texts_of(table):
    """Each row as a tuple of texts, sorted."""
    columns = [[text_of(value) for value in table[name].to_pylist()] for name in sorted(table.column_names)]
    return sorted(zip(*columns, strict=True)) if columns else []


def column_hashes(table):
    """A digest a column over the rows in their sorted order, so that a difference names its column."""
    rows, names = texts_of(table), sorted(table.column_names)
    return {
        name: hashlib.sha256("\x1e".join(row[place] for row in rows).encode()).hexdigest()
        for place, name in enumerate(names)
    }


def text_of(value):  # noqa: PLR0911 - one for each kind of value
    """A value as text: instants in UTC, decimals with their digits, a null like nothing else."""
    match value:
        case None:
            return "\x00"
        case bool():
            return str(value)
        case float():
            # No comparison of SQL tells the zeros apart.
            return "nan" if math.isnan(value) else (value or 0.0).hex()
        case Decimal():
            # Not by `normalize`, which rounds what has more than 28 digits.
            digits = f"{value:f}"
            return digits.rstrip("0").rstrip(".") if "." in digits else digits
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat() if value.tzinfo else value.isoformat()
        case bytes():
            return value.hex()
        case list():
            return f"[{'|'.join(map(text_of, value))}]"
        case dict():
            return f"{{{'|'.join(f'{key}:{text_of(each)}' for key, each in value.items())}}}"
    return str(value)
