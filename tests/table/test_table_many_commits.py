"""Many small commits leave a table that stays quick to commit to and to read."""

import pytest

NAME = "silver.many"


@pytest.fixture
def merging(tables, keyed):
    """A table whose manifests are merged from four on."""

    def make(**properties):
        tables.create_table(NAME, keyed, properties={"commit.manifest.min-count-to-merge": "4", **properties})

    return make


def append(tables, stamp, first):
    tables.append(NAME, f"SELECT {first} AS id, 'v{first}' AS v, 'c' AS clinic", stamp())


def manifests(tables):
    table = tables.load(NAME)
    return table.current_snapshot().manifests(table.io)


def held(tables):
    return {row["id"]: row["v"] for row in tables.read(NAME).to_pylist()}


def entries(tables):
    """Each live data file with the snapshot and the sequence number it came with."""
    table = tables.load(NAME)
    found = [entry for each in manifests(tables) for entry in each.fetch_manifest_entry(table.io)]
    return {each.data_file.file_path: (each.snapshot_id, each.sequence_number) for each in found}


def test_manifests_do_not_pile_up(tables, merging, stamp):
    """However many commits were made, there are never more manifests than are worth a merge."""
    merging()
    for number in range(15):
        append(tables, stamp, number)
        assert len(manifests(tables)) <= 4
    assert held(tables) == {number: f"v{number}" for number in range(15)}
    assert tables.session.sql(f"SELECT count(*) AS n FROM {NAME}").column("n")[0].as_py() == 15
    assert len(tables.commits(NAME)) == 15


def test_manifests_are_packed_up_to_a_size(tables, merging, stamp):
    """A merge makes manifests of the target size at most, and one above half of it is left as it is."""
    merging()
    append(tables, stamp, 0)
    [first] = manifests(tables)
    for times, wanted in ((2.5, 3), (1.5, 5)):
        tables.drop(NAME, purge=True)
        merging(**{"commit.manifest.target-size-bytes": str(int(times * first.manifest_length))})
        for number in range(5):
            append(tables, stamp, number)
        assert len(manifests(tables)) == wanted
        assert held(tables) == {number: f"v{number}" for number in range(5)}


def test_a_merge_keeps_what_is_known_of_each_file(tables, merging, stamp):
    """A data file keeps the snapshot that added it and its sequence number through merges."""
    merging()
    known = {}
    for number in range(9):
        append(tables, stamp, number)
        now = entries(tables)
        assert known.items() <= now.items()
        known = now
    assert len(known) == 9


def test_deleted_rows_stay_deleted_through_a_merge(tables, merging, stamp):
    """Position deletes go on meaning the rows they were written for, and none that came later."""
    merging(**{"write.delete.mode": "merge-on-read"})
    for number in range(3):
        append(tables, stamp, number)
    tables.delete(NAME, "id = 1", stamp())
    for number in range(10, 16):
        append(tables, stamp, number)
    wanted = {0: "v0", 2: "v2"} | {number: f"v{number}" for number in range(10, 16)}
    assert held(tables) == wanted
    append(tables, stamp, 1)
    assert held(tables) == wanted | {1: "v1"}


def test_a_table_may_refuse_merges(tables, merging, stamp):
    """Iceberg's property turns merging off."""
    merging(**{"commit.manifest-merge.enabled": "false"})
    for number in range(6):
        append(tables, stamp, number)
    assert len(manifests(tables)) == 6


def test_earlier_snapshots_still_read(tables, merging, stamp):
    """A merge takes nothing from the past: each earlier snapshot has the rows that it had."""
    merging()
    for number in range(7):
        append(tables, stamp, number)
    history = [each.snapshot_id for each in reversed(tables.snapshots(NAME))]
    counts = [tables.read(NAME, snapshot_id=each).num_rows for each in history]
    assert sorted(counts) == list(range(1, 8))
