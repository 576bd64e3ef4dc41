"""Staging: what is written is what Iceberg's other readers read, and what does not fit is refused whole."""

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.conversions import from_bytes
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import parse_transform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

from a360.engine.duckdb import DuckDBEngine
from a360.errors import DataError, UsageError

UTC = dt.UTC
FIELDS = [
    ("i", IntegerType(), pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    ("n", LongType(), pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    ("t", StringType(), pa.string(), st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)),
    ("b", BooleanType(), pa.bool_(), st.booleans()),
    ("x", DoubleType(), pa.float64(), st.floats(allow_nan=True)),
    ("small", DecimalType(4, 2), pa.decimal128(4, 2), st.decimals("-99.99", "99.99", places=2)),
    ("money", DecimalType(18, 4), pa.decimal128(18, 4), st.decimals(-(10**13), 10**13, places=4)),
    ("wide", DecimalType(38, 6), pa.decimal128(38, 6), st.decimals(-(10**20), 10**20, places=6)),
    ("day", DateType(), pa.date32(), st.dates(dt.date(1600, 1, 1), dt.date(2400, 1, 1))),
    ("at", TimestamptzType(), pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
    ("raw", BinaryType(), pa.binary(), st.binary(max_size=40)),
]
ALL_TYPES = Schema(*(NestedField(at, name, kind) for at, (name, kind, _, _) in enumerate(FIELDS, 1)))
ARROW = pa.schema([(name, kind) for name, _, kind, _ in FIELDS])
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, _, _, values in FIELDS}), max_size=30
)


def commit(table, staged):
    """Commit staged files with PyIceberg's own producer, as a peer would."""
    with table.transaction() as transaction, transaction.update_snapshot().fast_append() as append:
        for each in staged:
            append.append_data_file(each.data_file)


def same(found, expected):
    """Equality of rows in which NaN equals itself."""
    return sorted(map(repr, found)) == sorted(map(repr, expected))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS)
def test_every_type_comes_back_through_another_reader(session, catalog, new_table, rows):
    """PyIceberg reads exactly the rows that DuckDB staged, for every physical type and any nulls."""
    name = "silver.all_types"
    if catalog.client().table_exists(name):
        catalog.client().drop_table(name)
    table = new_table(name, ALL_TYPES)
    data = pa.Table.from_pylist(rows, schema=ARROW)
    session.register("given", data)
    staged = session.stage("SELECT * FROM given", table)
    assert sum(each.rows for each in staged) == len(rows)
    commit(table, staged)
    assert same(table.scan().to_arrow().select(ARROW.names).to_pylist(), data.to_pylist())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS.filter(bool))
def test_bounds_hold_every_value_and_counts_are_exact(session, catalog, rows, new_table):
    """No value lies outside the bounds a manifest states, and null counts are those of the rows."""
    name = "silver.bounds"
    table = catalog.client().load_table(name) if catalog.client().table_exists(name) else None
    table = table or new_table(name, ALL_TYPES)
    session.register("given", pa.Table.from_pylist(rows, schema=ARROW))
    for staged in session.stage("SELECT * FROM given", table):
        entry = staged.data_file
        assert entry.file_size_in_bytes == Path(staged.path).stat().st_size
        assert entry.record_count == len(rows)
        for field in table.schema().fields:
            values = [row[field.name] for row in rows if row[field.name] is not None]
            assert entry.null_value_counts[field.field_id] == len(rows) - len(values)
            if field.field_id in entry.lower_bounds and field.name in {
                "i",
                "n",
                "small",
                "money",
                "wide",
                "x",
            }:
                low = from_bytes(field.field_type, entry.lower_bounds[field.field_id])
                high = from_bytes(field.field_type, entry.upper_bounds[field.field_id])
                assert all(low <= value <= high for value in values)


def test_a_row_group_without_bounds_takes_the_files_bounds_away(session, new_table):
    """Where a NaN hides the bounds of one row group, the file states none: readers must not skip its rows."""
    table = new_table("silver.measured", Schema(NestedField(1, "v", DoubleType())))
    session.execute(
        "CREATE TEMP TABLE v AS SELECT CASE WHEN range = 5 THEN 'nan'::DOUBLE WHEN range < 130_000 THEN 1e9 "
        "ELSE 1.0 END AS v FROM range(300_000)"
    )
    staged = session.stage("SELECT * FROM v", table)
    assert sum(each.rows for each in staged) == 300_000
    commit(table, staged)
    assert table.scan(row_filter="v > 100.0").to_arrow().num_rows in {129_999, 130_000}


