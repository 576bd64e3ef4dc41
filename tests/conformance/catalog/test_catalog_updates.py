"""Every update of the specification, in every format version."""

import json
from pathlib import Path

import pytest

from a360.catalog.metadata import UPDATE_ACTIONS

TRIED_HERE = {
    "assign-uuid",
    "upgrade-format-version",
    "add-schema",
    "set-current-schema",
    "remove-schemas",
    "add-spec",
    "set-default-spec",
    "remove-partition-specs",
    "add-sort-order",
    "set-default-sort-order",
    "set-location",
    "set-properties",
    "remove-properties",
    "add-encryption-key",
    "remove-encryption-key",
    "add-snapshot",
    "set-snapshot-ref",
    "remove-snapshot-ref",
    "remove-snapshots",
    "set-statistics",
    "remove-statistics",
    "set-partition-statistics",
    "remove-partition-statistics",
}


def test_every_update_is_tried_here():
    """This suite covers all updates that the catalog applies."""
    assert TRIED_HERE == UPDATE_ACTIONS


def wider(table, *, schema_id=7):
    schema = table.made["schemas"][0]
    added = {"id": 4, "name": "price", "required": False, "type": "decimal(9, 2)"}
    return {**schema, "schema-id": schema_id, "fields": [*schema["fields"], added]}


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


SPEC = {"spec-id": 9, "fields": [{"source-id": 2, "transform": "month", "name": "day_month"}]}


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


ORDER = {
    "order-id": 9,
    "fields": [{"source-id": 2, "transform": "identity", "direction": "desc", "null-order": "nulls-last"}],
}


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


def test_new_files_go_to_a_new_location(table, api, error_of):
    """The location moves only inside the warehouse; metadata follows, and folders to write into are made."""
    location = f"{table.made['location']}-moved"
    table.committed({"action": "set-location", "location": f"{location}/"})
    found = api.get(table.path).json()
    assert found["metadata"]["location"] == location
    assert Path(found["metadata-location"]).parent == Path(location, "metadata")
    assert Path(location, "data").is_dir()
    answer = table.commit({"action": "set-location", "location": "/tmp/elsewhere"})
    assert error_of(answer) == (400, "BadRequestException")


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


def test_a_snapshot_becomes_current_by_its_branch(table, version):
    """`main` makes a snapshot current; the log takes the time that the snapshot names."""
    done = table.append(1)
    assert done["current-snapshot-id"] == 1
    assert done["refs"] == {"main": {"snapshot-id": 1, "type": "branch"}}
    assert done["snapshot-log"] == [{"snapshot-id": 1, "timestamp-ms": 1_800_000_000_001}]
    assert done["last-updated-ms"] == 1_800_000_000_001
    assert done.get("last-sequence-number") == (1 if version > 1 else None)
    assert done.get("next-row-id") == (10 if version > 2 else None)


def test_a_snapshot_is_kept_as_it_was_sent(table):
    """Fields of a snapshot that this catalog does not know survive, and so do 64-bit ids."""
    wide = 9_223_372_036_854_775_807
    table.append(1)
    snapshot = table.snapshot(2, 1, **{"x-unknown": {"a": [1, 2.5, None]}, "snapshot-id": wide})
    table.committed({"action": "add-snapshot", "snapshot": snapshot})
    kept = next(each for each in table.metadata["snapshots"] if each["snapshot-id"] == wide)
    assert kept["x-unknown"] == {"a": [1, 2.5, None]}


def test_a_snapshot_without_a_branch_is_not_current(table):
    """Adding a snapshot alone moves no branch."""
    table.append(1)
    done = table.committed({"action": "add-snapshot", "snapshot": table.snapshot(2, 1)})
    assert (done["current-snapshot-id"], len(done["snapshots"]), len(done["snapshot-log"])) == (1, 2, 1)


def test_a_snapshot_is_not_added_twice(table, error_of):
    """The id of a snapshot is its own."""
    table.append(1)
    answer = table.commit({"action": "add-snapshot", "snapshot": table.snapshot(1)})
    assert error_of(answer) == (400, "ValidationException")


