"""JSON Schemas of the declared files, for editors: completion, hover texts, and faults while one types.

They are made of the same models that read the files, so that they cannot say anything else. What a schema can
not say (that names exist, that ids agree) is left to the linter.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from a360.contract._environment import Environment
from a360.contract._lakefile import LakeFile
from a360.contract._load import read_folder
from a360.contract._odcs import LIFTED, ColumnProperties, Contract, DatasetProperties
from a360.contract._types import LOGICAL_TYPES

type Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
KINDS: Mapping[str, type[BaseModel]] = MappingProxyType(
    {"contract": Contract, "lake": LakeFile, "environment": Environment}
)
_TITLES = {
    "contract": "A contract of the lake (ODCS 3.2 with a360 properties)",
    "lake": "lake.yaml: zones, tags, roles, grants, filters, masks, retention",
    "environment": "An environment: where a lake lives",
}
HELP: Mapping[str, str] = MappingProxyType(
    {
        "zone": "The zone: bronze, silver or gold.",
        "view": "Silver: the view that makes its rows, or a list of views whose rows are united.",
        "source": "Silver: the records (extracts, events) that make its rows, and how their files are read.",
        "model": "Gold: the model that makes its rows.",
        "reference": "What fills it, as no run does: terminology, omop (a360 terminology load), deid.",
        "refresh": "Gold: replace, or by_key(column).",
        "history": "Silver: true keeps every version of a resource, false the latest.",
        "formatVersion": "The Iceberg format: 2, or 3.",
        "partition": "column, month(column), day(column), bucket(16, column), truncate(4, column), …",
        "sort": "column, or column desc.",
        "retention": "How long rows are kept, as P10Y; what the zone says where it is missing.",
        "features": "Of a gold dataset: true says that models learn from its columns; its key is one column.",
        "release": "Of a gold dataset: it may be let out, by {profile: safe_harbor|limited|expert, …}. "
        "Of its columns: what their values are, as value, or {element: date, method: year}.",
        "properties": "Table properties of engines, as write.target-file-size-bytes.",
        "sensitivity": "How far values identify a person; a word of the vocabulary in lake.yaml.",
        "token": "Identifiers: the domain its tokens belong to; values joined with each other share one.",
        "deidentified": "How the values were made less telling than those they come from.",
        "field": "Of records: the field the column holds, by name, or with aliases, path, format, reference.",
        "seal": "Of a binary column: it holds a document's text, sealed; names the column of the media type.",
        "derived": "What is told of a sealed column: {of: text, measure: sections|characters|words|digest}.",
        "fieldId": "The column's id for ever; written by a360 lint --fix.",
    }
)


def json_schema(kind: str, lake: LakeFile | None = None) -> Json:
    """The schema of one kind of file; with a lake, its sensitivities and tags are offered as words."""
    schema = KINDS[kind].model_json_schema(by_alias=True)
    if kind == "contract":
        _lift_custom_properties(schema, lake)
        _name_types(schema["$defs"]["Column"])
    head: Json = {"$schema": DIALECT, "title": _TITLES[kind]}
    return {**head, **{name: value for name, value in schema.items() if name not in head}}


def schema_text(kind: str, lake: LakeFile | None = None) -> str:
    """The schema as it is written to a file."""
    return json.dumps(json_schema(kind, lake), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def editor_schemas(folder: Path) -> dict[str, str]:
    """The text of every schema, with the words of a folder's lake.yaml, whatever faults it has."""
    lake = read_folder(folder).contracts.lake
    return {kind: schema_text(kind, lake) for kind in KINDS}


def _lift_custom_properties(schema: Json, lake: LakeFile | None) -> None:
    """Put the `a360.` properties where authors write them: among the custom properties of their node."""
    definitions = schema["$defs"]
    free = definitions["CustomProperty"]
    free["properties"]["property"]["not"] = {"pattern": f"^{LIFTED[:-1]}\\."}
    for node, model, needed in (
        (schema, DatasetProperties, "zone"),
        (definitions["Column"], ColumnProperties, "sensitivity"),
    ):
        own = definitions.pop(model.__name__)
        node["properties"].pop(LIFTED)
        entries = [_entry(name, value, lake) for name, value in own["properties"].items()]
        node["properties"]["customProperties"] = {
            "type": "array",
            "items": {"anyOf": [*entries, {"$ref": "#/$defs/CustomProperty"}]},
            "contains": {"properties": {"property": {"const": LIFTED + needed}}, "required": ["property"]},
        }
        required = [name for name in node.get("required", []) if name != LIFTED]
        node["required"] = sorted({*required, "customProperties"})
    if lake:
        for node in (schema, definitions["Column"], definitions["Table"]):
            node["properties"]["tags"]["items"] = {"enum": _tags(lake)}


def _entry(name: str, value: Json, lake: LakeFile | None) -> Json:
    value = {key: item for key, item in value.items() if key not in {"title", "default"}}
    if name == "sensitivity":
        value = {"type": "string"}
        if lake:
            value = {"enum": list(lake.sensitivities)}
    described: Json = {"const": LIFTED + name}
    if name in HELP:
        described["description"] = HELP[name]
    return {
        "type": "object",
        "properties": {
            "property": described,
            "value": value,
            "description": {"type": "string"},
        },
        "required": ["property", "value"],
        "additionalProperties": False,
    }


def _tags(lake: LakeFile) -> list[str]:
    return [
        f"{name}:{value}" for name, vocabulary in sorted(lake.tags.items()) for value in vocabulary.values
    ]


def _name_types(column: Json) -> None:
    plain = [name for name in LOGICAL_TYPES if name != "decimal"]
    column["properties"]["physicalType"] = {
        "anyOf": [
            {"enum": plain},
            {"type": "string", "pattern": r"^decimal\(\s*\d{1,2}\s*,\s*\d{1,2}\s*\)$"},
        ],
        "description": "As the table stores it: " + ", ".join([*plain, "decimal(p,s)"]) + ".",
    }
