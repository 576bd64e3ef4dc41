"""Schemas as raw JSON: walking, renumbering, comparing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from a360.catalog._errors import ValidationError
from a360.catalog._wire import Json
from a360.catalog.metadata._types import TypeJson


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a schema, or the element, key or value of a list or map.

    Attributes:
        path: Its name from the top, joined by dots.
        field: It as JSON, with `id`, `name`, `type` and `required` whatever it is.
        parents: What it lies in, the outermost first.
    """

    path: str
    field: Json
    parents: "tuple[Column, ...]" = ()


def columns_of(schema: Json) -> Iterator[Column]:
    """All columns of a schema, nested ones too."""
    yield from _columns(schema["fields"], ())


def _columns(fields: list[Json], parents: tuple[Column, ...]) -> Iterator[Column]:
    prefix = f"{parents[-1].path}." if parents else ""
    for field in fields:
        column = Column(f"{prefix}{field['name']}", field, parents)
        yield column
        yield from _columns(_parts(field["type"]), (*parents, column))


def _parts(kind: TypeJson) -> list[Json]:
    if isinstance(kind, str):
        return []
    if kind["type"] == "struct":
        fields: list[Json] = kind["fields"]
        return fields
    return [
        {
            "id": kind[f"{part}-id"],
            "name": part,
            "type": kind[part],
            "required": part == "key" or bool(kind.get(f"{part}-required")),
        }
        for part in ("element", "key", "value")
        if part in kind
    ]


def ids_of(schema: Json) -> Iterator[int]:
    """Every id that a schema uses, those of list elements, map keys and map values included."""
    return (column.field["id"] for column in columns_of(schema))


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
