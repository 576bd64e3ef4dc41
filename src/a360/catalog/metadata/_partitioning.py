"""Partition specs and sort orders as raw JSON."""

from collections.abc import Iterable
from typing import Literal

from a360.catalog._errors import ValidationError
from a360.catalog._wire import Json
from a360.catalog.metadata._schemas import Column, columns_of
from a360.catalog.metadata._types import base_of, can_transform, is_primitive

PARTITION_ID_START = 1000
UNSORTED: Json = {"order-id": 0, "fields": []}


def fresh_spec(spec: Json | None, moved: dict[int, int]) -> Json:
    """The first spec of a new table: field ids from 1000, source ids following the renumbered schema."""
    fields = [
        {**_sourced(field, moved), "field-id": PARTITION_ID_START + position}
        for position, field in enumerate((spec or {}).get("fields", ()))
    ]
    _check_unique_names(fields)
    return {"spec-id": 0, "fields": fields}


def fresh_order(order: Json | None, moved: dict[int, int]) -> Json:
    """The first sort order of a new table: id 0 where it sorts by nothing, else 1."""
    fields = [_sourced(field, moved) for field in (order or {}).get("fields", ())]
    return {"order-id": 1 if fields else 0, "fields": fields}


def _sourced(field: Json, moved: dict[int, int]) -> Json:
    return {key: _follow(key, value, moved) for key, value in field.items()}


def _follow(key: str, value: object, moved: dict[int, int]) -> object:
    if key == "source-id" and isinstance(value, int):
        return _source(value, moved)
    if key == "source-ids" and isinstance(value, list):
        return [_source(each, moved) for each in value]
    return value


def _source(old: int, moved: dict[int, int]) -> int:
    if old not in moved:
        raise ValidationError(f"Cannot find source column for field id {old}")
    return moved[old]


def source_ids(field: Json) -> list[int]:
    """The columns a partition or sort field is computed from (several in v3).

    Raises:
        ValidationError: It names none.
    """
    several: list[int] = field.get("source-ids") or []
    found = several or ([field["source-id"]] if "source-id" in field else [])
    if not found:
        raise ValidationError("Cannot find source column: a field names neither source-id nor source-ids")
    return found


def check_fields(fields: Iterable[Json], schema: Json, use: Literal["partition", "sort"]) -> None:
    """Refuse partition or sort fields that cannot be computed from a schema.

    Raises:
        ValidationError: A source column is missing or has the wrong type; a `void` transform may outlive its
            column.
    """
    columns = {column.field["id"]: column for column in columns_of(schema)}
    for field in fields:
        if field["transform"] == "void":
            continue
        for source in source_ids(field):
            if source not in columns:
                name = field.get("name", f"{field['transform']}({source})")
                raise ValidationError(f"Cannot find source column for {use} field: {name}")
            _check_source(columns[source], field["transform"], use)


def _check_source(column: Column, transform: str, use: str) -> None:
    kind = column.field["type"]
    if not is_primitive(kind):
        raise ValidationError(f"Cannot {use} by non-primitive source field: {column.path}")
    if not can_transform(kind, transform):
        raise ValidationError(f"Invalid source type {kind} for transform: {transform}")
    outside = [parent for parent in column.parents if base_of(parent.field["type"]) != "struct"]
    if use == "partition" and outside:
        raise ValidationError(f"Invalid partition field parent: {outside[0].path}")


def sequential_spec(spec: Json, spec_id: int) -> Json:
    """A new spec of a v1 table, which knows partition fields by their place: ids from 1000, without gaps.

    Raises:
        ValidationError: Its fields were sent with other ids.
    """
    fields = [
        {**field, "field-id": field.get("field-id", PARTITION_ID_START + place)}
        for place, field in enumerate(spec["fields"])
    ]
    if any(field["field-id"] != PARTITION_ID_START + place for place, field in enumerate(fields)):
        raise ValidationError("Spec does not use sequential IDs that are required in v1")
    _check_unique_names(fields)
    return {"spec-id": spec_id, "fields": fields}


def bound_spec(spec: Json, spec_id: int, existing: list[Json], last_partition_id: int) -> Json:
    """A new spec with an id on every field: that of an equal field of an earlier spec, else a free one."""
    known = {_meaning(field): field["field-id"] for old in existing for field in old["fields"]}
    fields: list[Json] = []
    for field in spec["fields"]:
        field_id = field.get("field-id")
        if field_id is None:
            field_id = known.get(_meaning(field))
        if field_id is None:
            last_partition_id += 1
            field_id = last_partition_id
        last_partition_id = max(last_partition_id, field_id)
        fields.append({**field, "field-id": field_id})
    _check_unique_names(fields)
    return {"spec-id": spec_id, "fields": fields}


def _check_unique_names(fields: list[Json]) -> None:
    names = [field["name"] for field in fields]
    if len(set(names)) != len(names):
        raise ValidationError("Invalid partition spec: the same field name occurs more than once")


def _meaning(field: Json) -> tuple[tuple[int, ...], str]:
    return tuple(source_ids(field)), field["transform"]


def same_spec(one: Json, other: Json) -> bool:
    """Whether two specs partition alike under the same names."""
    return [(*_meaning(field), field["name"]) for field in one["fields"]] == [
        (*_meaning(field), field["name"]) for field in other["fields"]
    ]


def same_order(one: Json, other: Json) -> bool:
    """Whether two sort orders sort alike."""
    return bool(one["fields"] == other["fields"])


def last_partition_id(specs: Iterable[Json]) -> int:
    """The highest partition field id in use; 999 where there is none."""
    used = (field["field-id"] for spec in specs for field in spec["fields"])
    return max(used, default=PARTITION_ID_START - 1)
