"""What engines write: files that are staged, exchanges and deletes that they commit."""

import datetime as dt
import secrets
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import NullOrder, SortDirection, SortField, SortOrder
from pyiceberg.transforms import (
    BucketTransform,
    DayTransform,
    IdentityTransform,
    MonthTransform,
    TruncateTransform,
    YearTransform,
)
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

from a360.catalog import COMMIT_ID, CommitStamp
from a360.engine import Exchange
from a360.errors import A360Error, DataError, UsageError

# PySpark leaves sockets to the garbage collector, which comes when the other engine has its turn.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

KEYED = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "v", StringType(), required=True),
    NestedField(3, "clinic", StringType()),
)
EVERY = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "flag", BooleanType()),
    NestedField(3, "n", IntegerType()),
    NestedField(4, "x", DoubleType()),
    NestedField(5, "day", DateType()),
    NestedField(6, "at", TimestamptzType()),
    NestedField(7, "cost", DecimalType(18, 6)),
    NestedField(8, "name", StringType()),
    NestedField(9, "sealed", BinaryType()),
)
LAST = dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)
ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3, 2**62], pa.int64()),
        "flag": pa.array([True, None, False, True]),
        "n": pa.array([-5, None, 0, 2**31 - 1], pa.int32()),
        "x": pa.array([float("nan"), None, -0.0, 1e300]),
        "day": pa.array([dt.date(1, 1, 1), None, dt.date(2024, 2, 29), dt.date(9999, 12, 31)]),
        "at": pa.array(
            [LAST, None, dt.datetime(2024, 2, 29, tzinfo=dt.UTC), dt.datetime(1, 1, 1, tzinfo=dt.UTC)],
            pa.timestamp("us", "UTC"),
        ),
        "cost": pa.array(
            [Decimal("-0.000001"), None, Decimal("999999999999.999999"), Decimal(0)], pa.decimal128(18, 6)
        ),
        "name": ["Łódź 😀", None, "", "it's\\"],
        "sealed": pa.array([b"\x00\xff", None, b"", b"x" * 100_000], pa.binary()),
    }
)


def stamp():
    return CommitStamp(secrets.token_hex(16))


def rows_of(table, *, key="id"):
    table.refresh()
    return table.scan().to_arrow().sort_by(key).to_pylist()


def committed(table, staged):
    """The rows of a table once staged files are added to it as a manifest would have them."""
    with table.transaction() as transaction, transaction.update_snapshot().fast_append() as append:
        for each in staged:
            append.append_data_file(each.data_file)
    return rows_of(table)


@pytest.mark.parametrize(
    ("column", "transform"),
    [
        (None, None),
        ("name", IdentityTransform()),
        ("day", IdentityTransform()),
        ("flag", IdentityTransform()),
        ("id", BucketTransform(4)),
        ("name", BucketTransform(4)),
        ("at", DayTransform()),
        ("day", MonthTransform()),
        ("at", YearTransform()),
        ("name", TruncateTransform(1)),
        ("n", TruncateTransform(10)),
    ],
)
def test_staged_files_are_those_that_iceberg_would_write(session, new_table, column, transform):
    """Every type is read back as it was, and files lie in the partitions that Iceberg's transforms give."""
    spec = PartitionSpec()
    if column:
        source = EVERY.find_field(column).field_id
        spec = PartitionSpec(PartitionField(source, 1000, transform, "part"))
    table = new_table("silver.every", EVERY, partition_spec=spec)
    session.register("given", ROWS)
    staged = session.stage("SELECT * FROM given", table)
    assert sum(each.rows for each in staged) == ROWS.num_rows
    if column:
        kind = EVERY.find_type(column)
        wanted = {transform.transform(kind)(_internal(value)) for value in ROWS[column].to_pylist()}
        assert {each.data_file.partition[0] for each in staged} == wanted
    found = committed(table, staged)
    assert repr(found) == repr(ROWS.sort_by("id").to_pylist())


