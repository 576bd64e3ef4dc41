"""Staged creation: the table appears with its first commit."""

import pytest


@pytest.fixture
def staged(api, version, only_full):
    """A staged table: where it will be, and the metadata the server proposed."""
    namespace = api.namespace()
    properties = {"format-version": str(version), "owner": "clinic"}
    body = {**api.create_body(namespace, "visit", properties=properties), "stage-create": True}
    answer = api.post(f"/namespaces/{namespace}/tables", body).raise_for_status().json()
    assert answer["metadata-location"] is None
    return namespace, answer["metadata"]


def creation(metadata):
    """The updates by which clients commit what was staged."""
    return [
        {"action": "assign-uuid", "uuid": metadata["table-uuid"]},
        {"action": "upgrade-format-version", "format-version": metadata["format-version"]},
        {
            "action": "add-schema",
            "schema": metadata["schemas"][0],
            "last-column-id": metadata["last-column-id"],
        },
        {"action": "set-current-schema", "schema-id": -1},
        {"action": "add-spec", "spec": metadata["partition-specs"][0]},
        {"action": "set-default-spec", "spec-id": -1},
        {"action": "add-sort-order", "sort-order": metadata["sort-orders"][0]},
        {"action": "set-default-sort-order", "sort-order-id": -1},
        {"action": "set-location", "location": metadata["location"]},
        {"action": "set-properties", "updates": metadata["properties"]},
    ]


def commit(api, namespace, updates):
    body = {"requirements": [{"type": "assert-create"}], "updates": updates}
    return api.post(f"/namespaces/{namespace}/tables/visit", body)


def test_a_staged_table_is_not_there_yet(api, staged):
    """Until the commit, nobody sees the table."""
    namespace, _ = staged
    assert api.head(f"/namespaces/{namespace}/tables/visit").status_code == 404
    assert api.get(f"/namespaces/{namespace}/tables").json()["identifiers"] == []


def test_the_commit_of_a_staged_table_creates_it_as_proposed(api, staged):
    """The created table has the metadata that staging answered with."""
    namespace, proposed = staged
    made = commit(api, namespace, creation(proposed)).raise_for_status().json()["metadata"]
    unlike = {key for key in proposed if made.get(key) != proposed[key]}
    assert unlike <= {"last-updated-ms"}
    assert api.get(f"/namespaces/{namespace}/tables/visit").json()["metadata"] == made


def test_a_staged_table_can_be_created_with_rows(api, staged):
    """The creating commit may add the first snapshot (CREATE TABLE AS)."""
    namespace, proposed = staged
    snapshot = {
        "snapshot-id": 5,
        "sequence-number": 1,
        "timestamp-ms": 1_800_000_000_000,
        "manifest-list": "m",
        "summary": {"operation": "append"},
        "first-row-id": 0,
        "added-rows": 3,
    }
    added = [
        {"action": "add-snapshot", "snapshot": snapshot},
        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 5},
    ]
    made = commit(api, namespace, creation(proposed) + added).raise_for_status().json()["metadata"]
    assert made["current-snapshot-id"] == 5
    assert made["last-updated-ms"] == 1_800_000_000_000


def test_of_two_staged_creations_one_wins(api, staged, error_of):
    """The second commit of a name fails, and the table is the first one's."""
    namespace, proposed = staged
    first = commit(api, namespace, creation(proposed)).raise_for_status().json()["metadata"]
    rival = [
        {**each, "uuid": "00000000-0000-0000-0000-000000000001"} if each["action"] == "assign-uuid" else each
        for each in creation(proposed)
    ]
    assert error_of(commit(api, namespace, rival)) == (409, "CommitFailedException")
    loaded = api.get(f"/namespaces/{namespace}/tables/visit").json()["metadata"]
    assert loaded["table-uuid"] == first["table-uuid"]


def test_half_a_creation_is_refused(api, staged, error_of):
    """Updates that do not make a whole table create none."""
    namespace, proposed = staged
    answer = commit(api, namespace, creation(proposed)[:4])
    assert error_of(answer) == (400, "ValidationException")
    assert api.head(f"/namespaces/{namespace}/tables/visit").status_code == 404
