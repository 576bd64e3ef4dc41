"""Nothing is acknowledged before it is on the disk."""

import os
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.exceptions import CommitStateUnknownException

from a360.catalog import CatalogSession

ROWS = pa.table({"id": pa.array([1, 2], pa.int64()), "note": ["x", "y"]})


@pytest.fixture
def profile():
    return "full"


@pytest.fixture
def forced(monkeypatch):
    """The paths that were forced to the disk, in their order."""
    paths = []
    really = os.fsync

    def fsync(handle):
        paths.append(Path(f"/proc/self/fd/{handle}").readlink())
        really(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return paths


def files_of(table):
    """Every file that the table's current snapshot leads to."""
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io)
    data = [entry.data_file.file_path for each in manifests for entry in each.fetch_manifest_entry(table.io)]
    return {
        Path(each.removeprefix("file://"))
        for each in (snapshot.manifest_list, *(each.manifest_path for each in manifests), *data)
    }


def require_forced(table, forced):
    """All files and their folders were forced out, and all before the metadata that names them."""
    places = {path: at for at, path in reversed(list(enumerate(forced)))}
    metadata = places[Path(table.metadata_location)]
    named = files_of(table)
    assert named <= places.keys()
    assert {each.parent for each in named} <= places.keys()
    assert all(places[each] < metadata and places[each.parent] < metadata for each in named)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads the names of open files from /proc")
@pytest.mark.parametrize("writer", ["pyiceberg", "duckdb"])
def test_files_are_on_the_disk_before_the_commit_that_names_them(session, attach, forced, writer):
    """Data files, manifests, manifest list and folders are forced out before the metadata is written."""
    table = session.client().create_table("silver.visit", ROWS.schema)
    del forced[:]
    if writer == "pyiceberg":
        table.append(ROWS)
    else:
        attach(session.endpoint).execute("INSERT INTO lake.silver.visit VALUES (1, 'x')")
    require_forced(session.client().load_table("silver.visit"), forced)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads the names of open files from /proc")
def test_a_second_commit_forces_out_only_what_is_new(session, forced):
    """Files of earlier commits are not forced out again."""
    table = session.client().create_table("silver.visit", ROWS.schema)
    table.append(ROWS)
    before = files_of(table)
    del forced[:]
    table.append(ROWS)
    assert not before & set(forced)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads the names of open files from /proc")
def test_a_folder_is_forced_out_again_once_it_has_changed(session, forced):
    """Names in folders above are forced out once, and again as soon as one has come, gone or may have."""
    table = session.client().create_table("silver.visit", ROWS.schema)
    folder = Path(table.location())

    def forced_by_a_commit():
        del forced[:]
        table.append(ROWS)
        return folder in forced

    assert [forced_by_a_commit() for _ in range(2)] == [True, True]  # it has changed a moment ago
    os.utime(folder, (1_700_000_000, 1_700_000_000))
    assert [forced_by_a_commit() for _ in range(3)] == [True, False, False]
    (folder / "more").mkdir()
    assert forced_by_a_commit()
    os.utime(folder, (1_700_000_001, 1_700_000_001))
    assert [forced_by_a_commit() for _ in range(2)] == [True, False]
    assert {folder / "data", folder / "metadata"} <= set(forced)


def test_a_failing_disk_stops_the_commit(session, monkeypatch):
    """Where a file cannot be forced out, nothing is committed, and the client is told to keep its files."""
    table = session.client().create_table("silver.visit", ROWS.schema)
    really = os.fsync

    def broken(handle):
        if Path(f"/proc/self/fd/{handle}").readlink().suffix == ".parquet":
            raise OSError(5, "Input/output error")
        really(handle)

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(CommitStateUnknownException, match="Nothing was committed"):
        table.append(ROWS)
    monkeypatch.undo()
    assert table.refresh().current_snapshot() is None
    table.append(ROWS)
    assert table.scan().to_arrow().num_rows == 2


def test_paths_outside_the_warehouse_are_not_touched(session, tmp_path, forced):
    """A commit that names a pipe, a link or a file elsewhere neither blocks nor opens it."""
    table = session.client().create_table("silver.visit", ROWS.schema)
    folder = Path(table.location()) / "metadata"
    outside = tmp_path / "outside.avro"
    outside.write_bytes(b"x")
    os.mkfifo(folder / "pipe.avro")
    (folder / "link.avro").symlink_to(outside)
    (folder / "garbage.avro").write_bytes(b"Obj\x01garbage")
    names = [outside, folder / "pipe.avro", folder / "link.avro", folder / "garbage.avro"]
    for number, name in enumerate(names, 1):
        commit(session, number, name)
    assert outside not in forced
    assert folder / "garbage.avro" in forced


def commit(session, number, manifest_list):
    snapshot = {
        "snapshot-id": number,
        "timestamp-ms": 1_800_000_000_000 + number,
        "sequence-number": number,
        "manifest-list": str(manifest_list),
        "summary": {"operation": "append"},
        "schema-id": 0,
    }
    client = session.client()
    answer = client._session.post(
        f"{session.endpoint.uri}/v1/namespaces/silver/tables/visit",
        json={"requirements": [], "updates": [{"action": "add-snapshot", "snapshot": snapshot}]},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text


def test_the_lakes_files_are_their_owners_alone(tmp_path):
    """The catalog's database is readable by its owner alone, with whatever SQLite makes beside it."""
    with CatalogSession.open(tmp_path) as session:
        session.client().create_namespace("silver")
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.glob("catalog.db*")}
    assert modes
    assert set(modes.values()) == {0o600}
