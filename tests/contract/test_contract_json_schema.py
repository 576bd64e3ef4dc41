"""JSON Schemas for editors: as the models are, and as the linter judges."""

import copy
import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import load_contracts, schema_text
from a360.contract._environment import Environment
from a360.contract._json_schema import HELP, KINDS
from a360.contract._lakefile import LakeFile
from a360.contract._odcs import ColumnProperties, Contract, DatasetProperties
from a360.contract._validate import lift, validate
from a360.contract._yaml import SourceFile

PROJECT = Path(__file__).resolve().parents[2]
CONTRACTS = PROJECT / "contracts"
FILES = [
    *(("contract", path) for path in sorted(CONTRACTS.glob("*/*.yaml"))),
    *(("environment", path) for path in sorted((PROJECT / "environments").glob("*.yaml"))),
    ("lake", CONTRACTS / "lake.yaml"),
]
SCHEMAS = {kind: json.loads((CONTRACTS / "schema" / f"{kind}.schema.json").read_text()) for kind in KINDS}


NUMBERS = {"integer", "number"}
TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
    "number": (int, float),
}  # fmt: skip


def errors(value, schema, root, place="$"):
    """What JSON Schema (2020-12, as far as these schemas use it) has against a value."""
    if "$ref" in schema:
        yield from errors(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, place)
    kind = schema.get("type", "any")
    if kind != "any" and (
        not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind in NUMBERS)
    ):
        yield f"{place}: no {kind}"
        return
    yield from (f"{place}: {problem}" for problem in _scalar_errors(value, schema))
    if "not" in schema and not list(errors(value, schema["not"], root, place)):
        yield f"{place}: not allowed"
    if "anyOf" in schema and all(list(errors(value, each, root, place)) for each in schema["anyOf"]):
        yield f"{place}: none of the choices"
    if isinstance(value, list):
        yield from _list_errors(value, schema, root, place)
    if isinstance(value, dict):
        yield from _object_errors(value, schema, root, place)


def _scalar_errors(value, schema):
    if "const" in schema and value != schema["const"]:
        yield f"not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"not in {schema['enum']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield "pattern"
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        yield "too short"
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum", value), schema.get("exclusiveMaximum", value + 1)
        if value < low or value >= high:
            yield "out of range"


def _list_errors(value, schema, root, place):
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{place}: so many"
    for number, item in enumerate(value):
        yield from errors(item, schema.get("items", {}), root, f"{place}[{number}]")
    if "contains" in schema and all(list(errors(item, schema["contains"], root)) for item in value):
        yield f"{place}: lacks {schema['contains']}"


def _object_errors(value, schema, root, place):
    yield from (f"{place}: {name} is missing" for name in schema.get("required", ()) if name not in value)
    patterns = schema.get("patternProperties", {})
    for name, item in value.items():
        inner = schema.get("properties", {}).get(name)
        inner = inner or next((each for pattern, each in patterns.items() if re.search(pattern, name)), None)
        if inner is not None:
            yield from errors(item, inner, root, f"{place}.{name}")
        elif schema.get("additionalProperties") is False or (
            patterns and "additionalProperties" not in schema
        ):
            yield f"{place}: {name} is unknown"
        elif isinstance(schema.get("additionalProperties"), dict):
            yield from errors(item, schema["additionalProperties"], root, f"{place}.{name}")
    for name in value if "propertyNames" in schema else ():
        yield from errors(name, schema["propertyNames"], root, f"{place}.{name}")


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schemas_are_those_of_the_models(kind):
    """`contracts/schema/` holds what `a360 contract schema` prints for the committed lake.yaml."""
    lake = load_contracts(CONTRACTS).lake
    assert (CONTRACTS / "schema" / f"{kind}.schema.json").read_text() == schema_text(kind, lake)


@pytest.mark.parametrize(("kind", "path"), FILES, ids=lambda value: getattr(value, "stem", None))
def test_every_committed_file_fits_its_schema(kind, path):
    """An editor finds nothing to underline in the files there are."""
    assert list(errors(yaml.safe_load(path.read_text()), SCHEMAS[kind], SCHEMAS[kind])) == []


def test_every_property_of_the_lake_is_explained():
    """An editor says what each `a360.` property is for."""
    fields = {**DatasetProperties.model_fields, **ColumnProperties.model_fields}
    generated = DatasetProperties.model_config["alias_generator"]
    assert {generated(name) for name in fields} <= set(HELP)


def places(value, at=()):
    """Every place of a JSON value."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*at, key))


def changed(value, at, new):
    """A copy with another value at a place, or without it."""
    value = copy.deepcopy(value)
    holder = value
    for step in at[:-1]:
        holder = holder[step]
    if new is None:
        del holder[at[-1]]
    else:
        holder[at[-1]] = new
    return value


MODELS = {"contract": Contract, "lake": LakeFile, "environment": Environment}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_an_editor_underlines_what_the_reader_refuses(file, data):
    """A value taken out or replaced is against the schema if, and only if, the models refuse it."""
    kind, path = file
    value = yaml.safe_load(path.read_text())
    at = data.draw(st.sampled_from([place for place in places(value) if place]))
    new = data.draw(st.sampled_from([None, "x", "9", 7, True, [], {}, ["x"], {"x": 1}, "silver"]))
    wrong = changed(value, at, new)
    judged = list(errors(wrong, SCHEMAS[kind], SCHEMAS[kind]))
    source = SourceFile("x.yaml", "", wrong)
    faults = validate(MODELS[kind], source, lift(source) if kind == "contract" else None).faults
    if judged:
        # Vocabularies, types and whether a sensitivity is there are the linter's, which looks at all files.
        linted = ("physicalType", "tags", "customProperties", "sensitivity")
        assert faults or any(word in each for each in judged for word in linted), judged
    else:
        assert [fault for fault in faults if fault.code not in {"C113", "C115"}] == [], faults