def test_files_carry_the_tables_field_ids_also_inside_nested_types(session, new_table):
    """Parquet columns are known by field id, so that a rename later finds them."""
    nested = StructType(NestedField(3, "code", StringType()), NestedField(4, "rank", LongType()))
    schema = Schema(
        NestedField(1, "codings", ListType(2, nested)), NestedField(5, 'odd "name", it\'s', StringType())
    )
    table = new_table("silver.nested", schema)
    codings = "[{'code': 'a', 'rank': 1}] AS codings"
    session.execute(f"""CREATE TEMP TABLE n AS SELECT {codings}, 'x' AS "odd ""name"", it's" """)
    staged = session.stage("SELECT * FROM n", table)
    commit(table, staged)
    assert table.scan().to_arrow().to_pylist() == [
        {"codings": [{"code": "a", "rank": 1}], 'odd "name", it\'s': "x"}
    ]
    ids = {int(column.metadata[b"PARQUET:field_id"]) for column in pq.read_schema(staged[0].path)}
    assert ids == {table.schema().find_field("codings").field_id, table.schema().fields[1].field_id}


def test_columns_are_matched_by_name_and_missing_ones_are_null(session, new_table):
    """Order does not matter; an optional column that the query lacks is null."""
    schema = Schema(
        NestedField(1, "a", LongType()), NestedField(2, "b", StringType()), NestedField(3, "c", DateType())
    )
    table = new_table("silver.ordered", schema)
    commit(table, session.stage("SELECT 'x' AS b, 1::TINYINT AS a", table))
    commit(table, session.stage("SELECT NULL AS c, 2::HUGEINT AS a", table))
    rows = sorted(table.scan().to_arrow().to_pylist(), key=lambda row: row["a"])
    assert rows == [{"a": 1, "b": "x", "c": None}, {"a": 2, "b": None, "c": None}]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1 AS id, 'x' AS note, 5 AS extra", "extra is not a column"),
        ("SELECT 'x' AS note", "id is required and missing"),
        (
            "SELECT CASE WHEN range > 1 THEN NULL ELSE range END AS id FROM range(4)",
            "id is required and null in 2",
        ),
        ("SELECT 1.5::DOUBLE AS id", "would lose"),
        ("SELECT 1 AS id, 1.23456::DECIMAL(9,5) AS price", "would lose"),
        ("SELECT 1 AS id, now() AS day", "would lose"),
        ("SELECT 1 AS id, CASE range WHEN 7 THEN 'Zaphod' END AS day FROM range(9)", "day holds 1 values"),
        ("SELECT 3_000_000_000 + range AS few, 1 AS id FROM range(3)", "few holds 3 values"),
    ],
)
def test_rows_that_do_not_fit_are_refused_whole(session, new_table, sql, said):
    """A misfit names the column and the number of rows, quotes no value and leaves no file."""
    schema = Schema(
        NestedField(1, "id", LongType(), required=True),
        NestedField(2, "note", StringType()),
        NestedField(3, "price", DecimalType(9, 2)),
        NestedField(4, "day", DateType()),
        NestedField(5, "few", IntegerType()),
    )
    table = new_table("silver.strict", schema)
    with pytest.raises(DataError) as error:
        session.stage(sql, table)
    assert error.value.code.slug == "rows-do-not-fit"
    assert said in str(error.value)
    assert "silver.strict" in str(error.value)
    assert "Zaphod" not in str(error.value)
    assert list(Path(table.location()).rglob("*.parquet")) == []


def test_a_query_that_names_a_missing_table_is_the_callers_fault(session, new_table):
    """A broken query is told apart from broken rows."""
    table = new_table("silver.strict", Schema(NestedField(1, "id", LongType())))
    with pytest.raises(UsageError) as error:
        session.stage("SELECT id FROM silver.nobody", table)
    assert error.value.code.slug == "engine-failed"


def test_no_rows_leave_no_file(session, new_table):
    """An empty result stages nothing and leaves nothing in the folder."""
    table = new_table("silver.empty", Schema(NestedField(1, "id", LongType())))
    assert session.stage("SELECT 1 AS id WHERE false", table) == []
    assert list(Path(table.location()).rglob("*.parquet")) == []


def test_file_sizes_are_bounded_and_names_tell_nothing(session, new_table):
    """A large result becomes several files near the target size, named by chance alone."""
    table = new_table(
        "silver.large", Schema(NestedField(1, "id", LongType()), NestedField(2, "t", StringType()))
    )
    staged = session.stage(
        "SELECT range AS id, md5(range::VARCHAR) AS t FROM range(600_000)", table, target_bytes=4_000_000
    )
    assert len(staged) > 2
    assert max(each.bytes for each in staged) < 12_000_000
    assert all(len(Path(each.path).stem) == 36 for each in staged)


