"""What contracts have in common with other formats: the middle that imports and exports go through."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from a360.contract._odcs import LIFTED, Column, Contract, Quality
from a360.contract._rules import Scalar
from a360.contract._types import LOGICAL_TYPES, physical_type

DRAFT_VERSION = "0.1.0"


@dataclass(frozen=True, slots=True)
class SketchColumn:
    """A column; `key` is its position in the key from 1, or 0 outside it."""

    name: str
    type: str = "string"
    required: bool = False
    key: int = 0
    unique: bool = False
    deprecated: bool = False
    description: str = ""
    business_name: str = ""
    enum: tuple[Scalar, ...] = ()
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: float | str | None = None
    maximum: float | str | None = None
    exclusive_minimum: float | str | None = None
    exclusive_maximum: float | str | None = None
    references: tuple[str, ...] = ()
    sensitivity: str | None = None
    token: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sketch:
    """A dataset. `checks` are boolean expressions over a row, by name; `others` names what is not held."""

    name: str
    zone: str = "silver"
    version: str = DRAFT_VERSION
    status: str = "draft"
    description: str = ""
    tags: tuple[str, ...] = ()
    columns: tuple[SketchColumn, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = field(default=(), compare=False)


_HELD = frozenset(
    {"api_version", "kind", "id", "name", "version", "status", "description", "tags", "schema_", "a360"}
)
_HELD_OF_TABLE = frozenset({"name", "physical_name", "properties", "quality"})
_HELD_OF_COLUMN = frozenset(
    {"name", "logical_type", "physical_type", "required", "primary_key", "primary_key_position", "unique"}
    | {"deprecated", "description", "business_name", "enum", "logical_type_options", "relationships", "tags"}
    | {"a360", "quality"}
)
BOUNDS = ("minimum", "maximum", "exclusive_minimum", "exclusive_maximum")
OPTIONS = ("pattern", "min_length", "max_length", *BOUNDS)


def restricted(
    sketch: Sketch,
    dataset: frozenset[str],
    column: frozenset[str],
    narrow: Callable[[SketchColumn], SketchColumn],
) -> tuple[Sketch, list[str]]:
    """A sketch with only what a format can say, and a line for each part that is left out.

    `narrow` takes away what the format could say of another column, but not of this one.
    """
    here = f"{sketch.zone}.{sketch.name}"
    kept, notes = [], [f"{here}: {other}" for other in sketch.others]
    for each in sketch.columns:
        slim = narrow(_only(each, column | {"name"}))
        kept.append(slim)
        notes += [f"{here}.{each.name}: {part}" for part in _lost(each, slim)]
    slim_sketch = _only(replace(sketch, columns=tuple(kept)), dataset | {"name", "columns"})
    notes += [f"{here}: {part}" for part in _lost(replace(sketch, columns=tuple(kept)), slim_sketch)]
    return replace(slim_sketch, others=()), notes


def _only[T: (Sketch, SketchColumn)](value: T, parts: frozenset[str]) -> T:
    others: dict[str, Any] = {part.name: part.default for part in fields(value) if part.name not in parts}
    return replace(value, **others)


def _lost[T: (Sketch, SketchColumn)](value: T, slim: T) -> list[str]:
    names = [part.name for part in fields(value) if part.compare]
    return [to_camel(name) for name in names if getattr(value, name) != getattr(slim, name)]


def sketch_of(contract: Contract) -> Sketch:
    """A contract as a sketch; what the sketch does not hold is named in `others`."""
    rules = contract.table.quality
    checks = [(rule.name, rule.implementation) for rule in rules if _is_check(rule)]
    return Sketch(
        name=contract.name,
        zone=contract.a360.zone,
        version=contract.version,
        status=contract.status,
        description=contract.description.purpose,
        tags=contract.tags,
        columns=tuple(_column_of(column) for column in contract.columns),
        checks=tuple((str(name), " ".join(str(sql).split())) for name, sql in checks),
        others=tuple(_others(contract)),
    )


def _column_of(column: Column) -> SketchColumn:
    options = column.logical_type_options
    position = column.primary_key_position or 1
    return SketchColumn(
        name=column.name,
        type=str(physical_type(column.physical_type)),
        required=column.required,
        key=position if column.primary_key else 0,
        unique=column.unique,
        deprecated=column.deprecated,
        description=column.description or "",
        business_name=column.business_name or "",
        enum=tuple(each.value for each in column.enum),
        references=tuple(each.to for each in column.relationships),
        sensitivity=column.a360.sensitivity,
        token=column.a360.token,
        tags=column.tags,
        **{name: getattr(options, name) for name in OPTIONS},
    )


def _others(contract: Contract) -> list[str]:
    """The parts of a contract that only a contract has."""
    table = contract.table
    told = [
        *(LIFTED + each for each in _beyond(contract.a360, {"zone"})),
        *_beyond(contract, _HELD),
        *(f"description.{each}" for each in _beyond(contract.description, {"purpose"})),
        *(f"schema.{each}" for each in _beyond(table, _HELD_OF_TABLE)),
        *(f"the rule {_named(rule)}" for rule in table.quality if not _is_check(rule)),
    ]
    for column in contract.columns:
        labelled = any(_beyond(value, {"value"}) for value in column.enum)
        told += [
            *(f"{each} of {column.name}" for each in _beyond(column, _HELD_OF_COLUMN)),
            *(f"{LIFTED}{each} of {column.name}" for each in _beyond(column.a360, {"sensitivity", "token"})),
            *(f"the rule {_named(rule)} of {column.name}" for rule in column.quality),
            *([f"what the values of {column.name} mean"] if labelled else []),
        ]
    return told


def _beyond(part: BaseModel, held: Collection[str]) -> list[str]:
    """The names of what is said in a part of a contract beside what is held."""
    said = part.model_dump(exclude_defaults=True)
    return [to_camel(name) for name in said if name not in held]


def _is_check(rule: Quality) -> bool:
    enforced = rule.type == "custom" and rule.severity == "error"  # a CHECK cannot merely warn
    return enforced and bool(rule.name) and isinstance(rule.implementation, str)


def _named(rule: Quality) -> str:
    return rule.name or rule.metric or rule.type


def contract_of(sketch: Sketch) -> dict[str, Any]:
    """A contract's values, in the order contracts are written; missing sensitivities stay missing."""
    full = f"{sketch.zone}.{sketch.name}"
    table: dict[str, Any] = {
        "name": sketch.name,
        "logicalType": "object",
        "physicalType": "table",
        "physicalName": full,
        "properties": [_column_values(column, sketch.columns) for column in sketch.columns],
    }
    if sketch.checks:
        table["quality"] = [
            {"name": name, "type": "custom", "engine": "a360", "implementation": sql}
            for name, sql in sketch.checks
        ]
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": full,
        "name": sketch.name,
        "version": sketch.version,
        "status": sketch.status,
        **({"tags": list(sketch.tags)} if sketch.tags else {}),
        "description": {"purpose": sketch.description},
        "customProperties": [{"property": "a360.zone", "value": sketch.zone}],
        "schema": [table],
    }


