"""Contracts as a dbt `schema.yml`, and back."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from a360.contract._types import parse_type
from a360.contract.exchange._sketch import DRAFT_VERSION, Sketch, SketchColumn
from a360.contract.exchange._sql_types import mapped
from a360.contract.exchange._text import contract_text

DATASET = frozenset({"zone", "version", "status", "description", "tags"})
COLUMN = frozenset(
    {"type", "required", "key", "unique", "deprecated", "description", "business_name", "enum"}
    | {"references", "sensitivity", "token", "tags"}
)
_META = "a360."
_SQL_TYPES = {"string": "varchar", "int": "integer", "long": "bigint", "binary": "blob"}
_REF = re.compile(r"""ref\(\s*['"]([a-z0-9_]+)['"]\s*\)""")
_SOURCE = re.compile(r"""source\(\s*['"]([a-z0-9_]+)['"]\s*,\s*['"]([a-z0-9_]+)['"]\s*\)""")
_COLUMN_KEYS = frozenset(
    {"name", "description", "data_type", "constraints", "data_tests", "tests", "meta", "tags", "config"}
)
_MODEL_KEYS = frozenset({"name", "description", "columns", "constraints", "config", "meta", "tags"})


def narrow(column: SketchColumn) -> SketchColumn:
    """Nothing more is lost."""
    return column


def write(sketch: Sketch) -> str:
    """The model with its columns, constraints and tests."""
    key = sorted((column for column in sketch.columns if column.key), key=lambda column: column.key)
    meta = {f"{_META}zone": sketch.zone, f"{_META}version": sketch.version, f"{_META}status": sketch.status}
    model: dict[str, Any] = {
        "name": sketch.name,
        **({"description": sketch.description} if sketch.description else {}),
        "config": {
            "schema": sketch.zone,
            "contract": {"enforced": True},
            **({"tags": list(sketch.tags)} if sketch.tags else {}),
            "meta": meta,
        },
    }
    if key:
        model["constraints"] = [{"type": "primary_key", "columns": [column.name for column in key]}]
    model["columns"] = [_column(column) for column in sketch.columns]
    return contract_text({"version": 2, "models": [model]}, head="")


def _column(column: SketchColumn) -> dict[str, Any]:
    meta = {
        "businessName": column.business_name,
        "deprecated": column.deprecated,
        "physicalType": column.type,
        f"{_META}sensitivity": column.sensitivity,
        f"{_META}token": column.token,
    }
    config = {
        **({"tags": list(column.tags)} if column.tags else {}),
        "meta": {name: value for name, value in meta.items() if value},
    }
    tests: list[Any] = ["unique"] if column.unique else []
    if column.enum:
        numbers = any(not isinstance(value, str) for value in column.enum)
        quoted = {"quote": False} if numbers else {}
        tests.append({"accepted_values": {"values": list(column.enum), **quoted}})
    tests += [{"relationships": _target(to)} for to in column.references]
    return {
        "name": column.name,
        **({"description": column.description} if column.description else {}),
        "data_type": _SQL_TYPES.get(column.type, column.type),
        "config": config,
        **({"constraints": [{"type": "not_null"}]} if column.required else {}),
        **({"data_tests": tests} if tests else {}),
    }


def _target(to: str) -> dict[str, str]:
    *table, column = to.split(".")
    named = f"source('{table[0]}', '{table[1]}')" if len(table) > 1 else f"ref('{table[0]}')"
    return {"to": named, "field": column}


def read(text: str, zone: str = "silver", dialect: str = "duckdb") -> tuple[list[Sketch], list[str]]:
    """The datasets of all models; tests and settings that contracts lack are noted."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {str(error).splitlines()[0]}") from None
    models = data.get("models") if isinstance(data, dict) else None
    if not isinstance(models, list):
        raise ValueError("a schema.yml has a list `models`")  # noqa: TRY004 - of the content
    notes = [f"{key} is not taken over" for key in data if key not in {"version", "models"}]
    readers = [_Reader(model, zone, dialect, notes) for model in models if isinstance(model, dict)]
    return [reader.read() for reader in readers], notes


class _Reader:
    """Reads one model."""

    def __init__(self, model: dict[str, Any], zone: str, dialect: str, notes: list[str]) -> None:
        self._model = model
        self._name = str(model.get("name"))
        self._zone = zone
        self._dialect = dialect
        self._notes = notes

    def _note(self, text: str) -> None:
        self._notes.append(f"{self._name}: {text}")

    def read(self) -> Sketch:
        """The dataset."""
        model, meta = self._model, _meta(self._model)
        zone = str(meta.get(f"{_META}zone") or _config(model).get("schema") or self._zone)
        for part in model:
            if part not in _MODEL_KEYS:
                self._note(f"{part} is not taken over")
        key = self._key()
        columns = [each for each in model.get("columns") or [] if isinstance(each, dict)]
        return Sketch(
            name=self._name,
            zone=zone if zone in {"bronze", "silver", "gold"} else self._zone,
            version=str(meta.get(f"{_META}version") or DRAFT_VERSION),
            status=str(meta.get(f"{_META}status") or "draft"),
            description=str(model.get("description") or ""),
            tags=_tags(model),
            columns=tuple(self._column(each, key) for each in columns),
        )

    def _key(self) -> list[str]:
        key: list[str] = []
        for each in self._model.get("constraints") or []:
            if isinstance(each, dict) and each.get("type") == "primary_key":
                key = [str(name) for name in each.get("columns") or []]
            else:
                self._note(f"the constraint {_kind(each)} is not taken over")
        return key

    def _column(self, node: dict[str, Any], key: list[str]) -> SketchColumn:
        name, meta = str(node.get("name")), _meta(node)
        for each in node:
            if each not in _COLUMN_KEYS:
                self._note(f"{name}: {each} is not taken over")
        stated = str(meta.get("physicalType") or "")
        type_ = stated if parse_type(stated) else str(node.get("data_type") or "")
        found = mapped(type_, self._dialect)
        if found.note:
            self._note(f"{name}: {found.note}")
        parts: dict[str, Any] = {"max_length": found.max_length}
        for constraint in node.get("constraints") or []:
            self._constraint(name, constraint, parts)
        for test in (*(node.get("data_tests") or []), *(node.get("tests") or [])):
            self._test(name, test, parts)
        if name in key:
            parts["key"] = key.index(name) + 1
        if parts.get("key"):
            parts["required"] = True
        return SketchColumn(
            name=name,
            type=found.type,
            deprecated=meta.get("deprecated") is True,
            description=str(node.get("description") or ""),
            business_name=str(meta.get("businessName") or ""),
            sensitivity=meta.get(f"{_META}sensitivity"),
            token=meta.get(f"{_META}token"),
            tags=_tags(node),
            **parts,
        )

    def _constraint(self, name: str, constraint: object, parts: dict[str, Any]) -> None:
        match _kind(constraint):
            case "not_null":
                parts["required"] = True
            case "unique":
                parts["unique"] = True
            case "primary_key":
                parts["key"] = 1
            case other:
                self._note(f"{name}: the constraint {other} is not taken over")

    def _test(self, name: str, test: object, parts: dict[str, Any]) -> None:
        kind, settings = (test, {}) if isinstance(test, str) else _single(test)
        arguments = {**settings, **(settings.get("arguments") or {})}
        if kind == "not_null":
            parts["required"] = True
        elif kind == "unique":
            parts["unique"] = True
        elif kind == "accepted_values" and isinstance(arguments.get("values"), list):
            parts["enum"] = tuple(arguments["values"])
        elif kind == "relationships" and (to := _named(arguments)):
            parts["references"] = (*parts.get("references", ()), to)
        else:
            self._note(f"{name}: the test {kind} is not taken over")


def _single(test: object) -> tuple[str, dict[str, Any]]:
    if isinstance(test, dict) and len(test) == 1:
        [(kind, settings)] = test.items()
        return str(kind), settings if isinstance(settings, dict) else {}
    return str(_kind(test)), {}


def _kind(node: object) -> str:
    return str(node.get("type") or next(iter(node), "?")) if isinstance(node, dict) else str(node)


def _named(arguments: dict[str, Any]) -> str | None:
    to, field = str(arguments.get("to")), arguments.get("field")
    source, ref = _SOURCE.fullmatch(to.strip()), _REF.fullmatch(to.strip())
    if not field or not (source or ref):
        return None
    table = f"{source[1]}.{source[2]}" if source else ref[1] if ref else ""
    return f"{table}.{field}"


def _config(node: dict[str, Any]) -> dict[str, Any]:
    config = node.get("config")
    return config if isinstance(config, dict) else {}


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    return {**(node.get("meta") or {}), **(_config(node).get("meta") or {})}


def _tags(node: dict[str, Any]) -> tuple[str, ...]:
    def listed() -> Iterator[str]:
        for tags in (node.get("tags"), _config(node).get("tags")):
            yield from [tags] if isinstance(tags, str) else [str(tag) for tag in tags or []]

    return tuple(dict.fromkeys(listed()))