def test_an_outdated_snapshot_is_a_conflict(api, error_of):
    """A snapshot numbered before the last one was prepared too early: its writer may try again."""
    table = api.table(2)
    table.append(1)
    table.append(2, 1)
    answer = table.commit(
        {"action": "add-snapshot", "snapshot": table.snapshot(3, 2, **{"sequence-number": 2})}
    )
    assert error_of(answer) == (409, "CommitFailedException")


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


def test_row_ids_are_given_once(api, error_of):
    """In v3 a snapshot starts at or after the next row id, and moves it on by its rows."""
    table = api.table(3)
    table.append(1)
    done = table.append(2, 1, **{"first-row-id": 12, "added-rows": 5})
    assert done["next-row-id"] == 17
    late = table.snapshot(3, 2, **{"first-row-id": 16})
    assert error_of(table.commit({"action": "add-snapshot", "snapshot": late})) == (
        409,
        "CommitFailedException",
    )
    bare = {key: value for key, value in table.snapshot(3, 2).items() if key != "first-row-id"}
    assert error_of(table.commit({"action": "add-snapshot", "snapshot": bare})) == (
        400,
        "ValidationException",
    )


def test_a_snapshot_current_for_a_moment_leaves_no_trace_in_the_log(table):
    """Of several snapshots that one commit makes current, the log keeps the last."""
    done = table.committed(
        {"action": "add-snapshot", "snapshot": table.snapshot(1)},
        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 1},
        {"action": "add-snapshot", "snapshot": table.snapshot(2, 1)},
        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 2},
    )
    assert [each["snapshot-id"] for each in done["snapshot-log"]] == [2]
    assert len(done["snapshots"]) == 2


def test_a_table_is_rolled_back(table):
    """Moving `main` back makes the old snapshot current and is logged at the time it happened."""
    table.append(1)
    table.append(2, 1)
    done = table.committed(
        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 1}
    )
    assert (done["current-snapshot-id"], [each["snapshot-id"] for each in done["snapshot-log"]]) == (
        1,
        [1, 2, 1],
    )


def test_branches_and_tags_come_and_go(table, error_of):
    """References are kept with their retention; one to nothing is refused, and `main` is no tag."""
    table.append(1)
    ref = {"type": "tag", "snapshot-id": 1, "max-ref-age-ms": 1000}
    done = table.committed({"action": "set-snapshot-ref", "ref-name": "audit", **ref})
    assert done["refs"]["audit"] == ref
    assert "audit" not in table.committed({"action": "remove-snapshot-ref", "ref-name": "audit"})["refs"]
    for name, kind, snapshot_id in (("audit", "tag", 99), ("main", "tag", 1)):
        update = {"action": "set-snapshot-ref", "ref-name": name, "type": kind, "snapshot-id": snapshot_id}
        assert error_of(table.commit(update)) == (400, "ValidationException")


@pytest.mark.parametrize(
    "parts",
    [
        {"type": "tag", "min-snapshots-to-keep": 1},
        {"type": "tag", "max-snapshot-age-ms": 1},
        {"type": "branch", "min-snapshots-to-keep": 0},
        {"type": "branch", "max-snapshot-age-ms": -1},
        {"type": "tag", "max-ref-age-ms": 0},
    ],
    ids=json.dumps,
)
def test_retention_that_makes_no_sense_is_refused(table, error_of, parts):
    """Tags keep no snapshots but their own, and ages and counts are positive."""
    table.append(1)
    update = {"action": "set-snapshot-ref", "ref-name": "audit", "snapshot-id": 1, **parts}
    assert error_of(table.commit(update)) == (400, "ValidationException")


def test_without_main_a_table_has_no_current_snapshot(table):
    """Removing `main` empties the table; the snapshots and the log of what was current stay."""
    table.append(1)
    done = table.committed({"action": "remove-snapshot-ref", "ref-name": "main"})
    assert "current-snapshot-id" not in done
    assert (done["refs"], len(done["snapshot-log"]), len(done["snapshots"])) == ({}, 1, 1)


