"""Updates of a table as a whole, and what holds for all updates."""

import json

import pytest


def test_the_uuid_of_a_table_never_changes(table, error_of):
    """Assigning the same uuid does nothing, another is refused."""
    table.committed({"action": "assign-uuid", "uuid": table.made["table-uuid"]})
    answer = table.commit({"action": "assign-uuid", "uuid": "00000000-0000-0000-0000-000000000000"})
    assert error_of(answer) == (400, "BadRequestException")


def test_a_table_is_upgraded_and_never_downgraded(table, version, error_of):
    """The version goes up, with the counters of the later version; going back is refused."""
    done = table.committed({"action": "upgrade-format-version", "format-version": 3})
    assert (done["format-version"], done["next-row-id"], done["last-sequence-number"]) == (3, 0, 0)
    assert "schema" not in done
    for lower in (1, 2):
        answer = table.commit({"action": "upgrade-format-version", "format-version": lower})
        assert error_of(answer) == (400, "BadRequestException")


def test_a_version_set_as_a_property_is_an_upgrade(table):
    """`format-version` among the properties upgrades the table and is not kept."""
    done = table.committed({"action": "set-properties", "updates": {"format-version": "3", "a": "1"}})
    assert (done["format-version"], done["properties"].get("a")) == (3, "1")
    assert "format-version" not in done["properties"]


def test_properties_are_set_and_removed(table):
    """Properties change one by one; removing what is not there does not matter."""
    table.committed({"action": "set-properties", "updates": {"a": "1", "b": "2"}})
    done = table.committed({"action": "remove-properties", "removals": ["a", "z"]})
    assert {key: done["properties"].get(key) for key in "ab"} == {"a": None, "b": "2"}


def test_encryption_keys_are_added_and_removed(table):
    """Wrapped keys are kept by id."""
    key = {"key-id": "k", "encrypted-key-metadata": "AAAA", "encrypted-by-id": "m"}
    for _ in range(2):
        done = table.committed({"action": "add-encryption-key", "encryption-key": key})
    assert done["encryption-keys"] == [key]
    assert table.committed({"action": "remove-encryption-key", "key-id": "k"})["encryption-keys"] == []


@pytest.mark.parametrize(
    "update",
    [
        {"action": "set-current-schema", "schema-id": 9},
        {"action": "set-current-schema", "schema-id": -1},
        {"action": "set-default-spec", "spec-id": 9},
        {"action": "set-default-sort-order", "sort-order-id": 9},
        {"action": "add-spec", "spec": {"fields": [{"source-id": 9, "transform": "day", "name": "d"}]}},
        {"action": "add-sort-order", "sort-order": {"fields": [{"source-id": 9, "transform": "identity"}]}},
        {"action": "add-snapshot"},
        {"action": "add-snapshot", "snapshot": {}},
        {"action": "add-snapshot", "snapshot": 7},
        {"action": "add-snapshot", "snapshot": {"snapshot-id": 1, "timestamp-ms": 1}},
        {"action": "set-statistics", "statistics": {"snapshot-id": 1, "statistics-path": "s"}},
        {"action": "set-partition-statistics", "partition-statistics": {"snapshot-id": 1}},
        {"action": "add-encryption-key", "encryption-key": {"key-id": "k"}},
        {"action": "remove-schemas", "schema-ids": 0},
        {"action": "remove-snapshots", "snapshot-ids": 7},
        {"action": "set-snapshot-ref", "ref-name": "a", "type": "fork", "snapshot-id": 1},
        {"action": "set-properties", "updates": ["a"]},
        {"action": "upgrade-format-version", "format-version": 4},
        {"action": "wish"},
        {},
    ],
    ids=json.dumps,
)
def test_an_update_that_makes_no_sense_is_refused_with_all_others(table, error_of, update):
    """One update that cannot be applied undoes the whole commit."""
    answer = table.commit({"action": "set-properties", "updates": {"touched": "yes"}}, update)
    assert error_of(answer)[0] == 400
    assert table.metadata == table.made