def test_large_values_are_staged_in_little_memory(catalog, tmp_path, new_table):
    """Values of a megabyte are written in row groups bounded in bytes: far more passes than memory holds."""
    table = new_table("bronze.block", Schema(NestedField(1, "payload", BinaryType())))
    batches = (pa.record_batch([[os.urandom(1_000_000)] * 8], names=["payload"]) for _ in range(50))
    reader = pa.RecordBatchReader.from_batches(pa.schema([("payload", pa.binary())]), batches)
    with DuckDBEngine(tmp_path / "tmp", memory_limit="250MB", threads=2).session(catalog) as session:
        session.register("blocks", reader)
        staged = session.stage("SELECT * FROM blocks", table)
    assert sum(each.rows for each in staged) == 400
    footers = [pq.read_metadata(each.path) for each in staged]
    assert max(each.row_group(at).num_rows for each in footers for at in range(each.num_row_groups)) <= 64


def test_the_tables_sort_order_is_kept(session, new_table):
    """Rows are staged in the order that the table asks for."""
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "kind", StringType()))
    order = SortOrder(SortField(source_id=2, transform=parse_transform("identity")))
    table = new_table("silver.sorted", schema, sort_order=order)
    staged = session.stage(
        "SELECT range AS id, 'k' || (range * 7919 % 10) AS kind FROM range(200_000)", table
    )
    for each in staged:
        kinds = pq.read_table(each.path, columns=["kind"]).column("kind").to_pylist()
        assert kinds == sorted(kinds)


@pytest.mark.parametrize(
    ("column", "transform"),
    [
        ("clinic", "identity"),
        ("clinic", "truncate[3]"),
        ("clinic", "bucket[4]"),
        ("id", "bucket[4]"),
        ("id", "truncate[10]"),
        ("id", "identity"),
        ("day", "identity"),
        ("day", "month"),
        ("day", "bucket[3]"),
        ("at", "year"),
        ("at", "month"),
        ("at", "day"),
        ("at", "hour"),
        ("price", "identity"),
        ("price", "truncate[50]"),
        ("open", "identity"),
    ],
)
def test_partition_values_are_those_of_icebergs_own_transforms(session, new_table, column, transform):
    """Every file holds rows of one partition, whose value PyIceberg's transform gives as well."""
    schema = Schema(
        NestedField(1, "id", LongType()),
        NestedField(2, "clinic", StringType()),
        NestedField(3, "day", DateType()),
        NestedField(4, "at", TimestamptzType()),
        NestedField(5, "price", DecimalType(9, 2)),
        NestedField(6, "open", BooleanType()),
    )
    source = schema.find_field(column)
    part = PartitionField(source.field_id, 1000, parse_transform(transform), "p")
    table = new_table("silver.parts", schema, partition_spec=PartitionSpec(part))
    moments = [
        dt.datetime(1969, 12, 31, 23, 59, tzinfo=UTC),
        dt.datetime(2026, 3, 1, 0, 30, tzinfo=UTC),
        None,
    ]
    rows = [
        {
            "id": at - 3,
            "clinic": [None, "münchen / süd=1", "m", "london"][at % 4],
            "day": (moments[at % 3] or moments[1]).date(),
            "at": moments[at % 3],
            "price": Decimal("12.50") * (at % 3 - 1),
            "open": [True, False, None][at % 3],
        }
        for at in range(12)
    ]
    kinds = [pa.int64(), pa.string(), pa.date32(), pa.timestamp("us", "UTC"), pa.decimal128(9, 2), pa.bool_()]
    arrow = pa.schema(list(zip([each.name for each in schema.fields], kinds, strict=True)))
    data = pa.Table.from_pylist(rows, schema=arrow)
    session.register("given", data)
    staged = session.stage("SELECT * FROM given", table)
    commit(table, staged)
    assert same(table.scan().to_arrow().to_pylist(), data.to_pylist())
    apply = parse_transform(transform).transform(source.field_type)
    for each in staged:
        inside = pq.ParquetFile(each.path).read(columns=[column]).column(column).to_pylist()
        expected = {apply(_iceberg_value(value)) for value in inside}
        assert {_iceberg_value(each.data_file.partition[0])} == {_iceberg_value(value) for value in expected}


def _iceberg_value(value):
    """A Python value as Iceberg's transforms take it: dates in days, instants in microseconds."""
    if isinstance(value, dt.datetime):
        return (value - dt.datetime(1970, 1, 1, tzinfo=UTC)) // dt.timedelta(microseconds=1)
    if isinstance(value, dt.date):
        return (value - dt.date(1970, 1, 1)).days
    return value
