"""Upkeep: nothing dangles, nothing is lost, and what nothing reaches is found."""

import datetime as dt
import os
from pathlib import Path

import pytest
from pyiceberg.manifest import ManifestContent

NAME = "silver.patient"
NOW = dt.timedelta(0)
LATER = dt.timedelta(minutes=1)


def rows(first, count=5, value="v"):
    return f"SELECT range AS id, '{value}' AS v FROM range({first}, {first + count})"


def delete_manifests(tables, name=NAME):
    table = tables.load(name)
    manifests = table.current_snapshot().manifests(table.io)
    return [each for each in manifests if each.content == ManifestContent.DELETES]


def ids(tables, **options):
    return sorted(tables.read(NAME, ["id"], **options).column("id").to_pylist())


@pytest.fixture
def patients(tables, keyed):
    modes = {"write.merge.mode": "merge-on-read", "write.delete.mode": "merge-on-read"}
    tables.create_table(NAME, keyed, properties=modes)
    return tables


@pytest.fixture
def worn(patients, stamp):
    """A table of many small files, with delete files."""
    for at in range(6):
        patients.append(NAME, rows(at * 10), stamp())
    patients.merge(NAME, rows(2), ["id"], stamp())
    patients.delete(NAME, "id >= 50", stamp())
    return patients


EXPECTED = sorted({*range(7), *range(10, 15), *range(20, 25), *range(30, 35), *range(40, 45)})


def test_a_rewrite_leaves_the_same_rows_in_few_files_without_deletes(worn):
    """After a rewrite no delete file is left, the rows are the same, and Iceberg calls it `replace`."""
    assert delete_manifests(worn)
    result = worn.rewrite(NAME)
    assert result.operation == "replace"
    assert delete_manifests(worn) == []
    assert worn.info(NAME).files <= 2
    assert ids(worn) == EXPECTED
    total = worn.snapshots(NAME)[0].summary
    assert (total["total-records"], total["total-delete-files"]) == (str(len(EXPECTED)), "0")


def test_a_fit_table_is_not_rewritten(worn):
    """Rewriting twice commits once."""
    worn.rewrite(NAME)
    before = worn.current_snapshot_id(NAME)
    assert worn.rewrite(NAME).snapshot_id is None
    assert worn.current_snapshot_id(NAME) == before
    assert [each for each in worn.collect(NAME, grace=NOW) if each.path.endswith("parquet")] == []


def test_a_replacement_leaves_no_dangling_deletes(worn, stamp):
    """Replaced rows take their delete files with them."""
    worn.replace(NAME, rows(100), stamp())
    assert delete_manifests(worn) == []
    assert worn.info(NAME).files == 1
    assert ids(worn) == list(range(100, 105))


def test_later_appends_keep_the_totals_right(worn, stamp):
    """Totals of the summary follow rewrites and appends, as readers that trust them expect."""
    worn.rewrite(NAME)
    worn.append(NAME, rows(200), stamp())
    total = worn.snapshots(NAME)[0].summary
    assert int(total["total-records"]) == len(EXPECTED) + 5 == worn.info(NAME).rows


def test_expiry_keeps_what_is_retained_and_deletes_the_rest(worn, stamp):
    """Snapshots asked to stay can be read after it; files that only others reached are gone."""
    worn.rewrite(NAME)
    worn.append(NAME, rows(300), stamp())
    kept = worn.snapshots(NAME)[:2]
    gone = worn.expire(NAME, dt.datetime.now(dt.UTC) + LATER, keep=2)
    assert gone
    assert not any(Path(path).exists() for path in gone)
    assert [each.snapshot_id for each in worn.snapshots(NAME)] == [each.snapshot_id for each in kept]
    assert ids(worn, snapshot_id=kept[1].snapshot_id) == EXPECTED
    assert ids(worn) == [*EXPECTED, *range(300, 305)]
    assert {Path(each.path).suffix for each in worn.collect(NAME, grace=NOW)} <= {".json"}


def test_expiry_spares_the_young_and_what_a_tag_names(worn):
    """Neither snapshots younger than the limit nor those with a name expire."""
    assert worn.expire(NAME, dt.datetime.now(dt.UTC) - dt.timedelta(days=1)) == []
    first = worn.snapshots(NAME)[-1].snapshot_id
    worn.load(NAME).manage_snapshots().create_tag(int(first), "audit").commit()
    worn.expire(NAME, dt.datetime.now(dt.UTC) + LATER)
    assert ids(worn, snapshot_id=first) == list(range(5))
    assert len(worn.snapshots(NAME)) == 1


def test_what_nothing_reaches_is_listed_before_it_is_deleted(worn):
    """Collection is dry unless told otherwise, spares the young, and touches nothing that is reached."""
    folder = Path(worn.load(NAME).location())
    stray = folder / "data" / "stray.parquet"
    stray.write_bytes(b"x")
    assert worn.collect(NAME) == []
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=2)
    os.utime(stray, (old.timestamp(), old.timestamp()))
    (found,) = worn.collect(NAME)
    assert (found.path, found.bytes) == (str(stray), 1)
    assert stray.exists()
    worn.collect(NAME, dry_run=False)
    assert not stray.exists()
    assert ids(worn) == EXPECTED


def test_a_dropped_table_leaves_its_files_unless_purged(worn, keyed):
    """Dropping takes the table from the catalog; purging takes its files as well."""
    folder = Path(worn.load(NAME).location())
    worn.drop(NAME)
    assert not worn.exists(NAME)
    assert any(path.is_file() for path in folder.rglob("*"))
    worn.create_table(NAME, keyed)
    worn.drop(NAME, purge=True)
    assert not any(path.is_file() for path in folder.rglob("*"))


def test_files_of_another_lake_are_out_of_reach(worn, stamp):
    """Reachability counts every snapshot that is retained, not the current one alone."""
    worn.replace(NAME, rows(900), stamp())
    lost = [each for each in worn.collect(NAME, grace=NOW) if not each.path.endswith("json")]
    assert lost == []