def _column_values(column: SketchColumn, among: tuple[SketchColumn, ...]) -> dict[str, Any]:
    kind = physical_type(column.type)
    values: dict[str, Any] = {
        "name": column.name,
        "logicalType": LOGICAL_TYPES[kind.name][0],
        "physicalType": str(kind),
    }
    flags = {"required": column.required, "unique": column.unique, "deprecated": column.deprecated}
    values |= {name: True for name, on in flags.items() if on}
    if column.key:
        values["primaryKey"] = True
        if sum(1 for each in among if each.key) > 1:
            values["primaryKeyPosition"] = column.key
    texts = {"businessName": column.business_name, "description": column.description}
    values |= {name: text for name, text in texts.items() if text}
    options = {to_camel(name): getattr(column, name) for name in OPTIONS}
    given = {name: value for name, value in options.items() if value is not None}
    if given:
        values["logicalTypeOptions"] = given
    if column.enum:
        values["enum"] = [{"value": value} for value in column.enum]
    if column.references:
        values["relationships"] = [{"type": "foreignKey", "to": to} for to in column.references]
    if column.tags:
        values["tags"] = list(column.tags)
    own: Mapping[str, str | None] = {"sensitivity": column.sensitivity, "token": column.token}
    properties = [{"property": LIFTED + name, "value": value} for name, value in own.items() if value]
    return {**values, **({"customProperties": properties} if properties else {})}
