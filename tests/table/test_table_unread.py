"""What is not what was committed, or never was, is read by no engine of ours; nothing else is refused."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyiceberg.manifest import DataFileContent

from a360.catalog import CatalogSession
from a360.engine.duckdb import DuckDBEngine
from a360.errors import DataError
from a360.table import Tables, verify_files

NAME = "silver.unread"
ALL_ROWS = f"SELECT id FROM {NAME} ORDER BY id"


@pytest.fixture
def table(tables, keyed, stamp):
    """Two snapshots, the second of which has deletes."""
    tables.create_table(NAME, keyed, properties={"write.delete.mode": "merge-on-read"})
    tables.append(NAME, "SELECT range AS id, 'v' AS v, 'x' AS clinic FROM range(4)", stamp())
    tables.delete(NAME, "id = 2", stamp())
    return NAME


@pytest.fixture
def anew(folder, profile):
    """The lake as another process finds it: it has looked at nothing yet."""
    engine = DuckDBEngine(folder / "tmp", memory_limit="512MB", threads=2)
    with CatalogSession.open(folder, profile=profile) as catalog, Tables(catalog, engine) as opened:
        yield opened


def files_of(tables, kind):
    """The files that the table's rows lie in now, or that lead to them, of one kind."""
    table = tables.load(NAME)
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io)
    entries = [each.data_file for manifest in manifests for each in manifest.fetch_manifest_entry(table.io)]
    found = {
        "data": [each.file_path for each in entries if each.content == DataFileContent.DATA],
        "delete": [each.file_path for each in entries if each.content != DataFileContent.DATA],
        "list": [snapshot.manifest_list],
        "manifest": [each.manifest_path for each in manifests],
    }[kind]
    return [Path(each.removeprefix("file://")) for each in found]


def recorded(tables):
    """What the ledger knows of data of the table."""
    found = {each.path for each in tables.catalog.recorded_files(tables.load(NAME).location())}
    return {each for each in found if each.endswith(".parquet")}


def refused(tables, *sql):
    """What reading the table ends with, by SQL and by PyIceberg."""
    told = []
    with pytest.raises(DataError, match="file-damaged") as by_engine:
        tables.session.sql(*sql or (ALL_ROWS,))
    told.append(by_engine.value)
    if not sql:
        with pytest.raises(DataError, match="file-damaged") as by_client:
            tables.read(NAME)
        told.append(by_client.value)
    return told


@pytest.mark.parametrize("kind", ["data", "delete", "list", "manifest"])
def test_no_file_is_read_that_the_ledger_does_not_have(tables, table, anew, kind):
    """A file that a table leads to, and of which no digest is known, is nobody's to vouch for."""
    path = files_of(tables, kind)[-1]
    tables.catalog.forget_files([str(path)])
    for error in refused(anew):
        assert error.found == "the ledger has no such file"
    told = [each.file for each in verify_files(anew.catalog).damage]
    assert path.name in {Path(each).name for each in told}


def test_the_past_is_not_read_where_the_ledger_does_not_have_it(tables, table, stamp, anew):
    """It stands in the way of who reads the past, and of nobody else."""
    then, files = tables.current_snapshot_id(table), files_of(tables, "delete")
    tables.replace(table, "SELECT 7 AS id, 'v' AS v, 'x' AS clinic", stamp())
    past = f"SELECT id FROM {NAME} AT (VERSION => {then})"
    assert anew.session.sql(past).num_rows == 3
    assert tables.session.sql(past).num_rows == 3
    with CatalogSession.open(anew.catalog.files.ledger.warehouse.parent) as catalog:
        catalog.forget_files(map(str, files))
        with Tables(catalog, anew.engine) as opened:
            assert opened.session.sql(ALL_ROWS)["id"].to_pylist() == [7]
            assert "the ledger has no such file" in refused(opened, past)[0].found


@pytest.mark.parametrize("kind", ["data", "delete", "manifest"])
def test_a_file_changed_after_it_was_looked_at_is_looked_at_again(tables, table, kind):
    """Even if size and time of modification are as they were: anybody can set those."""
    assert tables.session.sql(ALL_ROWS).num_rows == 3
    path = files_of(tables, kind)[-1]
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    for error in refused(tables):
        assert error.found == "its content is not what was committed"


def test_a_file_that_nothing_leads_to_stands_in_nobodys_way(tables, table, stamp, anew):
    """The ledger may know files of snapshots that were given up; that they are gone is no damage."""
    then = tables.current_snapshot_id(table)

    def refusing(_relation):
        raise DataError("rule-blocked", "The rows break a rule", where=NAME)

    known = recorded(tables)
    with pytest.raises(DataError, match="rule-blocked"):
        tables.replace(table, "SELECT 7 AS id, 'v' AS v, 'x' AS clinic", stamp(), audit=refusing)
    (given_up,) = recorded(tables) - known
    (tables.catalog.files.ledger.warehouse / given_up).unlink()
    assert anew.session.sql(f"SELECT id FROM {NAME} AT (VERSION => {then})").num_rows == 3
    assert verify_files(anew.catalog).damage == []


def test_what_is_committed_while_verify_reads_is_no_damage(tables, table, stamp):
    """Commits, rewrites and expiry beside it: what a table leads to by then, or no more, is sound."""
    done = []

    def meanwhile(*_told):
        done.append(tables.append(NAME, "SELECT 9 AS id, 'v' AS v, 'x' AS clinic", stamp()))
        tables.rewrite(NAME, stamp())
        tables.expire(NAME, datetime.now(UTC), keep=1)

    assert verify_files(tables.catalog, progress=meanwhile).damage == []
    assert done