def test_expired_snapshots_take_what_hangs_on_them_along(table):
    """References to removed snapshots, their statistics and the log before them go too."""
    for number in (1, 2, 3):
        table.append(number, number - 1 or None)
    table.committed({"action": "set-snapshot-ref", "ref-name": "old", "type": "tag", "snapshot-id": 1})
    table.committed(statistics(2), partition_statistics(2))
    done = table.committed({"action": "remove-snapshots", "snapshot-ids": [1, 2, 77]})
    assert [each["snapshot-id"] for each in done["snapshots"]] == [3]
    assert [each["snapshot-id"] for each in done["snapshot-log"]] == [3]
    assert (set(done["refs"]), done["statistics"], done["partition-statistics"]) == ({"main"}, [], [])


def statistics(snapshot_id, path="s.puffin"):
    blob = {"type": "ndv", "snapshot-id": snapshot_id, "sequence-number": 1, "fields": [1]}
    file = {
        "snapshot-id": snapshot_id,
        "statistics-path": path,
        "file-size-in-bytes": 2,
        "file-footer-size-in-bytes": 1,
        "blob-metadata": [blob],
    }
    return {"action": "set-statistics", "snapshot-id": snapshot_id, "statistics": file}


def partition_statistics(snapshot_id):
    file = {"snapshot-id": snapshot_id, "statistics-path": "p.parquet", "file-size-in-bytes": 1}
    return {"action": "set-partition-statistics", "partition-statistics": file}


def test_a_snapshot_has_one_statistics_file_of_a_kind(table):
    """Setting statistics again replaces them, removing them leaves none."""
    table.append(1)
    table.committed(statistics(1), partition_statistics(1))
    done = table.committed(statistics(1, "t.puffin"), partition_statistics(1))
    assert [each["statistics-path"] for each in done["statistics"]] == ["t.puffin"]
    assert len(done["partition-statistics"]) == 1
    done = table.committed(
        {"action": "remove-statistics", "snapshot-id": 1},
        {"action": "remove-partition-statistics", "snapshot-id": 1},
    )
    assert (done["statistics"], done["partition-statistics"]) == ([], [])


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


def test_a_commit_that_changes_nothing_writes_nothing(table, api):
    """A commit without effect keeps the metadata file."""
    before = api.get(table.path).json()
    table.committed({"action": "set-properties", "updates": before["metadata"]["properties"]})
    table.committed()
    assert api.get(table.path).json() == before


def test_every_commit_is_in_the_metadata_log(table, api):
    """The log names the metadata files before, with the times they were current from."""
    places = []
    for number in (1, 2, 3):
        places.append(api.get(table.path).json())
        table.append(number, number - 1 or None)
    assert table.metadata["metadata-log"] == [
        {"metadata-file": each["metadata-location"], "timestamp-ms": each["metadata"]["last-updated-ms"]}
        for each in places
    ]


def test_old_metadata_files_are_deleted_by_the_tables_policy(table, api):
    """As many earlier metadata files stay as the table asks for."""
    table.committed({"action": "set-properties", "updates": {"write.metadata.previous-versions-max": "2"}})
    for number in range(1, 6):
        table.append(number, number - 1 or None)
    found = sorted(Path(table.made["location"], "metadata").glob("*.metadata.json"))
    named = [each["metadata-file"] for each in table.metadata["metadata-log"]]
    assert [str(each) for each in found] == [*named, api.get(table.path).json()["metadata-location"]]
    assert len(named) == 2


def test_old_metadata_files_stay_where_the_table_says_so(table):
    """With deletion turned off, the log is cut and the files stay."""
    table.committed(
        {
            "action": "set-properties",
            "updates": {
                "write.metadata.previous-versions-max": "1",
                "write.metadata.delete-after-commit.enabled": "false",
            },
        }
    )
    for number in (1, 2, 3):
        table.append(number, number - 1 or None)
    assert len(table.metadata["metadata-log"]) == 1
    assert len(list(Path(table.made["location"], "metadata").glob("*.metadata.json"))) == 5


def test_metadata_is_compressed_where_the_table_says_so(table, api):
    """With gzip chosen, metadata files are small, named for it, and read back."""
    table.committed({"action": "set-properties", "updates": {"write.metadata.compression-codec": "gzip"}})
    table.append(1)
    found = api.get(table.path).json()
    assert found["metadata-location"].endswith(".gz.metadata.json")
    assert found["metadata"]["current-snapshot-id"] == 1
