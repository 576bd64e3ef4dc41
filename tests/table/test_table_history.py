"""The past of a table: its snapshots, its commits, and what came after a snapshot."""

import datetime as dt

import pyarrow as pa
import pytest

from a360.catalog import serve_catalog
from a360.errors import UsageError

NAME = "silver.patient"
LATER = dt.timedelta(minutes=1)


def rows(first, count=3):
    return f"SELECT range AS id, 'v' AS v FROM range({first}, {first + count})"


@pytest.fixture
def patients(tables, keyed):
    tables.create_table(NAME, keyed, properties={"write.merge.mode": "merge-on-read"})
    return tables


def test_commits_after_a_snapshot_are_told_in_order(patients, stamp):
    """From any snapshot of the history, what came later is told, oldest first."""
    done = [patients.append(NAME, rows(at * 10), stamp()) for at in range(4)]
    ids = [each.commit_id for each in done]
    for at, each in enumerate(done):
        assert patients.commits_since(NAME, each.snapshot_id) == ids[at + 1 :]
    assert patients.commits_since(NAME, None) == ids


def test_a_commit_of_several_snapshots_is_one_commit(patients, stamp):
    """A merge by the engine makes two snapshots, which count as the one commit they are."""
    patients.append(NAME, rows(0, 1_000), stamp())
    merged = patients.merge(NAME, rows(999), ["id"], stamp())
    assert len(patients.snapshots(NAME)) == 3
    assert patients.commits_since(NAME, patients.snapshots(NAME)[-1].snapshot_id) == [merged.commit_id]
    last = patients.commits(NAME)[-1]
    assert (last.commit_id, last.added_rows, last.deleted_rows) == (merged.commit_id, 3, 1)
    assert last.snapshot_id == patients.snapshots(NAME)[0].snapshot_id


def test_a_snapshot_that_is_no_ancestor_has_no_answer(patients, stamp):
    """A snapshot that was never there, or that has expired, gives None: the reader must start anew."""
    first = patients.append(NAME, rows(0), stamp()).snapshot_id
    patients.append(NAME, rows(10), stamp())
    assert patients.commits_since(NAME, "123") is None
    patients.expire(NAME, dt.datetime.now(dt.UTC) + LATER)
    assert patients.commits_since(NAME, first) is None


def test_keeping_the_same_rows_in_other_files_is_no_news(patients, stamp):
    """A rewrite does not count among the commits after a snapshot: no row changed."""
    patients.append(NAME, rows(0, 500), stamp())
    base = patients.merge(NAME, rows(0), ["id"], stamp()).snapshot_id
    assert patients.rewrite(NAME).operation == "replace"
    assert patients.commits_since(NAME, base) == []


def test_a_strangers_commit_without_an_id_leaves_no_answer(patients, stamp, catalog, folder):
    """Rows that came in past the gateway belong to no commit that could be named."""
    base = patients.append(NAME, rows(0), stamp()).snapshot_id
    with serve_catalog(folder) as endpoint:
        table = catalog.client(endpoint).load_table(NAME)
        fields = [pa.field("id", pa.int64(), nullable=False), pa.field("v", pa.string())]
        table.append(pa.table({"id": [77], "v": ["x"]}, schema=pa.schema(fields)))
    assert patients.commits_since(NAME, base) is None
    assert patients.snapshots(NAME)[0].commit_id is None
    assert patients.read(NAME, where="id = 77").num_rows == 1


def test_a_stranger_behind_the_gateway_is_given_an_id(patients, stamp, catalog):
    """PyIceberg's own append through the gateway is a commit like any other."""
    base = patients.append(NAME, rows(0), stamp()).snapshot_id
    fields = [pa.field("id", pa.int64(), nullable=False), pa.field("v", pa.string())]
    catalog.client().load_table(NAME).append(pa.table({"id": [77], "v": ["x"]}, schema=pa.schema(fields)))
    assert len(patients.commits_since(NAME, base)) == 1
    patients.merge(NAME, rows(76), ["id"], stamp())
    assert patients.read(NAME).num_rows == 6


def test_the_past_can_be_read(patients, stamp):
    """A snapshot that is retained reads as it was; one that is not is refused by name."""
    first = patients.append(NAME, rows(0), stamp()).snapshot_id
    patients.merge(NAME, rows(1), ["id"], stamp())
    patients.delete(NAME, "id = 0", stamp())
    assert sorted(patients.read(NAME, ["id"], snapshot_id=first).column("id").to_pylist()) == [0, 1, 2]
    assert patients.read(NAME, ["id"], "id >= 2").num_rows == 2
    with pytest.raises(UsageError) as error:
        patients.read(NAME, snapshot_id="1; DROP TABLE x")
    assert error.value.code.slug == "unknown-table"


def test_a_table_without_snapshots_reads_as_empty(patients):
    """Before the first commit there are columns and no rows."""
    found = patients.read(NAME)
    assert (found.num_rows, found.column_names) == (0, ["id", "v", "clinic"])
    assert patients.snapshots(NAME) == []
    assert patients.current_snapshot_id(NAME) is None


@pytest.mark.parametrize(
    ("change", "grew"),
    [
        (lambda tables, stamp: tables.append(NAME, rows(50), stamp()), True),
        (lambda tables, stamp: tables.merge(NAME, rows(50), ["id"], stamp()), True),
        (lambda tables, stamp: tables.merge(NAME, rows(2), ["id"], stamp()), False),
        (lambda tables, stamp: tables.delete(NAME, "id = 1", stamp()), False),
        (lambda tables, stamp: tables.replace(NAME, rows(0, 9), stamp()), False),
    ],
    ids=["append", "merge of new keys", "merge of known keys", "delete", "replace"],
)
def test_a_table_only_grew_where_no_row_can_have_gone(patients, stamp, change, grew):
    """Rows that come leave those of an older snapshot where they are; whatever takes one away is seen."""
    patients.append(NAME, rows(0), stamp())
    since = patients.append(NAME, rows(10), stamp()).snapshot_id
    assert patients.only_grew(NAME, since)
    change(patients, stamp)
    assert patients.only_grew(NAME, since) == grew
    patients.append(NAME, rows(90), stamp())
    assert patients.only_grew(NAME, since) == grew
    assert not patients.only_grew(NAME, "1")
