"""Snapshots, the branches and tags that name them, and the statistics that hang on them."""

import json

import pytest


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


def test_a_snapshot_has_one_statistics_file_a_kind(table):
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