def _internal(value):
    """A value as transforms take it."""
    if isinstance(value, dt.datetime):
        return (value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    return (value - dt.date(1970, 1, 1)).days if isinstance(value, dt.date) else value


def test_staged_files_carry_field_ids_and_counts(session, new_table):
    """Files name each column by its id, inside lists and structs too, and their entries count nulls."""
    inner = StructType(NestedField(7, "code", StringType()))
    schema = Schema(
        NestedField(1, "id", LongType(), required=True),
        NestedField(4, "codes", ListType(5, inner, element_required=False)),
    )
    table = new_table("silver.nested", schema)
    session.register("given", pa.table({"id": [1, 2], "codes": [[{"code": "a"}, None], None]}))
    [staged] = session.stage("SELECT * FROM given", table)
    assert staged.data_file.value_counts[1] == 2
    assert staged.data_file.null_value_counts[1] == 0
    renamed = pq.read_schema(staged.path.removeprefix("file://"))
    assert renamed.field("id").metadata[b"PARQUET:field_id"] == b"1"
    committed(table, [staged])
    found = session.sql("SELECT * FROM silver.nested ORDER BY id").to_pylist()
    assert found == [{"id": 1, "codes": [{"code": "a"}, None]}, {"id": 2, "codes": None}]


def test_columns_come_by_name_and_missing_ones_are_null(session, new_table):
    """Staging matches columns by name, casts what loses nothing, and fills in nulls."""
    table = new_table("silver.every", EVERY)
    staged = session.stage("SELECT CAST(5 AS INTEGER) AS n, 'x' AS name, 1 AS id", table)
    [row] = committed(table, staged)
    assert (row["id"], row["n"], row["name"], row["cost"]) == (1, 5, "x", None)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT 1 AS id, 1 AS nothing", "nothing is not a column"),
        ("SELECT 'x' AS name", "id is required and missing"),
        ("SELECT 1 AS id, CAST(1.5 AS DOUBLE) AS n", "n is DOUBLE and would lose"),
        ("SELECT 1 AS id, CAST('2024-01-01' AS DATE) AS n", ""),
        ("SELECT 1 AS id, 'Zebu' AS n", "n holds 1 values that are no INTEGER"),
        ("SELECT CAST(NULL AS BIGINT) AS id", "id is required and null in 1 rows"),
        ("SELECT 1 AS id, CAST(3000000000 AS BIGINT) AS n", "n holds 1 values that are no INTEGER"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_leave_no_file(session, new_table, sql, told):
    """What a table cannot hold is told by column and number, never by value; no file is left."""
    table = new_table("silver.every", EVERY)
    with pytest.raises(A360Error) as caught:
        session.stage(sql, table)
    assert told in caught.value.found
    assert "Zebu" not in str(caught.value)
    folder = table.location()
    assert [path for path in _files(folder) if path.suffix == ".parquet"] == []


def _files(folder):
    from pathlib import Path  # noqa: PLC0415 - here alone

    return list(Path(folder.removeprefix("file://"), "data").rglob("*"))


def test_files_are_in_the_order_of_their_table(session, new_table):
    """Rows of a file lie in the table's sort order."""
    order = SortOrder(
        SortField(3, direction=SortDirection.ASC, null_order=NullOrder.NULLS_FIRST),
        SortField(1, direction=SortDirection.DESC, null_order=NullOrder.NULLS_LAST),
    )
    table = new_table("silver.keyed", KEYED, sort_order=order)
    ids = list(range(1000))
    session.register(
        "given", pa.table({"id": ids, "v": ["v"] * 1000, "clinic": [[None, "b", "a"][n % 3] for n in ids]})
    )
    for each in session.stage("FROM given", table):
        found = pq.read_table(each.path.removeprefix("file://")).to_pylist()
        assert found == sorted(
            found, key=lambda row: (row["clinic"] is not None, row["clinic"] or "", -row["id"])
        )


def test_large_results_become_several_files(session, new_table):
    """A file that has reached the size asked for is ended, and another one begun."""
    table = new_table("silver.keyed", KEYED)
    rows = 6000
    session.register(
        "given", pa.table({"id": range(rows), "v": [secrets.token_hex(8000) for _ in range(rows)]})
    )
    staged = session.stage("FROM given", table, target_bytes=8_000_000)
    assert len(staged) > 1
    assert sum(each.rows for each in staged) == rows


def test_what_is_staged_can_be_read_before_it_is_committed(session, new_table):
    """A relation over staged files gives their rows in the table's columns."""
    table = new_table(
        "silver.every",
        EVERY,
        partition_spec=PartitionSpec(PartitionField(8, 1000, IdentityTransform(), "name")),
    )
    session.register("given", ROWS)
    relation = session.staged(session.stage("FROM given", table), table)
    found = session.sql(f"SELECT * FROM {relation}").sort_by("id")
    assert found.column_names == ROWS.column_names
    assert repr(found.to_pylist()) == repr(ROWS.sort_by("id").to_pylist())


GIVEN = {"id": [1, 2, 3, 4], "v": ["a", "b", "c", "d"], "clinic": ["x", "x", None, "y"]}


@pytest.fixture
def keyed(new_table):
    return new_table("silver.keyed", KEYED, GIVEN)


def exchange(catalog, session, table, **parts):
    """Commit an exchange upon what the table holds; its snapshots' commit ids."""
    table.refresh()
    base, mark = table.current_snapshot().snapshot_id, stamp()
    before = {each.snapshot_id for each in table.snapshots()}
    with catalog.stamped(mark, base={"silver.keyed": base}) as endpoint:
        session.exchange(endpoint, Exchange("silver.keyed", ["id", "v", "clinic"], **parts))
    table.refresh()
    made = [each.summary for each in table.snapshots() if each.snapshot_id not in before]
    assert {each.additional_properties[COMMIT_ID] for each in made} == {mark.commit_id}
    return {row["id"]: (row["v"], row["clinic"]) for row in rows_of(table)}


def test_rows_are_exchanged_by_key(session, catalog, keyed):
    """Rows whose key comes go, rows that come are there, and others stay: in one commit of the endpoint."""
    session.execute(
        "CREATE TEMP TABLE news AS SELECT 2 AS id, 'B' AS v, 'z' AS clinic UNION ALL SELECT 9, 'n', NULL"
    )
    found = exchange(catalog, session, keyed, matched=["id"], outgoing="news", incoming="news")
    assert not [path for path in _files(keyed.location()) if path.suffix != ".parquet"]
    assert found == {1: ("a", "x"), 2: ("B", "z"), 3: ("c", None), 4: ("d", "y"), 9: ("n", None)}


def test_rows_are_exchanged_by_scope(session, catalog, keyed):
    """All rows of a scope go, be it a null's, also where none come."""
    session.execute(
        "CREATE TEMP TABLE gone AS SELECT 'x' AS clinic UNION ALL SELECT NULL UNION ALL SELECT 'nobody'"
    )
    session.execute("CREATE TEMP TABLE come AS SELECT 7 AS id, 'g' AS v, CAST(NULL AS VARCHAR) AS clinic")
    found = exchange(
        catalog, session, keyed, matched=["clinic"], outgoing="gone", incoming="come", null_safe=True
    )
    assert found == {4: ("d", "y"), 7: ("g", None)}
    found = exchange(catalog, session, keyed, matched=["clinic"], outgoing="gone", null_safe=True)
    assert found == {4: ("d", "y")}


def test_rows_are_added_and_all_are_replaced(session, catalog, keyed):
    """Without what goes, rows are added; as a whole, they stand in the place of all."""
    session.execute("CREATE TEMP TABLE come AS SELECT 7 AS id, 'g' AS v, 'x' AS clinic")
    assert len(exchange(catalog, session, keyed, incoming="come")) == 5
    assert exchange(catalog, session, keyed, incoming="(SELECT * FROM come)", whole=True) == {7: ("g", "x")}
    assert exchange(catalog, session, keyed, whole=True) == {}


def test_an_exchange_whose_base_has_moved_commits_nothing(session, catalog, keyed):
    """The fence of the endpoint holds against a table that another writer changed."""
    base = keyed.current_snapshot().snapshot_id
    keyed.delete("id = 1")
    session.execute("CREATE TEMP TABLE come AS SELECT 7 AS id, 'g' AS v, 'x' AS clinic")
    with catalog.stamped(stamp(), base={"silver.keyed": base}) as endpoint, pytest.raises(A360Error):
        session.exchange(endpoint, Exchange("silver.keyed", ["id", "v", "clinic"], ["id"], "come", "come"))
    assert [row["id"] for row in rows_of(keyed)] == [2, 3, 4]


def test_rows_are_deleted_by_a_condition(session, catalog, keyed):
    """A delete by condition may look into temporary tables, and takes rows for which it is true alone."""
    session.execute("CREATE TEMP TABLE gone AS SELECT 'b' AS v, 'x' AS clinic UNION ALL SELECT 'd', 'y'")
    with catalog.stamped(stamp()) as endpoint:
        session.delete(endpoint, "silver.keyed", "(v, clinic) IN (SELECT (v, clinic) FROM gone) AND id < 4")
    assert [row["id"] for row in rows_of(keyed)] == [1, 3, 4]


def test_a_branch_is_written_where_the_engine_has_branches(session, catalog, keyed):
    """What is written to a branch is no content of the table; engines without branches say so."""
    keyed.manage_snapshots().create_branch(keyed.current_snapshot().snapshot_id, "a360-audit-1").commit()
    session.execute("CREATE TEMP TABLE come AS SELECT 7 AS id, 'g' AS v, 'x' AS clinic")
    change = Exchange("silver.keyed", ["id", "v", "clinic"], ["id"], "come", "come")
    with catalog.stamped(stamp()) as endpoint:
        if not session.branches:
            with pytest.raises(UsageError):
                session.exchange(endpoint, change, "a360-audit-1")
            return
        session.exchange(endpoint, change, "a360-audit-1")
        session.delete(endpoint, "silver.keyed", "id = 1", "a360-audit-1")
    keyed.refresh()
    head = keyed.refs()["a360-audit-1"].snapshot_id
    found = session.sql(f"SELECT id FROM silver.keyed AT (VERSION => {head}) ORDER BY id")
    assert found["id"].to_pylist() == [2, 3, 4, 7]
    assert [row["id"] for row in rows_of(keyed)] == [1, 2, 3, 4]


def test_rows_are_fitted_in_sql_as_they_would_be_staged(session, new_table):
    """`conform` gives SQL with the table's columns and types, and refuses what does not fit."""
    table = new_table("silver.every", EVERY)
    fitted = session.conform("SELECT 'x' AS name, 1 AS id, NULL AS day", table)
    found = session.sql(fitted)
    assert found.column_names == [field.name for field in EVERY.fields]
    assert found.to_pylist()[0]["id"] == 1
    with pytest.raises(DataError):
        session.conform("SELECT 1 AS nothing", table)
