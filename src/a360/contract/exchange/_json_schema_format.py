"""Contracts as JSON Schema of a row, and back."""

import json
import math
import re
from dataclasses import replace
from typing import Any

from a360.contract._types import parse_type
from a360.contract.exchange._sketch import BOUNDS, Sketch, SketchColumn

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DATASET = frozenset({"zone", "description"})
COLUMN = frozenset(
    {"type", "required", "deprecated", "description", "business_name", "enum", "pattern"}
    | {"min_length", "max_length", "minimum", "maximum", "exclusive_minimum", "exclusive_maximum"}
)
PHYSICAL = "x-physicalType"
"""An annotation for the one thing the vocabulary lacks: how many digits a decimal has."""

_TO: dict[str, dict[str, str]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "int": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "double": {"type": "number", "format": "double"},
    "date": {"type": "string", "format": "date"},
    "timestamptz": {"type": "string", "format": "date-time"},
    "binary": {"type": "string", "contentEncoding": "base64"},
}
_WORDS = {
    "pattern": "pattern",
    "min_length": "minLength",
    "max_length": "maxLength",
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
}
_WHOLE = re.compile(r"\^\(\?:(?P<inner>.*)\)\$", re.DOTALL)
_KNOWN = frozenset(_WORDS.values()) | {
    "type", "format", "contentEncoding", "enum", "const", "description", "title", "deprecated", PHYSICAL,
}  # fmt: skip
_TOP = frozenset(
    {"$schema", "title", "type", "description", "properties", "required", "additionalProperties"}
)


def write(sketch: Sketch) -> str:
    """The JSON Schema of one row."""
    schema = {
        "$schema": DIALECT,
        "title": f"{sketch.zone}.{sketch.name}",
        **({"description": sketch.description} if sketch.description else {}),
        "type": "object",
        "properties": {column.name: _property(column) for column in sketch.columns},
        "required": [column.name for column in sketch.columns if column.required],
        "additionalProperties": False,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def narrow(column: SketchColumn) -> SketchColumn:
    """A column without limits of dates, which are texts there: the vocabulary limits numbers alone."""
    texts: dict[str, Any] = {each: None for each in BOUNDS if isinstance(getattr(column, each), str)}
    return replace(column, **texts)


def _property(column: SketchColumn) -> dict[str, Any]:
    node: dict[str, Any] = dict(_TO.get(column.type, {"type": "number", PHYSICAL: column.type}))
    if not column.required:
        node["type"] = [node["type"], "null"]
    if column.business_name:
        node["title"] = column.business_name
    if column.description:
        node["description"] = column.description
    if column.deprecated:
        node["deprecated"] = True
    if column.enum:
        node["enum"] = [*column.enum, *([] if column.required else [None])]
    for part, word in _WORDS.items():
        value = getattr(column, part)
        if value is not None:
            # A contract's pattern is matched against the whole value, JSON Schema's against any part of it.
            node[word] = f"^(?:{value})$" if part == "pattern" else value
    return node


def read(text: str, name: str) -> tuple[list[Sketch], list[str]]:
    """The dataset a JSON Schema of rows describes; nested objects and what contracts lack are noted."""
    schema = json.loads(text)
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        raise ValueError("a JSON Schema of a row has an object `properties`")  # noqa: TRY004 - of the content
    zone, _, short = str(schema.get("title") or "").rpartition(".")
    titled = bool(re.fullmatch(r"(bronze|silver|gold)", zone)) and bool(
        re.fullmatch(r"[a-z][a-z0-9_]*", short)
    )
    notes = [f"{key} is not taken over" for key in schema if key not in _TOP]
    required = schema.get("required")
    needed = {str(each) for each in required} if isinstance(required, list) else set()
    columns = [
        _column(str(key), node if isinstance(node, dict) else {}, str(key) in needed, notes)
        for key, node in schema["properties"].items()
    ]
    return [
        Sketch(
            name=short if titled else name,
            zone=zone if titled else "silver",
            description=str(schema.get("description") or ""),
            columns=tuple(columns),
        )
    ], notes


def _column(name: str, node: dict[str, Any], needed: bool, notes: list[str]) -> SketchColumn:  # noqa: FBT001 - told by its place
    kinds = node.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    nullable = "null" in kinds
    plain = [kind for kind in kinds if kind != "null"]
    type_ = _type(name, plain, node, notes)
    notes += [f"{name}: {key} is not taken over" for key in node if key not in _KNOWN]
    values = node.get("enum", [node["const"]] if "const" in node else [])
    return SketchColumn(
        name=name,
        type=type_,
        required=needed and not nullable,
        deprecated=node.get("deprecated") is True,
        description=str(node.get("description") or ""),
        business_name=str(node.get("title") or ""),
        enum=tuple(value for value in values if isinstance(value, str | int | float)),
        **_options(name, node, notes),
    )


def _type(name: str, kinds: list[Any], node: dict[str, Any], notes: list[str]) -> str:
    own = parse_type(str(node.get(PHYSICAL)))
    if own:
        return str(own)
    shape = {key: node[key] for key in ("format", "contentEncoding") if key in node}
    for type_, wanted in _TO.items():
        if kinds == [wanted["type"]] and {k: v for k, v in wanted.items() if k != "type"} == shape:
            return type_
    if kinds in (["integer"], ["number"]):
        return {"integer": "long", "number": "double"}[kinds[0]]
    if kinds != ["string"]:
        notes.append(f"{name}: the type {kinds or 'any'} became string")
    elif shape:
        notes.append(f"{name}: {', '.join(shape.values())} is not checked; the column became string")
    return "string"


def _options(name: str, node: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for part, word in _WORDS.items():
        value = node.get(word)
        if isinstance(value, bool) or value is None:
            continue
        if part == "pattern":
            options[part] = _pattern(str(value))
        elif isinstance(value, int | float) and math.isfinite(value):
            options[part] = value
        else:
            notes.append(f"{name}: {word} is not a number")
    return options


def _pattern(text: str) -> str:
    """A pattern over any part of a value as one over the whole of it."""
    whole = _WHOLE.fullmatch(text)
    return whole["inner"] if whole and _balanced(whole["inner"]) else f"(?s:.*)(?:{text})(?s:.*)"


def _balanced(pattern: str) -> bool:
    """Whether taking the brackets away leaves one pattern: `(?:a)|(?:b)` is none."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
