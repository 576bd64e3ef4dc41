"""Every kind of table: partitioned, sorted, of format 3, evolved, as the default contracts declare them."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import parse_transform
from pyiceberg.types import LongType, NestedField, StringType, TimestamptzType

from a360.contract import load_contracts, make_plan
from a360.errors import UsageError

CONTRACTS = Path(__file__).parents[2] / "contracts"
NAME = "silver.kind"
SCHEMA = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "clinic", StringType()),
    NestedField(3, "at", TimestamptzType()),
)


def spec(source_id, transform):
    return PartitionSpec(PartitionField(source_id, 1000, parse_transform(transform), "part"))


KINDS = {
    "plain": {},
    "by clinic": {"partition_spec": spec(2, "identity")},
    "by month": {"partition_spec": spec(3, "month")},
    "by bucket": {"partition_spec": spec(1, "bucket[3]")},
    "sorted": {"sort_order": SortOrder(SortField(source_id=2, transform=parse_transform("identity")))},
    "format 1": {"format_version": 1},
    "format 3": {"format_version": 3},
}


def rows(first, count, clinic="clinic"):
    return (
        f"SELECT range AS id, '{clinic}-' || (range % 3) AS clinic, "
        f"TIMESTAMPTZ '2026-01-31 23:30:00Z' + to_days((range * 10)::INTEGER) AS at "
        f"FROM range({first}, {first + count})"
    )


# Iceberg has no delete files in format 1, and the engine, which alone writes format 3, makes no other.
MODES = [
    (kind, mode)
    for kind in KINDS
    for mode in ("copy-on-write", "merge-on-read")
    if (kind, mode) not in {("format 1", "merge-on-read"), ("format 3", "copy-on-write")}
]


@pytest.mark.parametrize(("kind", "mode"), MODES)
def test_every_kind_of_table_takes_every_write(tables, stamp, kind, mode):
    """Append, merge, scoped merge, delete and replace give the same rows whatever the table is made like."""
    modes = {"write.merge.mode": mode, "write.delete.mode": mode}
    tables.create_table(NAME, SCHEMA, properties=modes, **KINDS[kind])
    tables.append(NAME, rows(0, 9), stamp())
    tables.merge(NAME, rows(6, 6, "merged"), ["id"], stamp())
    tables.merge(NAME, "SELECT 100 AS id, 'clinic-1' AS clinic", ["id"], stamp(), scope=["clinic"])
    tables.delete(NAME, "id IN (0, 11)", stamp())
    found = {row["id"]: row["clinic"] for row in tables.read(NAME).to_pylist()}
    assert found == {
        **{at: f"clinic-{at % 3}" for at in (2, 3, 5)},
        **{at: f"merged-{at % 3}" for at in (6, 7, 8, 9, 10)},
        100: "clinic-1",
    }
    assert tables.info(NAME).rows == len(found)
    if kind != "format 3":
        pruned = tables.load(NAME).scan(row_filter="clinic == 'clinic-2' and id < 6").to_arrow()
        assert sorted(pruned.column("id").to_pylist()) == [2, 5]
    tables.replace(NAME, rows(50, 2), stamp())
    assert sorted(tables.read(NAME, ["id"]).column("id").to_pylist()) == [50, 51]
    if kind != "format 3":
        assert sorted(tables.load(NAME).scan().to_arrow().column("id").to_pylist()) == [50, 51]


def test_what_cannot_be_done_to_format_3_is_refused(tables, stamp):
    """Staging, rewriting and an append of no rows need manifests that PyIceberg cannot write for it."""
    tables.create_table(NAME, SCHEMA, format_version=3)
    tables.append(NAME, rows(0, 3), stamp())
    tables.merge(NAME, rows(1, 3), ["id"], stamp())
    for act in (
        lambda: tables.stage(NAME, rows(0, 1)),
        lambda: tables.append(NAME, rows(0, 0), stamp()),
        lambda: tables.rewrite(NAME),
    ):
        with pytest.raises(UsageError) as error:
            act()
        assert "format version 3" in str(error.value)
    assert tables.read(NAME).num_rows == 4


@pytest.mark.parametrize("mode", ["copy-on-write", "merge-on-read"])
def test_a_table_that_evolved_takes_rows_of_its_new_form(tables, stamp, mode):
    """Columns that were added, renamed and dropped after the last commit do not confuse the next."""
    tables.create_table(NAME, SCHEMA, properties={"write.merge.mode": mode})
    tables.append(NAME, rows(0, 3), stamp())
    with tables.load(NAME).update_schema() as update:
        update.add_column("note", StringType())
        update.rename_column("clinic", "site")
        update.delete_column("at")
    tables.merge(NAME, "SELECT 2 AS id, 'new' AS note, 'south' AS site", ["id"], stamp())
    found = sorted(tables.read(NAME).to_pylist(), key=lambda row: row["id"])
    assert found == [
        {"id": 0, "site": "clinic-0", "note": None},
        {"id": 1, "site": "clinic-1", "note": None},
        {"id": 2, "site": "south", "note": "new"},
    ]


def test_the_tables_of_the_default_contracts_can_be_created(tables):
    """Each table of the default plan is created as declared, once, and found again."""
    plan = make_plan(load_contracts(CONTRACTS))
    for _ in range(2):
        for table in plan.tables:
            created = tables.create(table)
            assert [each.name for each in created.schema().fields] == list(table.column_names)
            assert [each.required for each in created.schema().fields] == [
                each.required for each in table.columns
            ]
            assert created.format_version == table.format_version
    assert tables.list() == sorted(table.dataset for table in plan.tables)
    assert tables.list("silver") == sorted(each.dataset for each in plan.tables if each.namespace == "silver")
    assert tables.list("nowhere") == []


def test_commits_are_recorded_once_a_run(tables, stamp):
    """`record` appends what was committed since, in one commit; commits to `ops` are not among it."""
    tables.create(make_plan(load_contracts(CONTRACTS)).table("ops.commit"))
    tables.create_table(NAME, SCHEMA)
    assert tables.record() is None
    first = tables.append(NAME, rows(0, 3), stamp(upstream={"a.b": "1"}, counts={"read": 3}))
    second = tables.merge(NAME, rows(2, 2), ["id"], stamp())
    tables.delete(NAME, "false", stamp())
    assert tables.record().added_rows == 2
    assert tables.record() is None
    recorded = sorted(tables.read("ops.commit").to_pylist(), key=lambda row: row["known_at"])
    assert [row["commit_id"] for row in recorded] == [first.commit_id, second.commit_id]
    assert recorded[0] | {"seconds": 0.0} == {
        "commit_id": first.commit_id,
        "dataset": NAME,
        "snapshot_id": first.snapshot_id,
        "parent_id": None,
        "operation": "append",
        "upstream": '{"a.b": "1"}',
        "counts": '{"read": 3}',
        "added_rows": 3,
        "deleted_rows": 0,
        "seconds": 0.0,
        "known_at": first.committed_at,
    }
    assert recorded[1]["parent_id"] == first.snapshot_id
    assert recorded[0]["known_at"].tzinfo is not None
    assert tables.rebuild_record() is None


def test_what_was_not_recorded_is_found_again(tables, stamp):
    """After a crash the record is rebuilt from snapshots, each commit once, also where some wait for it."""
    tables.create(make_plan(load_contracts(CONTRACTS)).table("ops.commit"))
    tables.create_table(NAME, SCHEMA)
    lost = tables.append(NAME, rows(0, 3), stamp())
    tables.recorded.clear()
    waiting = tables.append(NAME, rows(3, 3), stamp())
    assert tables.rebuild_record().added_rows == 1
    tables.record()
    recorded = tables.read("ops.commit", ["commit_id"]).column("commit_id").to_pylist()
    assert sorted(recorded) == sorted([lost.commit_id, waiting.commit_id])


def test_a_table_in_figures_counts_what_readers_see(tables, stamp):
    """Rows are those that readers see, also where delete files hide some."""
    tables.create_table(NAME, SCHEMA, properties={"write.merge.mode": "merge-on-read"})
    empty = tables.info(NAME)
    assert (empty.namespace, empty.name, empty.rows, empty.snapshot_id, empty.bytes, empty.files) == (
        "silver",
        "kind",
        0,
        None,
        0,
        0,
    )
    tables.append(NAME, rows(0, 100), stamp())
    tables.merge(NAME, rows(95, 10), ["id"], stamp())
    info = tables.info(NAME)
    assert info.rows == 105
    assert info.snapshot_id == tables.current_snapshot_id(NAME)
    folder = Path(tables.load(NAME).location()) / "data"
    assert info.bytes == sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def test_arrow_types_that_fit_are_taken_as_they_come(tables, stamp):
    """Dictionaries, large strings, string views and narrower integers fit without a cast by the caller."""
    tables.create_table(NAME, SCHEMA)
    clinics = pa.array(["north", "south"])
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        column = clinics.dictionary_encode() if pa.types.is_dictionary(kind) else clinics.cast(kind)
        at = pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 2, pa.timestamp("ms", "UTC"))
        data = pa.table({"id": pa.array([1, 2], pa.int16()), "clinic": column, "at": at})
        tables.merge(NAME, data, ["id"], stamp())
    assert tables.read(NAME, ["clinic"]).column("clinic").to_pylist() == ["north", "south"]
