"""Our raw metadata against PyIceberg's typed one, for what both can hold (v1 and v2)."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pyiceberg.partitioning import PartitionField, PartitionSpec, assign_fresh_partition_spec_ids
from pyiceberg.schema import Schema, assign_fresh_schema_ids
from pyiceberg.table.metadata import TableMetadataUtil
from pyiceberg.table.update import TableUpdate, update_table_metadata
from pyiceberg.transforms import IdentityTransform

from a360.catalog.metadata import apply_updates, new_metadata

PRIMITIVES = [
    "boolean",
    "int",
    "long",
    "string",
    "date",
    "timestamptz",
    "decimal(9, 2)",
    "fixed[4]",
    "binary",
]


@st.composite
def types(draw, ids, depth=3):
    """A type, with ids drawn from a shuffled stock."""
    kind = draw(st.sampled_from(["primitive"] * 3 + (["struct", "list", "map"] if depth else [])))
    if kind == "struct":
        return {"type": "struct", "fields": draw(fields(ids, depth - 1))}
    if kind == "list":
        element = {"element-id": ids.pop(), "element-required": draw(st.booleans())}
        return {"type": "list", **element, "element": draw(types(ids, depth - 1))}
    if kind == "map":
        parts = {"key-id": ids.pop(), "value-id": ids.pop(), "value-required": draw(st.booleans())}
        return {"type": "map", **parts, "key": "string", "value": draw(types(ids, depth - 1))}
    return draw(st.sampled_from(PRIMITIVES))


@st.composite
def fields(draw, ids, depth=3):
    """Fields of distinct names."""
    return [
        {
            "id": ids.pop(),
            "name": f"c{number}",
            "required": draw(st.booleans()),
            "type": draw(types(ids, depth)),
        }
        for number in range(draw(st.integers(1, 4)))
    ]


@st.composite
def schemas(draw):
    """A schema whose ids are in no order."""
    ids = draw(st.permutations(range(1, 800)))
    return {"type": "struct", "schema-id": 0, "fields": draw(fields(list(ids)))}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(schema=schemas())
def test_field_ids_are_assigned_as_pyiceberg_does(schema):
    """Nested fields, list elements, map keys and values are numbered in PyIceberg's order."""
    made = new_metadata({"schema": schema}, "/lake/t")
    theirs = assign_fresh_schema_ids(Schema.model_validate(schema))
    assert Schema.model_validate(made["schemas"][0]) == theirs
    assert made["last-column-id"] == theirs.highest_field_id


@settings(max_examples=30, deadline=None, derandomize=True)
@given(schema=schemas())
def test_partition_sources_follow_as_in_pyiceberg(schema):
    """The source of a partition field is the renumbered column."""
    first = schema["fields"][0]
    first["type"] = "long"  # whatever was drawn: only primitive columns partition
    field = {"source-id": first["id"], "transform": "identity", "name": "part", "field-id": 77}
    made = new_metadata({"schema": schema, "partition-spec": {"fields": [field]}}, "/lake/t")
    old = Schema.model_validate(schema)
    spec = PartitionSpec(PartitionField(first["id"], 77, IdentityTransform(), "part"))
    theirs = assign_fresh_partition_spec_ids(spec, old, assign_fresh_schema_ids(old))
    assert PartitionSpec.model_validate(made["partition-specs"][0]) == theirs


def snapshot(number, parent):
    return {
        "snapshot-id": number,
        "parent-snapshot-id": parent,
        "sequence-number": number,
        "timestamp-ms": 1_800_000_000_000 + number,
        "manifest-list": "m",
        "summary": {"operation": "append"},
        "schema-id": 0,
    }


BASE = {"type": "struct", "fields": [{"id": 1, "name": "a", "required": False, "type": "long"}]}
WIDE = {**BASE, "fields": [*BASE["fields"], {"id": 2, "name": "b", "required": False, "type": "string"}]}
SPEC = {"spec-id": 1, "fields": [{"source-id": 1, "field-id": 1000, "transform": "identity", "name": "p"}]}
ORDER_FIELD = {"source-id": 1, "transform": "identity", "direction": "asc", "null-order": "nulls-first"}
STEPS = [
    [
        {"action": "add-snapshot", "snapshot": snapshot(1, None)},
        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 1},
    ],
    [
        {"action": "add-schema", "schema": {**WIDE, "schema-id": 1}},
        {"action": "set-current-schema", "schema-id": -1},
    ],
    [{"action": "add-spec", "spec": SPEC}, {"action": "set-default-spec", "spec-id": -1}],
    [
        {"action": "add-sort-order", "sort-order": {"order-id": 1, "fields": [ORDER_FIELD]}},
        {"action": "set-default-sort-order", "sort-order-id": -1},
    ],
    [{"action": "set-properties", "updates": {"a": "1", "b": "2"}}],
    [{"action": "remove-properties", "removals": ["a"]}],
    [
        {"action": "add-snapshot", "snapshot": snapshot(2, 1)},
        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 2},
        {"action": "set-snapshot-ref", "ref-name": "tag", "type": "tag", "snapshot-id": 1},
    ],
    [{"action": "remove-snapshot-ref", "ref-name": "tag"}],
    [{"action": "remove-snapshots", "snapshot-ids": [1]}],
]
UPDATES = TypeAdapter(tuple[TableUpdate, ...])
COMPARED = (
    "last-sequence-number",
    "last-column-id",
    "schemas",
    "current-schema-id",
    "partition-specs",
    "default-spec-id",
    "last-partition-id",
    "sort-orders",
    "default-sort-order-id",
    "properties",
    "current-snapshot-id",
    "snapshot-log",
    "refs",
)


def test_updates_have_the_effect_they_have_in_pyiceberg():
    """After each of a chain of commits, PyIceberg's own update of the same metadata says the same."""
    ours = new_metadata({"schema": BASE}, "/lake/t")
    for updates in STEPS:
        theirs = update_table_metadata(
            TableMetadataUtil.parse_obj(ours), UPDATES.validate_python(updates), enforce_validation=False
        )
        ours = apply_updates(ours, updates)
        parsed = json.loads(TableMetadataUtil.parse_obj(ours).model_dump_json(by_alias=True))
        expected = json.loads(theirs.model_dump_json(by_alias=True))
        assert {key: parsed.get(key) for key in COMPARED} == {key: expected.get(key) for key in COMPARED}
        assert without_lost_parents(parsed) == without_lost_parents(expected)


def without_lost_parents(document):
    """Snapshots less parents that were removed: PyIceberg forgets those, Iceberg's own library does not."""
    known = {each["snapshot-id"] for each in document["snapshots"]}
    return [
        {key: value for key, value in each.items() if key != "parent-snapshot-id" or value in known}
        for each in document["snapshots"]
    ]


def test_a_base_is_never_changed_in_place():
    """Documents are shared between threads: applying updates leaves the one it started from as it was."""
    base = new_metadata({"schema": BASE}, "/lake/t")
    for updates in STEPS:
        before = json.dumps(base, sort_keys=True)
        after = apply_updates(base, updates)
        assert json.dumps(base, sort_keys=True) == before
        assert after is not base
        base = after
