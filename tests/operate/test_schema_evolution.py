"""Changes of contracts on a real lake: rows stay, old snapshots stay readable, two readers agree."""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.table import CommitTableResponse

from a360.catalog import CatalogSession, CommitStamp
from a360.contract import ColumnPlan, LakePlan, PartitionPlan, PolicyPlan, SortPlan, TablePlan
from a360.engine.duckdb import DuckDBEngine
from a360.errors import ConflictError, ContractError, OperatorError
from a360.operate import LakeSchema
from a360.table import Tables, new_commit_id

NAME = "silver.thing"
VERSION = "a360.contract-version"


def column(name, kind, number, *, required=False):
    return ColumnPlan(name, kind, required=required, field_id=number, sensitivity="phi")


ID = column("id", "long", 1, required=True)
COUNT = column("count", "int", 2)
COST = column("cost", "decimal(9,2)", 3)
AT = column("at", "timestamptz", 4)
CLINIC = column("clinic", "string", 5)
FIRST = TablePlan(
    "silver",
    "thing",
    (ID, COUNT, COST, AT, CLINIC),
    key=("id",),
    partition=(PartitionPlan("at", "month"),),
    sort=(SortPlan("clinic"),),
    properties={VERSION: "1.0.0"},
)
ROWS = [
    {"id": 1, "count": 7, "cost": Decimal("1.50"), "at": datetime(2026, 1, 5, tzinfo=UTC), "clinic": "north"},
    {
        "id": 2,
        "count": None,
        "cost": Decimal("-2.25"),
        "at": datetime(2026, 2, 5, tzinfo=UTC),
        "clinic": "south",
    },
]
LATER = {
    "id": 3,
    "count": 9,
    "cost": Decimal("3.00"),
    "at": datetime(2026, 2, 6, tzinfo=UTC),
    "clinic": "north",
}


def plan_of(*tables):
    """A plan of these tables and nothing else."""
    return LakePlan("little", "local", (), tables, (), PolicyPlan())


def with_columns(*columns, version="1.0.0", **more):
    """The table with other columns under a version."""
    return replace(FIRST, columns=columns, version=version, properties={VERSION: version}, **more)


