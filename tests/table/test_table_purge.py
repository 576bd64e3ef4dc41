"""Rows that are taken out for good are in no file, no past and no statistics of a table."""

from pathlib import Path

import pyarrow as pa
import pytest

from a360.catalog import CommitStamp
from a360.errors import UsageError
from a360.table import new_commit_id

GONE = "gone-" + 40 * "z"


def stamp():
    return CommitStamp(new_commit_id())


def bytes_of(tables, name):
    """All that lies in a table's folder."""
    root = Path(tables.load(name).location().removeprefix("file://"))
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def rows(first, count, v="stays"):
    return pa.table({"id": list(range(first, first + count)), "v": [v] * count, "clinic": ["n"] * count})


def test_rows_leave_their_own_files_alone(tables, keyed):
    """Only files that hold such rows are written anew; the others stay as they are."""
    tables.create_table("ns.t", keyed)
    tables.append("ns.t", rows(0, 5), stamp())
    tables.append("ns.t", rows(5, 5, GONE), stamp())
    tables.append("ns.t", rows(10, 5), stamp())
    before = set(tables.session.sql("SELECT DISTINCT filename FROM ns.t").column(0).to_pylist())
    done = tables.expunge("ns.t", "v LIKE 'gone-%' AND id < 8", stamp())
    after = set(tables.session.sql("SELECT DISTINCT filename FROM ns.t").column(0).to_pylist())
    assert (len(before & after), len(after)) == (2, 3)
    assert (done.operation, done.deleted_rows, done.added_rows) == ("overwrite", 5, 2)
    assert sorted(tables.read("ns.t")["id"].to_pylist()) == [*range(5), *range(8, 15)]
    assert tables.load("ns.t").current_snapshot().summary["total-records"] == "12"


def test_nothing_that_held_them_is_left(tables, keyed):
    """Hidden rows of before, snapshots, tags and column bounds go; what was deleted is told with digests."""
    kept = {"write.delete.mode": "merge-on-read", "write.metadata.previous-versions-max": "2"}
    tables.create_table("ns.t", keyed, properties=kept)
    tables.append("ns.t", pa.concat_tables([rows(0, 50), rows(50, 50, GONE)]), stamp())
    tables.tag("v1", ["ns.t"])
    tables.delete("ns.t", "id = 60", stamp())
    tables.expunge("ns.t", "v LIKE 'gone-%'", stamp())
    lying = bytes_of(tables, "ns.t")
    purged = tables.purge("ns.t")
    left = bytes_of(tables, "ns.t")
    assert tables.tags(["ns.t"]) == []
    assert len(tables.snapshots("ns.t")) == 1
    gone = {str(path) for path in set(lying) - set(left)}
    assert {each.path for each in purged} >= gone
    assert [path for path in gone if path.endswith(".metadata.json")]
    table = tables.load("ns.t")
    stated = [
        value
        for manifest in table.current_snapshot().manifests(table.io)
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)
        for bounds in (entry.data_file.lower_bounds, entry.data_file.upper_bounds)
        for value in (bounds or {}).values()
    ]
    assert stated
    assert not any(value.startswith(b"gone") for value in stated)
    assert sorted(tables.read("ns.t")["id"].to_pylist()) == list(range(50))


def test_files_may_take_the_place_of_rows(tables, keyed):
    """What was staged lands with the same commit, and a commit that has landed is not made twice."""
    tables.create_table("ns.t", keyed)
    tables.append("ns.t", rows(0, 4, GONE), stamp())
    once = stamp()
    staged = tables.stage("ns.t", rows(0, 4))
    tables.expunge("ns.t", "v LIKE 'gone-%'", once, instead=staged)
    assert set(tables.read("ns.t")["v"].to_pylist()) == {"stays"}
    assert tables.expunge("ns.t", "TRUE", once).replayed
    assert tables.expunge("ns.t", "id = 99", stamp()).snapshot_id is None


def test_tables_that_only_the_engine_writes_are_refused(tables, keyed):
    """Format 3 is no format in which rows can be promised to be gone; where none goes, it is no matter."""
    tables.create_table("ns.t", keyed, format_version=3)
    tables.append("ns.t", rows(0, 4), stamp())
    assert tables.expunge("ns.t", "FALSE", stamp()).snapshot_id is None
    with pytest.raises(UsageError):
        tables.expunge("ns.t", "TRUE", stamp())
