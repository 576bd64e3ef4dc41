"""Contracts as ODCS files: ours as they are, those of others as far as a lake can keep them."""

import re
from typing import Any, get_args

from a360.contract._odcs import LIFTED, Contract, LogicalType
from a360.contract._types import LOGICAL_TYPES, physical_type
from a360.contract._validate import lift, validate
from a360.contract._yaml import SourceFile, parse_yaml
from a360.contract.exchange._sketch import DRAFT_VERSION
from a360.contract.exchange._sql_types import mapped
from a360.contract.exchange._text import contract_text

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_OURS = frozenset({"v3.2.0", "v3.1.0"})
_OF_LOGICAL = {
    "string": "string",
    "integer": "long",
    "number": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
}
_RENAMED = {"rule": "metric"}  # ODCS 3.0 → 3.1


def write(contract: Contract) -> str:
    """The contract, all of it, as YAML."""
    return contract_text(values_of(contract))


def values_of(contract: Contract) -> dict[str, Any]:
    """A contract's values as its file has them, defaults left out."""
    values: dict[str, Any] = _unlifted(contract.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    return values


def _unlifted(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return [_unlifted(item) for item in value]
    if not isinstance(value, dict):
        return value
    node = {name: _unlifted(item) for name, item in value.items() if name != LIFTED}
    own = value.get(LIFTED, {})
    if own:
        ours = [{"property": LIFTED + name, "value": item} for name, item in own.items()]
        node["customProperties"] = [*ours, *node.get("customProperties", [])]
    return node


def read(text: str, zone: str = "silver") -> tuple[list[dict[str, Any]], list[str]]:
    """The contracts of an ODCS file, one for each of its schema objects, and what was not taken over."""
    source, faults = parse_yaml(text, "the file")
    if not isinstance(source.data, dict) or not isinstance(source.data.get("schema"), list):
        reason = f": {faults[0].message}" if faults else ""
        raise ValueError(f"an ODCS contract has a list `schema`{reason}")  # noqa: TRY004 - of the content
    notes = [f"line {fault.line}: {fault.message}" for fault in faults]
    contracts = [
        _contract(source.data, table, zone, notes)
        for table in source.data["schema"]
        if isinstance(table, dict)
    ]
    return contracts, notes


def _contract(data: dict[str, Any], table: dict[str, Any], zone: str, notes: list[str]) -> dict[str, Any]:
    short = _snake(str(table.get("name") or data.get("name") or "unnamed"))
    zone = _zone_of(data) or zone
    full = f"{zone}.{short}"
    version = str(data.get("version"))
    purpose = data.get("description")
    described = purpose if isinstance(purpose, dict) else {"purpose": str(purpose or "")}
    values = {
        **data,
        "apiVersion": data.get("apiVersion") if data.get("apiVersion") in _OURS else "v3.2.0",
        "kind": "DataContract",
        "id": full,
        "name": short,
        "version": version if _VERSION.fullmatch(version) else DRAFT_VERSION,
        "description": {
            **described,
            "purpose": str(described.get("purpose") or table.get("description") or ""),
        },
        "customProperties": _with_zone(data.get("customProperties"), zone),
        "schema": [
            {
                **table,
                "name": short,
                "logicalType": "object",
                "physicalType": "table",
                "physicalName": full,
                "properties": [
                    _column(column, full, notes)
                    for column in table.get("properties") or []
                    if isinstance(column, dict)
                ],
            }
        ],
    }
    if values["version"] != version:
        notes.append(f"{full}: the version {version} became {DRAFT_VERSION}")
    notes += [f"{full}: {change}" for change in _renamed_rules(values)]
    return _sound(values, full, notes)


def _sound(values: dict[str, Any], full: str, notes: list[str]) -> dict[str, Any]:
    """The values that a contract of the lake may have; the others are noted."""
    source = SourceFile(full, "", values)
    checked = validate(Contract, source, lift(source))
    if checked.model is None:
        reasons = "; ".join(fault.message for fault in checked.faults)
        raise ValueError(f"{full} cannot be made a contract: {reasons}")
    missing = {"a360.sensitivity is missing"}
    notes += [f"{full}: {fault.message}" for fault in checked.faults if fault.message not in missing]
    return values_of(checked.model)


def _column(column: dict[str, Any], full: str, notes: list[str]) -> dict[str, Any]:
    logical, physical = str(column.get("logicalType") or ""), column.get("physicalType")
    name = str(column.get("name"))
    if isinstance(physical, str):
        found = mapped(physical, "")  # of whatever system
        type_, note = found.type, found.note
    else:
        type_ = _OF_LOGICAL.get(logical, "string")
        found, note = (
            None,
            "" if logical in _OF_LOGICAL else f"the type {logical or 'that is missing'} became string",
        )
    if note:
        notes.append(f"{full}.{name}: {note}")
    fits = LOGICAL_TYPES[physical_type(type_).name]
    known = logical in get_args(LogicalType.__value__) and logical in fits
    values = {**column, "logicalType": logical if known else fits[0], "physicalType": type_}
    if found and found.max_length:
        values["logicalTypeOptions"] = {
            "maxLength": found.max_length,
            **(column.get("logicalTypeOptions") or {}),
        }
    if values.get("primaryKeyPosition") == -1:  # what the standard writes outside the key
        del values["primaryKeyPosition"]
    if values.get("primaryKey") is True:
        values["required"] = True
    return values


def _renamed_rules(values: dict[str, Any]) -> list[str]:
    """Give parts of older versions of the standard their names of today."""
    told = []
    table = values["schema"][0]
    for holder in (table, *table["properties"]):
        for rule in holder.get("quality") or []:
            for old, new in _RENAMED.items():
                if isinstance(rule, dict) and old in rule and new not in rule:
                    rule[new] = rule.pop(old)
                    told.append(f"a rule's {old} is its {new} now")
    return told


def _with_zone(entries: object, zone: str) -> list[Any]:
    kept = [
        entry
        for entry in (entries if isinstance(entries, list) else [])
        if not (isinstance(entry, dict) and entry.get("property") == f"{LIFTED}zone")
    ]
    return [{"property": f"{LIFTED}zone", "value": zone}, *kept]


def _zone_of(data: dict[str, Any]) -> str | None:
    entries = data.get("customProperties")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("property") == f"{LIFTED}zone":
            return str(entry.get("value"))
    return None


def _snake(name: str) -> str:
    """A name as datasets have them."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.rpartition(".")[2])
    snake = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    return snake if snake[:1].isalpha() else f"d_{snake}"
