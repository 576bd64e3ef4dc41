"""Transactions over several tables: all or none."""

import pytest

pytestmark = pytest.mark.usefixtures("only_full")


def change(table, *updates, requirements=()):
    return {
        "identifier": {"namespace": [table.namespace], "name": table.name},
        "requirements": list(requirements),
        "updates": list(updates),
    }


def touched(value="yes"):
    return {"action": "set-properties", "updates": {"touched": value}}


def commit(api, *changes):
    return api.post("/transactions/commit", {"table-changes": list(changes)})


def test_all_tables_of_a_transaction_change(api):
    """One transaction changes tables of several namespaces and versions, and answers without a body."""
    tables = [api.table(version) for version in (1, 2, 3)]
    answer = commit(api, *(change(table, touched()) for table in tables))
    assert (answer.status_code, answer.content) == (204, b"")
    assert [table.metadata["properties"]["touched"] for table in tables] == ["yes"] * 3


def test_no_table_changes_where_one_requirement_fails(api, error_of):
    """A requirement that fails for the last table keeps the first as it was."""
    one, two = api.table(), api.table()
    failing = {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": 5}
    answer = commit(api, change(one, touched()), change(two, touched(), requirements=[failing]))
    assert error_of(answer) == (409, "CommitFailedException")
    assert one.metadata == one.made
    assert two.metadata == two.made


@pytest.mark.parametrize("broken", [{"action": "wish"}, {"action": "set-current-schema", "schema-id": 9}])
def test_no_table_changes_where_one_update_is_wrong(api, error_of, broken):
    """An update that cannot be applied keeps all tables as they were."""
    one, two = api.table(), api.table()
    assert error_of(commit(api, change(one, touched()), change(two, broken)))[0] == 400
    assert one.metadata == one.made


def test_no_table_changes_where_one_is_missing(api, error_of):
    """A table that is not there keeps the others as they were."""
    one = api.table()
    missing = {**change(one, touched()), "identifier": {"namespace": [one.namespace], "name": "none"}}
    assert error_of(commit(api, change(one, touched()), missing)) == (404, "NoSuchTableException")
    assert one.metadata == one.made


def test_a_transaction_may_create_a_table(api):
    """A staged table can be created in the same transaction as another is changed."""
    one = api.table()
    body = {**api.create_body(one.namespace, "new"), "stage-create": True}
    proposed = api.post(f"/namespaces/{one.namespace}/tables", body).json()["metadata"]
    created = {
        "identifier": {"namespace": [one.namespace], "name": "new"},
        "requirements": [{"type": "assert-create"}],
        "updates": [
            {"action": "assign-uuid", "uuid": proposed["table-uuid"]},
            {"action": "add-schema", "schema": proposed["schemas"][0]},
            {"action": "set-current-schema", "schema-id": -1},
            {"action": "add-spec", "spec": proposed["partition-specs"][0]},
            {"action": "set-default-spec", "spec-id": -1},
            {"action": "set-location", "location": proposed["location"]},
        ],
    }
    assert commit(api, change(one, touched()), created).status_code == 204
    made = api.get(f"/namespaces/{one.namespace}/tables/new").json()["metadata"]
    assert made["table-uuid"] == proposed["table-uuid"]
    assert one.metadata["properties"]["touched"] == "yes"


def test_a_table_is_named_once(api, error_of):
    """Two parts of a transaction about the same table are a bad request."""
    one = api.table()
    answer = commit(api, change(one, touched("a")), change(one, touched("b")))
    assert error_of(answer) == (400, "BadRequestException")


@pytest.mark.parametrize(
    "body", [{"table-changes": 7}, {"table-changes": [{}]}, {"table-changes": [{"identifier": 1}]}]
)
def test_a_malformed_transaction_is_refused(api, error_of, body):
    """A transaction that names no tables properly is a bad request."""
    assert error_of(api.post("/transactions/commit", body)) == (400, "BadRequestException")
