"""Schemas of tables: added, made current, removed; defaults and identifiers."""

import json

import pytest


def wider(table, *, schema_id=7):
    schema = table.made["schemas"][0]
    added = {"id": 4, "name": "price", "required": False, "type": "decimal(9, 2)"}
    return {**schema, "schema-id": schema_id, "fields": [*schema["fields"], added]}


def test_a_schema_is_added_and_made_current(table):
    """`-1` stands for the schema just added, whose id the catalog chooses."""
    done = table.committed(
        {"action": "add-schema", "schema": wider(table), "last-column-id": 4},
        {"action": "set-current-schema", "schema-id": -1},
    )
    assert [each["schema-id"] for each in done["schemas"]] == [0, 1]
    assert (done["current-schema-id"], done["last-column-id"]) == (1, 4)
    if done["format-version"] == 1:
        assert done["schema"] == done["schemas"][1]


def test_the_same_schema_is_not_added_twice(table):
    """Adding a schema that exists finds it, whatever id it was sent under."""
    done = table.committed(
        {"action": "add-schema", "schema": {**table.made["schemas"][0], "schema-id": 42}},
        {"action": "set-current-schema", "schema-id": -1},
    )
    assert (len(done["schemas"]), done["current-schema-id"]) == (1, 0)


def test_columns_are_never_forgotten(table):
    """The last column id does not go down when a column is dropped."""
    schema = table.made["schemas"][0]
    narrow = {**schema, "fields": schema["fields"][:2]}
    done = table.committed({"action": "add-schema", "schema": narrow, "last-column-id": 2})
    assert done["last-column-id"] == 3


def test_schemas_are_removed_but_the_current_one(table, error_of):
    """A schema in use stays, others can be forgotten."""
    table.committed({"action": "add-schema", "schema": wider(table)})
    assert len(table.committed({"action": "remove-schemas", "schema-ids": [1]})["schemas"]) == 1
    answer = table.commit({"action": "remove-schemas", "schema-ids": [0]})
    assert error_of(answer) == (400, "ValidationException")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("boolean", True, 1),
        ("int", 2_147_483_647, 2_147_483_648),
        ("long", -(2**63), 2**63),
        ("double", 1.5, "1.5"),
        ("date", "2026-11-23", "23.11.2026"),
        ("timestamp", "2026-11-23T01:02:03.000004", "2026-11-23T01:02:03+00:00"),
        ("timestamptz", "2026-11-23T01:02:03+00:00", "2026-11-23T01:02:03"),
        ("uuid", "f79c3e09-677c-4bbd-a479-3f349cb785e7", "f79c"),
        ("decimal(9, 2)", "14.20", 14.2),
        ("fixed[2]", "000F", "00f"),
        ("string", "any", 7),
        ("variant", None, "some text"),
        ("unknown", None, 1),
        ({"type": "struct", "fields": []}, {}, {"x": 1}),
        ({"type": "list", "element-id": 9, "element": "int", "element-required": False}, None, [1]),
    ],
    ids=json.dumps,
)
def test_a_default_is_a_value_of_its_column(api, error_of, kind, good, bad):
    """Defaults have the specification's form of single values; a message names the column, not the value."""
    table = api.table(3)
    for default in ("initial-default", "write-default"):
        for value, expected in ((good, 200), (bad, 400)):
            field = {"id": 4, "name": "added", "required": False, "type": kind, default: value}
            schema = table.made["schemas"][0]
            wide = {**schema, "fields": [*schema["fields"], field]}
            answer = table.commit({"action": "add-schema", "schema": wide})
            assert answer.status_code == expected, answer.text
    message = answer.json()["error"]["message"]
    assert f"Invalid {default} for added" in message
    assert not isinstance(bad, str) or bad not in message


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"required": False}, "not a required field"),
        ({"type": "double"}, "must not be float or double"),
        ({"type": {"type": "struct", "fields": []}}, "not a primitive type"),
        ({"id": 99}, "does not exist"),
    ],
    ids=json.dumps,
)
def test_identifier_fields_identify_rows(table, error_of, change, reason):
    """An identifier field is there, required, and of a type whose values are equal or not."""
    schema = table.made["schemas"][0]
    fields = [{**schema["fields"][0], **change}, *schema["fields"][1:]]
    answer = table.commit({"action": "add-schema", "schema": {**schema, "fields": fields}})
    assert error_of(answer) == (400, "ValidationException")
    assert reason in answer.json()["error"]["message"]
