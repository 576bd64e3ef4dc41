"""JSON Schemas for editors: as the models are, and as the linter judges."""

import copy
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

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
    *(
        ("contract", path)
        for path in sorted([*CONTRACTS.glob("*/*.yaml"), *CONTRACTS.glob("packs/*/*/*.yaml")])
        if path.parent.name in {"bronze", "silver", "gold"}
    ),
    *(("environment", path) for path in sorted((PROJECT / "environments").glob("*.yaml"))),
    ("lake", CONTRACTS / "lake.yaml"),
]
SCHEMAS = {kind: json.loads((CONTRACTS / "schema" / f"{kind}.schema.json").read_text()) for kind in KINDS}

VALIDATORS = {kind: Draft202012Validator(schema) for kind, schema in SCHEMAS.items()}


def errors(kind, value):
    """What a JSON Schema has against a value: each place with the words of the validator."""
    return [f"{each.json_path}: {each.message}" for each in VALIDATORS[kind].iter_errors(value)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_schemas_are_schemas(kind):
    """Each is of the draft that it names, by that draft's own schema."""
    assert SCHEMAS[kind]["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMAS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schemas_are_those_of_the_models(kind):
    """`contracts/schema/` holds what `a360 contract schema` prints for the committed lake.yaml."""
    lake = load_contracts(CONTRACTS).lake
    assert (CONTRACTS / "schema" / f"{kind}.schema.json").read_text() == schema_text(kind, lake)


@pytest.mark.parametrize(("kind", "path"), FILES, ids=lambda value: getattr(value, "stem", None))
def test_every_committed_file_fits_its_schema(kind, path):
    """An editor finds nothing to underline in the files there are."""
    assert errors(kind, yaml.safe_load(path.read_text())) == []


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
    judged = errors(kind, wrong)
    source = SourceFile("x.yaml", "", wrong)
    faults = validate(MODELS[kind], source, lift(source) if kind == "contract" else None).faults
    if judged:
        # Vocabularies, types and whether a sensitivity is there are the linter's, which looks at all files.
        linted = ("physicalType", "tags", "customProperties", "sensitivity")
        assert faults or any(word in each for each in judged for word in linted), judged
    else:
        assert [fault for fault in faults if fault.code not in {"C113", "C115"}] == [], faults
