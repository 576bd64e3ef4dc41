"""What `verify` says of restoring is true: who follows it has a sound lake, with the rows of before."""

import shutil
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from a360.catalog import CommitStamp, rebuild_catalog
from a360.errors import DataError
from a360.lake import open_lake

TABLE = "silver.kept"


def rows(start):
    return pa.table({"id": range(start, start + 50)})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A closed lake: a table with deletes and a past, a key and a record of what was asked."""
    folder = tmp_path_factory.mktemp("restoring") / "lake"
    with open_lake(folder) as opened:
        opened.tables.ensure_namespace("silver")
        properties = {"write.delete.mode": "merge-on-read"}
        opened.catalog.client().create_table(TABLE, rows(0).schema, properties=properties)
        opened.tables.append(TABLE, rows(0), CommitStamp("a"))
        opened.tables.append(TABLE, rows(50), CommitStamp("b"))
        opened.tables.delete(TABLE, "id = 3", CommitStamp("d"))
        opened._parts.keys.create_data_keys(1)
        assert opened._parts.policy.fingerprint
        opened.audit.checkpoint()
        assert opened.verify().sound
    return folder


@pytest.fixture
def lake(whole, tmp_path_factory):
    """The lake, where it lay: its tables name their files by absolute paths. Its backup lies beside it."""
    backup = tmp_path_factory.mktemp("backup") / "lake"
    shutil.copytree(whole, backup)
    yield whole, backup
    shutil.rmtree(whole)
    shutil.copytree(backup, whole)


def ids(opened):
    return opened.tables.session.sql(f"SELECT id FROM {TABLE} ORDER BY id")["id"].to_pylist()


def damage_in(folder):
    with open_lake(folder) as opened:
        return opened.verify().damage


PLACES = {
    "data": "warehouse/silver/kept/data/*.parquet",
    "manifest": "warehouse/silver/kept/metadata/*.avro",
    "metadata": "warehouse/silver/kept/metadata/*.metadata.json",
    "key": "keys/packs/*",
    "catalog": "catalog.db",
}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("gone", [False, True], ids=["changed", "gone"])
def test_a_file_put_back_from_a_backup_makes_the_lake_sound(lake, kind, gone):
    """Whatever was damaged, and however: with the file as it was, verify finds nothing, nor is a row lost."""
    folder, backup = lake
    path = max(folder.glob(PLACES[kind]), key=lambda each: (each.stat().st_mtime_ns, each.name))
    content = path.read_bytes()
    path.unlink()
    if not gone:
        path.write_bytes(bytes(each ^ 0xFF for each in content))
    found = damage_in(folder)
    assert kind in {each.kind for each in found}
    assert all("from a backup" in each.restore or each.kind == "catalog" for each in found)

    shutil.copy2(backup / path.relative_to(folder), path)

    assert damage_in(folder) == []
    with open_lake(folder) as opened:
        assert len(ids(opened)) == 99


def test_a_rollback_makes_a_damaged_table_readable(lake):
    """The way back that verify names leads to the rows of before; the damage stays until the past expires."""
    folder, _ = lake
    with open_lake(folder) as opened:
        newest = opened.tables.load(TABLE).current_snapshot().snapshot_id
        entry = next(
            each
            for each in opened.catalog.recorded_files(opened.tables.load(TABLE).location())
            if each.snapshot_id == newest and each.path.endswith(".parquet")
        )
    (folder / "warehouse" / entry.path).write_bytes(b"")
    with open_lake(folder) as opened:
        with pytest.raises(DataError, match="file-damaged"):
            ids(opened)
        (way,) = (each for each in opened.verify().damage[0].restore.split("`") if each.startswith("a360 ro"))
        _, _, name, snapshot = way.split()
        opened.tables.rollback(name, snapshot, base=str(newest))
        assert len(ids(opened)) == 100
        assert not opened.verify().sound
        opened.tables.expire(TABLE, datetime.now(UTC), keep=1)
        assert opened.verify().sound


def test_metadata_taken_away_is_what_a_rebuild_goes_back_from(lake):
    """Without the damaged metadata file, a rebuild ends at the version before it, and the lake is sound."""
    folder, _ = lake
    newest = max((folder / "warehouse/silver/kept/metadata").glob("*.metadata.json"))
    newest.write_bytes(newest.read_bytes().replace(b"main", b"mail"))
    (found,) = damage_in(folder)
    assert "a360 catalog rebuild" in found.restore
    newest.unlink()
    rebuild_catalog(folder)
    assert damage_in(folder) == []
    with open_lake(folder) as opened:
        assert len(ids(opened)) == 100


@pytest.mark.parametrize("gone", ["audit/*.jsonl", "audit/checkpoints/*", "audit/**/*.*"])
def test_a_deleted_audit_log_is_damage(lake, gone):
    """Where checkpoints, or the policy on record, say that there was a log, it is missed."""
    folder, backup = lake
    lost = [each for each in folder.glob(gone) if each.is_file()]
    assert lost
    for path in lost:
        path.unlink()
    assert "audit" in {each.kind for each in damage_in(folder)}
    for path in lost:
        shutil.copy2(backup / path.relative_to(folder), path)
    assert damage_in(folder) == []


def test_a_folder_of_checkpoints_that_is_configured_and_gone_is_damage(lake, tmp_path, monkeypatch):
    """Checkpoints elsewhere vouch for the log: without them it is not called sound."""
    folder, _ = lake
    monkeypatch.setenv("A360_AUDIT_ANCHOR", str(tmp_path / "anchor"))
    assert [each.kind for each in damage_in(folder)] == ["audit"]


def test_a_lake_that_never_recorded_anything_misses_no_log(tmp_path):
    """Before the first record there is nothing to hold against anything."""
    assert damage_in(tmp_path / "new") == []
