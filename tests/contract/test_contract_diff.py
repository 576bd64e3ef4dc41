"""The difference between plan and lake: what evolves keeps every value, what would lose one is refused."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.exceptions import ResolveError
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema, promote
from pyiceberg.table.metadata import new_table_metadata
from pyiceberg.table.sorting import SortOrder

from a360.contract import (
    ActualColumn,
    ActualTable,
    ColumnPlan,
    PartitionPlan,
    SortPlan,
    TablePlan,
    actual_table,
    diff,
    diff_table,
    iceberg_partition_spec,
    iceberg_schema,
    iceberg_sort_order,
    make_plan,
)
from a360.contract._types import LOGICAL_TYPES, iceberg_type, parse_type, physical_type, widens

ID, NAME, AMOUNT, AT = (
    ColumnPlan("id", "int", required=True, field_id=1, sensitivity="phi"),
    ColumnPlan("name", "string", required=False, field_id=2, sensitivity="phi", doc="What it is called."),
    ColumnPlan("amount", "decimal(9,2)", required=True, field_id=3, sensitivity="phi"),
    ColumnPlan("at", "timestamptz", required=False, field_id=4, sensitivity="phi"),
)
TABLE = TablePlan(
    "silver",
    "thing",
    (ID, NAME, AMOUNT, AT),
    partition=(PartitionPlan("at", "day"), PartitionPlan("name", "bucket", 8), PartitionPlan("id")),
    sort=(SortPlan("name"), SortPlan("at", descending=True)),
    properties={"write.format.default": "parquet"},
)


def lake(table: TablePlan, version: int | None = None) -> ActualTable:
    """The table as Iceberg's own library keeps it after a create."""
    metadata = new_table_metadata(
        schema=Schema.model_validate(iceberg_schema(table)),
        partition_spec=PartitionSpec.model_validate(iceberg_partition_spec(table)),
        sort_order=SortOrder.model_validate(iceberg_sort_order(table)),
        location="memory:thing",
        properties={**table.properties, "format-version": str(version or table.format_version), "mine": "1"},
    )
    return replace(actual_table(metadata.model_dump(by_alias=True, mode="json")), empty=False)


def changed(column: ColumnPlan, **changes: object) -> TablePlan:
    """The table with one column changed."""
    columns = tuple(replace(c, **changes) if c == column else c for c in TABLE.columns)
    return replace(TABLE, columns=columns)


NEW = ColumnPlan("note", "string", required=False, field_id=5, sensitivity="phi")

EVOLVE = {
    "add name": (replace(TABLE, columns=(*TABLE.columns, NEW)), "add note string"),
    "int to long": (changed(ID, type="long"), "widen id from int to long"),
    "decimal": (changed(AMOUNT, type="decimal(12,2)"), "widen amount"),
    "doc": (changed(NAME, doc="Its name."), "describe name anew"),
    "optional": (changed(AMOUNT, required=False), "let amount be null"),
    "rename": (changed(AMOUNT, name="price"), "rename amount to price"),
    "reorder": (replace(TABLE, columns=(NAME, ID, AMOUNT, AT)), "another order"),
    "property": (
        replace(TABLE, properties={"write.format.default": "orc"}),
        "set write.format.default to orc",
    ),
    "sort": (replace(TABLE, sort=()), "sort what is written from now on no more"),
    "format": (replace(TABLE, format_version=3), "raise the format from 2 to 3"),
    "drop": (replace(TABLE, columns=(ID, NAME, AT)), "drop amount"),
    "partition": (replace(TABLE, partition=TABLE.partition[:2]), "from now on by day(at), bucket(8, name)"),
    "bucket": (replace(TABLE, partition=(PartitionPlan("name", "bucket", 9),)), "by bucket(9, name)"),
    "unpartitioned": (replace(TABLE, partition=()), "partition no more"),
}
REFUSE = {
    "narrow": (changed(ID, type="double"), "id would change from int to double"),
    "decimal scale": (changed(AMOUNT, type="decimal(12,3)"), "amount would change"),
    "decimal narrow": (changed(AMOUNT, type="decimal(8,2)"), "amount would change"),
    "new required": (replace(TABLE, columns=(*TABLE.columns, replace(NEW, required=True))), "is new and"),
    "required": (changed(NAME, required=True), "name may hold nulls"),
    "id": (changed(AMOUNT, field_id=9), "amount has the field id 3 in the table and 9"),
}  # fmt: skip


def test_a_table_as_planned_needs_nothing():
    """What Iceberg keeps of a plan is the plan; properties of others do not matter."""
    assert diff_table(TABLE, lake(TABLE)).action == "nothing"


def test_a_table_that_is_missing_is_created():
    """A table of the plan that the lake lacks is created."""
    change = diff_table(TABLE, None)
    assert (change.table, change.action) == ("silver.thing", "create")


@pytest.mark.parametrize("name", EVOLVE)
def test_what_loses_nothing_evolves(name):
    """A change that keeps every value and every reader evolves the table, and says so."""
    table, detail = EVOLVE[name]
    change = diff_table(table, lake(TABLE))
    assert change.action == "evolve"
    assert any(detail in text for text in change.details)
    assert change.reasons == ()


