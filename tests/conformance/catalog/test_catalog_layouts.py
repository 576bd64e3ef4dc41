"""Partitioning and sort orders: numbered by the catalog, and resting on columns that are there."""

import pytest

SPEC = {"spec-id": 9, "fields": [{"source-id": 2, "transform": "month", "name": "day_month"}]}


ORDER = {
    "order-id": 9,
    "fields": [{"source-id": 2, "transform": "identity", "direction": "desc", "null-order": "nulls-last"}],
}


def test_a_partition_spec_is_added_and_made_the_default(table):
    """A spec gets the next id, and its fields ids after the last one assigned."""
    done = table.committed(
        {"action": "add-spec", "spec": SPEC}, {"action": "set-default-spec", "spec-id": -1}
    )
    assert done["partition-specs"][1]["spec-id"] == done["default-spec-id"] == 1
    assert done["partition-specs"][1]["fields"][0]["field-id"] == done["last-partition-id"] == 1000
    if done["format-version"] == 1:
        assert done["partition-spec"] == done["partition-specs"][1]["fields"]


def test_the_same_partition_spec_is_not_added_twice(table):
    """Adding a spec that exists finds it."""
    for _ in range(2):
        done = table.committed({"action": "add-spec", "spec": SPEC})
    assert len(done["partition-specs"]) == 2


def test_a_partition_field_keeps_its_id_in_later_specs(table, version, error_of):
    """A field that an earlier spec had has the same id in a new spec; in v1 ids are places."""
    table.committed({"action": "add-spec", "spec": SPEC})
    both = {"fields": [{"source-id": 1, "transform": "bucket[4]", "name": "id_bucket"}, SPEC["fields"][0]]}
    done = table.committed({"action": "add-spec", "spec": both})
    ids = [field["field-id"] for field in done["partition-specs"][2]["fields"]]
    assert ids == ([1000, 1001] if version == 1 else [1001, 1000])
    assert done["last-partition-id"] == 1001
    if version == 1:
        gap = {"fields": [{**SPEC["fields"][0], "name": "gap", "field-id": 1005}]}
        assert error_of(table.commit({"action": "add-spec", "spec": gap})) == (400, "ValidationException")


def test_partition_specs_are_removed_but_the_default(table, error_of):
    """The default spec stays, others can be forgotten."""
    table.committed({"action": "add-spec", "spec": SPEC})
    done = table.committed({"action": "remove-partition-specs", "spec-ids": [1]})
    assert len(done["partition-specs"]) == 1
    answer = table.commit({"action": "remove-partition-specs", "spec-ids": [0]})
    assert error_of(answer) == (400, "ValidationException")


def test_a_sort_order_is_added_and_made_the_default(table):
    """A sort order gets the next id; the same one is not added twice; sorting by nothing is order 0."""
    done = table.committed(
        {"action": "add-sort-order", "sort-order": ORDER},
        {"action": "set-default-sort-order", "sort-order-id": -1},
    )
    assert done["default-sort-order-id"] == 1
    done = table.committed(
        {"action": "add-sort-order", "sort-order": ORDER},
        {"action": "add-sort-order", "sort-order": {"order-id": 0, "fields": []}},
        {"action": "set-default-sort-order", "sort-order-id": -1},
    )
    assert [each["order-id"] for each in done["sort-orders"]] == [0, 1]
    assert done["default-sort-order-id"] == 0


def test_a_column_of_the_partitioning_is_not_dropped(table, error_of):
    """A current schema without a column that new files are partitioned or sorted by is refused."""
    table.committed(
        {"action": "add-spec", "spec": SPEC},
        {"action": "set-default-spec", "spec-id": -1},
        {"action": "add-sort-order", "sort-order": ORDER},
        {"action": "set-default-sort-order", "sort-order-id": -1},
    )
    schema = table.made["schemas"][0]
    narrow = [
        {"action": "add-schema", "schema": {**schema, "fields": [schema["fields"][0], schema["fields"][2]]}},
        {"action": "set-current-schema", "schema-id": -1},
    ]
    answer = table.commit(*narrow)
    assert error_of(answer) == (400, "ValidationException")
    assert "day_month" in answer.json()["error"]["message"]
    free = [
        {"action": "set-default-spec", "spec-id": 0},
        {"action": "set-default-sort-order", "sort-order-id": 0},
    ]
    assert table.committed(*free, *narrow)["current-schema-id"] == 1


@pytest.mark.parametrize(
    ("transform", "source"), [("hour", 2), ("day", 1), ("truncate[3]", 2), ("identity", 4), ("year", 3)]
)
def test_a_transform_needs_a_column_it_works_on(table, error_of, transform, source):
    """Hours of a date, days of a number, or any part of a list cannot be partitioned or sorted by."""
    tags = {"type": "list", "element-id": 5, "element": "string", "element-required": False}
    schema = table.made["schemas"][0]
    nested = {"id": 4, "name": "tags", "required": False, "type": tags}
    table.committed(
        {"action": "add-schema", "schema": {**schema, "fields": [*schema["fields"], nested]}},
        {"action": "set-current-schema", "schema-id": -1},
    )
    field = {"source-id": source, "transform": transform}
    order = {**field, "direction": "asc", "null-order": "nulls-first"}
    for update in (
        {"action": "add-spec", "spec": {"fields": [{**field, "name": "p"}]}},
        {"action": "add-sort-order", "sort-order": {"order-id": 1, "fields": [order]}},
    ):
        assert error_of(table.commit(update)) == (400, "ValidationException")
