"""SQL that writes columns as lines of JSON: what JSON has no type for goes into a box, {"=": text}.

A text of the contract's formats and a typed value must not be taken for each other: `12.50` is twelve and a
half where it was a decimal, whatever decimal sign the contract's texts have.
"""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.types as pt

from a360.contract import quote_name, quote_text
from a360.records._mapping import TYPED

_TIME = "%Y-%m-%dT%H:%M:%S.%f"


def text_line_sql(names: Sequence[str]) -> str:
    """An expression for rows of texts c0, c1, … as JSON objects with these names, a newline behind each."""
    members = ", ".join(f"{quote_text(name)}, c{at}" for at, name in enumerate(names))
    return f"json_object({members})::VARCHAR || chr(10)"


def typed_line_sql(schema: pa.Schema) -> str:
    """The same for rows of typed columns c0, c1, …, which have names and types of the schema."""
    members = ((each.name, each.type, f"c{at}") for at, each in enumerate(schema))
    return f"{_object(members)}::VARCHAR || chr(10)"


def _object(members: Iterable[tuple[str, pa.DataType, str]]) -> str:
    listed = ", ".join(f"{quote_text(name)}, {_json(type_, sql)}" for name, type_, sql in members)
    return f"json_object({listed})"


def _json(type_: pa.DataType, sql: str) -> str:
    if pt.is_dictionary(type_):
        return _json(type_.value_type, sql)
    if pt.is_struct(type_):
        members = ((each.name, each.type, f"{sql}.{quote_name(each.name)}") for each in type_)
        return f"CASE WHEN {sql} IS NOT NULL THEN {_object(members)} END"
    if pt.is_map(type_):
        return f"to_json({sql})"
    if pt.is_list(type_) or pt.is_large_list(type_) or pt.is_fixed_size_list(type_):
        return f"to_json(list_transform({sql}, lambda x: {_json(type_.value_type, 'x')}))"
    return _scalar(type_, sql)


def _scalar(type_: pa.DataType, sql: str) -> str:
    if pt.is_boolean(type_) or (pt.is_integer(type_) and type_ != pa.uint64()):
        return f"to_json({sql})"
    if pt.is_floating(type_):
        return f"CASE WHEN isfinite({sql}) THEN to_json({sql}) ELSE {_boxed(f'{sql}::VARCHAR')} END"
    if pt.is_timestamp(type_):
        zone = "'Z'" if type_.tz else "''"
        return _boxed(f"strftime({sql}, {quote_text(_TIME)}) || {zone}")
    if pt.is_binary(type_) or pt.is_large_binary(type_) or pt.is_fixed_size_binary(type_):
        return _boxed(f"to_base64({sql})")
    if pt.is_string(type_) or pt.is_large_string(type_) or pt.is_string_view(type_):
        return f"to_json({sql})"
    return _boxed(f"{sql}::VARCHAR")


def _boxed(text: str) -> str:
    return f"CASE WHEN {text} IS NOT NULL THEN json_object({quote_text(TYPED)}, {text}) END"