@pytest.fixture(scope="module", params=[None, "glue"], ids=["embedded", "glue"])
def shared(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    engine = DuckDBEngine(folder / "tmp", memory_limit="512MB", threads=2)
    with CatalogSession.open(folder, profile=request.param) as catalog, Tables(catalog, engine) as tables:
        yield tables


@pytest.fixture
def tables(shared):
    """A table with two rows, made by the first contract."""
    LakeSchema(plan_of(FIRST), shared).apply()
    append(shared, ROWS)
    yield shared
    for name in shared.list():
        shared.drop(name, purge=True)


def append(tables, rows):
    """Add rows whose columns are those the table has now."""
    schema = tables.load(NAME).schema().as_arrow()
    tables.append(NAME, pa.Table.from_pylist(rows, schema=schema), CommitStamp(new_commit_id()))


def apply(tables, table):
    """Carry a change out; afterwards nothing is left to do."""
    [change] = LakeSchema(plan_of(table), tables).apply()
    assert [each.action for each in LakeSchema(plan_of(table), tables).changes()] == ["nothing"]
    return change


def duck(tables, snapshot=None):
    """The rows as DuckDB reads them."""
    return sorted(tables.read(NAME, snapshot_id=snapshot).to_pylist(), key=lambda row: row["id"])


def iceberg(tables, snapshot=None):
    """The rows as PyIceberg reads them."""
    scan = tables.load(NAME).scan(snapshot_id=int(snapshot) if snapshot else None)
    return sorted(scan.to_arrow().to_pylist(), key=lambda row: row["id"])


NOTE = column("note", "string", 6)
WIDE = (ID, replace(COUNT, type="long"), replace(COST, type="decimal(18,2)"), AT, CLINIC)
LOOSE = replace(ID, required=False)
# name → the changed table, what it makes of a row, and a row that only fits the new table
CHANGES = {
    "add": (with_columns(*FIRST.columns, NOTE), lambda row: {**row, "note": None}, {**LATER, "note": "x"}),
    "rename": (
        with_columns(ID, replace(COUNT, name="number"), COST, AT, CLINIC, version="2.0.0"),
        lambda row: {("number" if name == "count" else name): value for name, value in row.items()},
        {"number" if name == "count" else name: value for name, value in LATER.items()},
    ),
    "widen": (with_columns(*WIDE), dict, {**LATER, "count": 2**40, "cost": Decimal("12345678901234.25")}),
    "drop": (
        with_columns(ID, COST, AT, CLINIC, version="2.0.0"),
        lambda row: {name: value for name, value in row.items() if name != "count"},
        {name: value for name, value in LATER.items() if name != "count"},
    ),
    "reorder": (with_columns(CLINIC, AT, COST, COUNT, ID), dict, LATER),
    "relax": (with_columns(LOOSE, COUNT, COST, AT, CLINIC, version="2.0.0", key=()), dict, LATER),
    "repartition": (
        replace(FIRST, partition=(PartitionPlan("clinic"), PartitionPlan("at", "day"))),
        dict,
        LATER,
    ),
    "unpartition": (replace(FIRST, partition=()), dict, LATER),
    "sort": (replace(FIRST, sort=(SortPlan("at", descending=True),)), dict, LATER),
    "unsort": (replace(FIRST, sort=()), dict, LATER),
    "property": (
        replace(FIRST, properties={**FIRST.properties, "write.target-file-size-bytes": "1000000"}),
        dict,
        LATER,
    ),
    "all at once": (
        with_columns(
            replace(CLINIC, name="site"),
            ID,
            replace(COST, type="decimal(12,2)"),
            AT,
            NOTE,
            version="2.0.0",
            partition=(PartitionPlan("site", "truncate", 2),),
            sort=(),
        ),
        lambda row: {
            "site": row["clinic"], "id": row["id"], "cost": row["cost"], "at": row["at"], "note": None,
        },
        {"site": "west", "id": 3, "cost": Decimal("1234567890.25"), "at": LATER["at"], "note": "x"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_rows_outlive_a_change_and_two_readers_agree(tables, name):
    """Old rows keep their values, new rows land, old snapshots read as written, for DuckDB and PyIceberg."""
    changed, expected, new = CHANGES[name]
    before = tables.current_snapshot_id(NAME)
    assert apply(tables, changed).action == "evolve"
    was = [expected(row) for row in ROWS]
    assert duck(tables) == iceberg(tables) == was
    append(tables, [new])
    assert duck(tables) == iceberg(tables) == [*was, new]
    assert duck(tables, before) == iceberg(tables, before)
    assert {row["id"] for row in duck(tables, before)} == {1, 2}
    assert iceberg(tables, before) == ROWS


def test_partitioning_there_and_back_uses_what_is_there(tables):
    """A layout that comes back is the old one, ids included, and rows of each layout are read."""
    other = replace(FIRST, partition=(PartitionPlan("clinic"),))
    first = tables.load(NAME).spec()
    apply(tables, other)
    append(tables, [LATER])
    apply(tables, FIRST)
    assert tables.load(NAME).spec() == first
    append(tables, [{**LATER, "id": 4}])
    assert [row["id"] for row in duck(tables)] == [row["id"] for row in iceberg(tables)] == [1, 2, 3, 4]


def test_rows_are_merged_and_deleted_across_layouts(tables):
    """A merge finds the rows of files that lie by an older layout and an older schema."""
    changed = with_columns(*WIDE, NOTE, partition=(PartitionPlan("clinic"),))
    apply(tables, changed)
    row = {**LATER, "id": 1, "note": "new"}
    schema = tables.load(NAME).schema().as_arrow()
    rows = pa.Table.from_pylist([row], schema=schema)
    tables.merge(NAME, rows, ["id"], CommitStamp(new_commit_id()))
    assert duck(tables) == iceberg(tables) == [row, {**ROWS[1], "note": None}]
    tables.delete(NAME, "id = 2", CommitStamp(new_commit_id()))
    assert duck(tables) == iceberg(tables) == [row]


def test_a_column_is_required_once_it_holds_no_null(tables):
    """Nulls that are there are counted and refuse the change; without them it is made, and stays made."""
    wanted = with_columns(ID, replace(COUNT, required=True), COST, AT, CLINIC)
    with pytest.raises(ContractError) as refused:
        LakeSchema(plan_of(wanted), tables).apply()
    assert "count holds 1 null(s) and would become required" in refused.value.found
    before = tables.current_snapshot_id(NAME)
    tables.delete(NAME, "count IS NULL", CommitStamp(new_commit_id()))
    assert apply(tables, wanted).findings[0].kind == "require"
    assert duck(tables) == iceberg(tables) == ROWS[:1]
    assert iceberg(tables, before) == ROWS


def test_a_writer_in_between_stops_only_what_rests_on_the_rows(tables):
    """A rename lands beside an append; that a column holds no null must still be true when it is required."""
    tables.delete(NAME, "count IS NULL", CommitStamp(new_commit_id()))
    renamed = CHANGES["rename"][0]
    required = with_columns(ID, replace(COUNT, required=True), COST, AT, CLINIC)
    for changed, lands in ((required, False), (renamed, True)):
        schema, looked_at = LakeSchema(plan_of(changed), tables), tables.load(NAME)
        append(tables, [{**LATER, "count": None}])
        with contextlib.nullcontext() if lands else pytest.raises(ConflictError):
            schema._evolve(changed, looked_at)
    assert "number" in duck(tables)[0]


def test_an_upgrade_of_the_format_keeps_the_rows(shared):
    """A table of format 3 reads as before; engines that cannot write it are not our concern here."""
    LakeSchema(plan_of(FIRST), shared).apply()
    append(shared, ROWS)
    changed = replace(FIRST, format_version=3, version="2.0.0", properties={VERSION: "2.0.0"})
    try:
        assert apply(shared, changed).action == "evolve"
        assert shared.load(NAME).metadata.format_version == 3
        assert duck(shared) == ROWS
    finally:
        shared.drop(NAME, purge=True)


def test_a_table_without_rows_takes_any_form(shared):
    """Where nothing was ever committed nothing can be lost: numbers, types, key and layout are set anew."""
    LakeSchema(plan_of(FIRST), shared).apply()
    other = with_columns(
        replace(CLINIC, field_id=9, required=True),
        replace(ID, type="string", field_id=4),
        replace(AT, field_id=2),
        key=("clinic",),
        partition=(PartitionPlan("at", "day"),),
        sort=(SortPlan("clinic"),),
    )
    try:
        apply(shared, other)
        table = shared.load(NAME)
        assert [field.field_id for field in table.schema().fields] == [9, 4, 2]
        assert [field.source_id for field in table.spec().fields] == [2]
        rows = [{"clinic": "north", "id": "1", "at": LATER["at"]}]
        append(shared, rows)
        assert duck(shared) == iceberg(shared) == rows
    finally:
        shared.drop(NAME, purge=True)


def test_a_catalog_that_numbers_columns_anew_is_told(shared, monkeypatch):
    """Where a catalog takes the columns' numbers and does not keep them, nothing is written by mistake."""
    LakeSchema(plan_of(FIRST), shared).apply()
    client = shared.catalog.client()

    def commit(table, requirements, updates):
        return CommitTableResponse(metadata=table.metadata, metadata_location=table.metadata_location)

    monkeypatch.setattr(client, "commit_table", commit)
    monkeypatch.setattr(shared.catalog, "client", lambda: client)
    other = with_columns(replace(ID, field_id=8), COUNT, COST, AT, replace(CLINIC, field_id=9))
    with pytest.raises(OperatorError) as raised:
        LakeSchema(plan_of(other), shared).apply()
    assert raised.value.code.slug == "catalog-unfaithful"
    shared.drop(NAME, purge=True)


def test_a_broken_promise_needs_a_major_version_and_a_version_never_falls(tables):
    """What breaks readers is refused under the same major version; an older contract is refused at all."""
    dropped = with_columns(ID, COST, AT, CLINIC, version="1.9.0")
    with pytest.raises(ContractError) as refused:
        LakeSchema(plan_of(dropped), tables).apply()
    assert "write version: 2.0.0" in refused.value.found
    apply(tables, with_columns(ID, COST, AT, CLINIC, version="2.0.0"))
    with pytest.raises(ContractError) as refused:
        LakeSchema(plan_of(with_columns(ID, COST, AT, CLINIC, version="1.9.0")), tables).apply()
    assert "carries out version 2.0.0 already" in refused.value.found


KILLED = """
import sys
sys.path.insert(0, {here!r})
from pathlib import Path
import test_schema_evolution as t
folder = Path({folder!r})
engine = t.DuckDBEngine(folder / "tmp", memory_limit="512MB", threads=2)
with t.CatalogSession.open(folder) as catalog, t.Tables(catalog, engine) as tables:
    t.LakeSchema(t.plan_of(*t.several()), tables).apply()
"""


def several():
    """A changed table, a new one whose columns are not numbered from 1, and one more changed table."""
    changed = CHANGES["all at once"][0]
    new = replace(
        with_columns(replace(AT, field_id=7), replace(ID, field_id=3)),
        name="fresh",
        partition=(PartitionPlan("at", "day"),),
        sort=(),
    )
    return changed, new, replace(changed, name="other")


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["evolve=kill@1", "evolve=kill@2", "create=kill", "created=kill"])
def test_apply_that_was_killed_is_finished_by_the_next(tmp_path, fault):
    """Wherever apply dies, rows are whole, and running it again brings every table to its contract."""
    engine = DuckDBEngine(tmp_path / "tmp", memory_limit="512MB", threads=2)
    with CatalogSession.open(tmp_path) as catalog, Tables(catalog, engine) as tables:
        LakeSchema(plan_of(FIRST, replace(FIRST, name="other")), tables).apply()
        append(tables, ROWS)
    script = KILLED.format(here=str(Path(__file__).parent), folder=str(tmp_path))
    killed = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "A360_FAILPOINTS": f"operate.apply.{fault}"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    with CatalogSession.open(tmp_path) as catalog, Tables(catalog, engine) as tables:
        assert [row["id"] for row in duck(tables)] == [row["id"] for row in iceberg(tables)] == [1, 2]
        schema = LakeSchema(plan_of(*several()), tables)
        schema.apply()
        assert {each.action for each in schema.changes()} == {"nothing"}
        assert duck(tables) == iceberg(tables) == [CHANGES["all at once"][1](row) for row in ROWS]
        fresh = tables.load("silver.fresh")
        assert [field.field_id for field in fresh.schema().fields] == [7, 3]
        assert [field.source_id for field in fresh.spec().fields] == [7]
