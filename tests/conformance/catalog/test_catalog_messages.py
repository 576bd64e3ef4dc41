"""Refusals are worded as Iceberg's reference implementation words them: people search for these texts."""

import pytest

REF = {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": 9}
NEVER = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ({"type": "assert-create"}, "Requirement failed: table already exists"),
        (
            {"type": "assert-table-uuid", "uuid": NEVER},
            "Requirement failed: UUID does not match: expected {uuid} != " + NEVER,
        ),
        (REF, "Requirement failed: branch main has changed: expected id 9 != 1"),
        ({**REF, "snapshot-id": None}, "Requirement failed: branch main was created concurrently"),
        ({**REF, "ref": "audit"}, "Requirement failed: branch or tag audit is missing, expected 9"),
        (
            {"type": "assert-last-assigned-field-id", "last-assigned-field-id": 9},
            "Requirement failed: last assigned field id changed: expected id 9 != 3",
        ),
        (
            {"type": "assert-current-schema-id", "current-schema-id": 9},
            "Requirement failed: current schema changed: expected id 9 != 0",
        ),
        (
            {"type": "assert-last-assigned-partition-id", "last-assigned-partition-id": 9},
            "Requirement failed: last assigned partition id changed: expected id 9 != 999",
        ),
        (
            {"type": "assert-default-spec-id", "default-spec-id": 9},
            "Requirement failed: default partition spec changed: expected id 9 != 0",
        ),
        (
            {"type": "assert-default-sort-order-id", "default-sort-order-id": 9},
            "Requirement failed: default sort order changed: expected id 9 != 0",
        ),
    ],
)
def test_a_failed_requirement_says_what_was_expected_and_found(api, requirement, message):
    """The message of each requirement that fails."""
    table = api.table()
    table.append(1)
    error = table.commit(requirements=[requirement]).json()["error"]
    assert error == {
        "message": message.format(uuid=table.made["table-uuid"]),
        "type": "CommitFailedException",
        "code": 409,
    }


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"action": "assign-uuid", "uuid": NEVER}, "Cannot reassign uuid"),
        ({"action": "upgrade-format-version", "format-version": 1}, "Cannot downgrade v2 table to v1"),
        ({"action": "set-current-schema", "schema-id": 9}, "Cannot set current schema to unknown schema: 9"),
        (
            {"action": "set-current-schema", "schema-id": -1},
            "Cannot set last added schema: no schema has been added",
        ),
        ({"action": "set-default-spec", "spec-id": -1}, "Cannot set last added spec: no spec has been added"),
        (
            {"action": "set-default-sort-order", "sort-order-id": -1},
            "Cannot set last added sort order: no sort order has been added",
        ),
        ({"action": "remove-partition-specs", "spec-ids": [0]}, "Cannot remove the default partition spec"),
        ({"action": "remove-schemas", "schema-ids": [0]}, "Cannot remove the current schema"),
        (
            {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 9},
            "Cannot set main to unknown snapshot: 9",
        ),
        (
            {"action": "set-snapshot-ref", "ref-name": "main", "type": "tag", "snapshot-id": 1},
            "Cannot set main to a tag, it must be a branch",
        ),
    ],
)
def test_an_update_that_cannot_be_applied_says_why(api, update, message):
    """The message of each update that is refused."""
    table = api.table()
    table.append(1)
    error = table.commit(update).json()["error"]
    assert (error["message"], error["code"]) == (message, 400)


def test_what_is_missing_or_taken_is_named(api):
    """Tables and namespaces are named in full, levels joined by dots."""
    table = api.table()
    space = table.namespace
    asked = [
        (api.get("/namespaces/no%1Fwhere"), "Namespace does not exist: no.where"),
        (api.get(f"/namespaces/{space}/tables/none"), f"Table does not exist: {space}.none"),
        (
            api.post(f"/namespaces/{space}/tables", api.create_body(space, "visit")),
            f"Table already exists: {space}.visit",
        ),
        (api.post("/namespaces", {"namespace": [space]}), f"Namespace already exists: {space}"),
        (api.delete(f"/namespaces/{space}"), f"Namespace {space} is not empty. Contains 1 table(s)."),
    ]
    assert [answer.json()["error"]["message"] for answer, _ in asked] == [message for _, message in asked]


def test_a_rename_names_both_names(api, only_full):
    """A rename that fails says from what to what, and why."""
    space = api.table().namespace
    table, none = {"namespace": [space], "name": "visit"}, {"namespace": [space], "name": "none"}
    away = {"namespace": ["nowhere"], "name": "visit"}
    api.post(f"/namespaces/{space}/tables", api.create_body(space, "other")).raise_for_status()
    other = {**table, "name": "other"}
    asked = [
        (none, table, f"Cannot rename {space}.none to {space}.visit. Table does not exist"),
        (
            table,
            away,
            f"Cannot rename {space}.visit to nowhere.visit. Namespace does not exist: nowhere",
        ),
        (table, other, f"Cannot rename {space}.visit to {space}.other. Table already exists"),
    ]
    for source, destination, message in asked:
        answer = api.post("/tables/rename", {"source": source, "destination": destination})
        assert answer.json()["error"]["message"] == message
