"""Schemas as raw JSON: walking, renumbering, comparing."""

from collections.abc import Callable, Iterator
from typing import Any

from a360.catalog._errors import ValidationError
from a360.catalog._wire import Json

type TypeJson = str | Json

_V3_TYPES = ("timestamp_ns", "timestamptz_ns", "variant", "unknown", "geometry", "geography")
_V3 = 3


def fields_of(schema: Json) -> Iterator[Json]:
    """All named fields of a schema, nested ones too, as they stand in the JSON."""
    for field in schema["fields"]:
        yield field
        yield from _nested_fields(field["type"])


def _nested_fields(kind: TypeJson) -> Iterator[Json]:
    if isinstance(kind, str):
        return
    if kind["type"] == "struct":
        yield from fields_of(kind)
    for part in ("element", "key", "value"):
        if part in kind:
            yield from _nested_fields(kind[part])


def ids_of(schema: Json) -> Iterator[int]:
    """Every id that a schema uses, those of list elements, map keys and map values included."""
    for field in schema["fields"]:
        yield field["id"]
        yield from _type_ids(field["type"])


def _type_ids(kind: TypeJson) -> Iterator[int]:
    if isinstance(kind, str):
        return
    if kind["type"] == "struct":
        yield from ids_of(kind)
    for part in ("element", "key", "value"):
        if part in kind:
            yield kind[f"{part}-id"]
            yield from _type_ids(kind[part])


def highest_id(schema: Json) -> int:
    """The highest id in use, 0 for a schema without columns."""
    return max(ids_of(schema), default=0)


def with_fresh_ids(schema: Json, schema_id: int = 0) -> tuple[Json, dict[int, int]]:
    """A copy of the schema numbered from 1, and where each old id went.

    The order is that of Iceberg's reference implementation: all fields of a struct first, then what they
    contain. Spark counts from 0, which makes renumbering more than a courtesy.

    Raises:
        ValidationError: The same id occurs twice, so that references to it would be ambiguous.
    """
    old_ids = list(ids_of(schema))
    if len(set(old_ids)) != len(old_ids):
        raise ValidationError("Invalid schema: the same field id occurs more than once")
    moved: dict[int, int] = {}

    def fresh(old: int) -> int:
        moved[old] = len(moved) + 1
        return moved[old]

    renumbered: Json = {
        "type": "struct",
        "schema-id": schema_id,
        "fields": _fresh_fields(schema["fields"], fresh),
    }
    if schema.get("identifier-field-ids"):
        renumbered["identifier-field-ids"] = [_moved(moved, old) for old in schema["identifier-field-ids"]]
    return renumbered, moved


def _moved(moved: dict[int, int], old: int) -> int:
    if old not in moved:
        raise ValidationError(f"Invalid schema: identifier field {old} does not exist")
    return moved[old]


def _fresh_fields(fields: list[Json], fresh: Callable[[int], int]) -> list[Json]:
    numbered = [{**field, "id": fresh(field["id"])} for field in fields]
    return [{**field, "type": _fresh_type(field["type"], fresh)} for field in numbered]


def _fresh_type(kind: TypeJson, fresh: Callable[[int], int]) -> TypeJson:
    if isinstance(kind, str):
        return kind
    if kind["type"] == "struct":
        return {**kind, "fields": _fresh_fields(kind["fields"], fresh)}
    parts = [part for part in ("element", "key", "value") if part in kind]
    numbered: Json = {**kind, **{f"{part}-id": fresh(kind[f"{part}-id"]) for part in parts}}
    return {**numbered, **{part: _fresh_type(kind[part], fresh) for part in parts}}


def same_schema(one: Json, other: Json) -> bool:
    """Whether two schemas say the same, whatever their schema ids."""
    return _comparable(one) == _comparable(other)


def _comparable(schema: Json) -> tuple[Any, frozenset[int]]:
    return schema["fields"], frozenset(schema.get("identifier-field-ids") or ())


def check_schema(schema: Json, format_version: int) -> None:
    """Refuse a schema that the format version cannot hold.

    Raises:
        ValidationError: A type or a default needs a later version, or a name occurs twice.
    """
    _check_names(schema["fields"])
    if format_version >= _V3:
        return
    for field in fields_of(schema):
        kind = field["type"]
        if isinstance(kind, str) and kind.startswith(_V3_TYPES):
            raise ValidationError(
                f"Invalid schema for v{format_version}: "
                f"type {kind} of field {field['name']} is not supported until v3"
            )
        if field.get("initial-default") is not None:
            raise ValidationError(
                f"Invalid schema for v{format_version}: "
                f"initial default of field {field['name']} is not supported until v3"
            )


def _check_names(fields: list[Json]) -> None:
    names = [field["name"] for field in fields]
    if len(set(names)) != len(names):
        raise ValidationError("Invalid schema: the same column name occurs more than once")