@pytest.mark.parametrize("name", REFUSE)
def test_what_would_lose_something_is_refused(name):
    """A change that would lose values or mislead readers is refused with a reason."""
    table, reason = REFUSE[name]
    change = diff_table(table, lake(TABLE))
    assert change.action == "refuse"
    assert any(reason in text for text in change.reasons)


def test_float_widens_to_double_and_format_never_falls():
    """A column another engine made as float may become double; a format version never falls."""
    actual = lake(changed(NAME, type="double"), version=3)
    columns = tuple(replace(c, type="float") if c.name == "name" else c for c in actual.columns)
    change = diff_table(changed(NAME, type="double"), replace(actual, columns=columns))
    assert any("widen name from float to double" in text for text in change.details)
    assert any("the format would fall from 3 to 2" in text for text in change.reasons)


def test_renaming_a_partition_column_is_a_rename_only():
    """Partitioning and sort order follow a column that is renamed."""
    renamed = replace(
        changed(NAME, name="label"),
        partition=(TABLE.partition[0], PartitionPlan("label", "bucket", 8), TABLE.partition[2]),
        sort=(SortPlan("label"), TABLE.sort[1]),
    )
    change = diff_table(renamed, lake(TABLE))
    assert (change.action, change.details) == ("evolve", ("rename name to label",))


def test_a_whole_plan_is_compared_in_its_order(small_lake):
    """Every table of a plan gets one change; a lake made of the plan needs none; other tables are let be."""
    plan = make_plan(small_lake.load())
    assert {change.action for change in diff(plan, {})} == {"create"}
    there = {table.dataset: lake(table) for table in plan.tables}
    there["silver.foreign"] = lake(TABLE)
    changes = diff(plan, there)
    assert [change.table for change in changes] == [table.dataset for table in plan.tables]
    assert {change.action for change in changes} == {"nothing"}


TYPES = st.sampled_from([name for name in LOGICAL_TYPES if name != "decimal"]) | st.tuples(
    st.integers(1, 38), st.integers(0, 38)
).filter(lambda pair: pair[1] <= pair[0]).map(lambda pair: f"decimal({pair[0]},{pair[1]})")
COLUMNS = st.lists(
    st.tuples(TYPES, st.booleans(), st.sampled_from(["", "Said."])), min_size=1, max_size=5
).map(
    lambda parts: tuple(
        ColumnPlan(f"c{number}", type_, required=required, field_id=number, sensitivity="phi", doc=doc)
        for number, (type_, required, doc) in enumerate(parts, start=1)
    )
)


@settings(deadline=None)
@given(COLUMNS)
def test_every_schema_is_one_that_iceberg_reads_back(columns):
    """Iceberg's own library takes each schema, keeps its field ids, and gives the same plan back."""
    table = TablePlan("silver", "thing", columns)
    schema = Schema.model_validate(iceberg_schema(table))
    assert [field.field_id for field in schema.fields] == [column.field_id for column in columns]
    assert [field.required for field in schema.fields] == [column.required for column in columns]
    assert diff_table(table, lake(table)).action == "nothing"


@settings(deadline=None)
@given(TYPES, TYPES)
def test_widening_is_what_iceberg_calls_promotion(old, new):
    """A type widens to another where, and only where, Iceberg's own library promotes it."""
    first = ColumnPlan("c", old, required=False, field_id=1, sensitivity="phi")
    fields = [
        Schema.model_validate(iceberg_schema(TablePlan("silver", "t", (column,)))).fields[0].field_type
        for column in (first, replace(first, type=new))
    ]
    # The library reads strings as binary and back, which changes what values mean, and does not compare
    # the scales of decimals, which the specification says must be equal.
    before, after = physical_type(old), physical_type(new)
    lenient = {old, new} == {"string", "binary"} or before.scale != after.scale
    try:
        promoted = promote(*fields) == fields[1] and fields[0] != fields[1] and not lenient
    except ResolveError:
        promoted = False
    assert widens(old, new) == promoted


@settings(deadline=None)
@given(st.text(max_size=20) | TYPES)
def test_types_are_read_in_both_spellings(text):
    """A physical type is read back from the contract's spelling and from Iceberg's."""
    parsed = parse_type(text)
    if parsed is not None:
        assert parse_type(str(parsed)) == parsed
        assert parse_type(iceberg_type(text)) == parsed


def test_metadata_of_format_one_is_read():
    """The single schema and spec of old metadata are understood, nested types by their kind."""
    metadata = {
        "format-version": 1,
        "schema": {
            "type": "struct",
            "fields": [
                {"id": 1, "name": "a", "required": False, "type": {"type": "list", "element": "int"}},
                {"id": 2, "name": "b", "required": False, "type": "date"},
            ],
        },
        "partition-spec": [{"source-id": 2, "field-id": 1000, "name": "b_year", "transform": "year"}],
    }
    actual = actual_table(metadata)
    assert actual.columns[0] == ActualColumn("a", "list", required=False, field_id=1)
    assert actual.partition == (PartitionPlan("b", "year"),)
    assert (actual.sort, actual.format_version) == ((), 1)
