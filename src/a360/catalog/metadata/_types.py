"""What Iceberg's types allow: partition transforms, defaults, and the format version they came with."""

import re
from collections.abc import Callable, Mapping

from a360.catalog._wire import Json

type TypeJson = str | Json

V3 = 3
_KNOWN = re.compile(
    r"boolean|int|long|float|double|date|time|timestamp|timestamptz|timestamp_ns|timestamptz_ns|string|uuid"
    r"|binary|variant|unknown|fixed\[\d+\]|decimal\(\s*\d+\s*,\s*\d+\s*\)|geometry(\(.*\))?|geography(\(.*\))?"
)
_V3_TYPES = frozenset({"timestamp_ns", "timestamptz_ns", "variant", "unknown", "geometry", "geography"})
_WITHOUT_DEFAULT = frozenset({"variant", "unknown", "geometry", "geography"})

_DATES = frozenset({"date", "timestamp", "timestamptz", "timestamp_ns", "timestamptz_ns"})
_TIMES = _DATES - {"date"}
_TRUNCATED = frozenset({"int", "long", "decimal", "string", "binary"})
_BUCKETED = _TRUNCATED | _DATES | {"time", "uuid", "fixed"}
_SOURCES: Mapping[str, frozenset[str]] = {
    "year": _DATES,
    "month": _DATES,
    "day": _DATES,
    "hour": _TIMES,
    "bucket": _BUCKETED,
    "truncate": _TRUNCATED,
}
_NEVER_PARTITIONED = frozenset({"variant", "geometry", "geography", "unknown"})

_TEXTS: Mapping[str, str] = {
    "date": r"\d{4,}-\d{2}-\d{2}",
    "time": r"\d{2}:\d{2}:\d{2}(\.\d{1,6})?",
    "timestamp": r"\d{4,}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?",
    "timestamptz": r"\d{4,}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(\+00:00|Z)",
    "timestamp_ns": r"\d{4,}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?",
    "timestamptz_ns": r"\d{4,}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(\+00:00|Z)",
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "decimal": r"-?\d+(\.\d+)?([eE][+-]?\d+)?",
    "fixed": r"([0-9a-fA-F]{2})*",
    "binary": r"([0-9a-fA-F]{2})*",
    "string": r"(?s:.*)",
}
_NUMBERS: Mapping[str, Callable[[object], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "int": lambda value: _whole(value, 31),
    "long": lambda value: _whole(value, 63),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "double": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def base_of(kind: TypeJson) -> str:
    """The name of a type without its parameters: `decimal` of `decimal(9, 2)`, `list` of a list."""
    text = kind if isinstance(kind, str) else str(kind.get("type"))
    return re.split(r"[(\[]", text, maxsplit=1)[0].strip()


def is_known(kind: TypeJson) -> bool:
    """Whether a type is one of the table specification's."""
    if isinstance(kind, str):
        return _KNOWN.fullmatch(kind) is not None
    return kind.get("type") in {"struct", "list", "map"}


def is_primitive(kind: TypeJson) -> bool:
    """Whether a type has no fields, elements, keys or values; a variant is none either."""
    return isinstance(kind, str) and kind != "variant"


def needs_v3(kind: TypeJson) -> bool:
    """Whether a type came with format version 3."""
    return isinstance(kind, str) and base_of(kind) in _V3_TYPES


def can_transform(kind: TypeJson, transform: str) -> bool:
    """Whether a partition or sort transform works on a type; transforms that are not known are let pass."""
    if transform == "void":
        return True
    name = transform.partition("[")[0]
    if name == "identity":
        return is_primitive(kind) and base_of(kind) not in _NEVER_PARTITIONED
    return name not in _SOURCES or base_of(kind) in _SOURCES[name]


def is_default(value: object, kind: TypeJson) -> bool:
    """Whether a JSON value can be a column's default, in the table specification's form of single values."""
    if value is None:
        return True
    if not isinstance(kind, str):
        return kind.get("type") == "struct" and value == {}
    name = base_of(kind)
    if name in _WITHOUT_DEFAULT:
        return False
    if name in _NUMBERS:
        return _NUMBERS[name](value)
    return isinstance(value, str) and (name not in _TEXTS or re.fullmatch(_TEXTS[name], value) is not None)


def _whole(value: object, bits: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << bits) <= value < 1 << bits
