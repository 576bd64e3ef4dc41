"""What every engine session does, in the same words of house SQL."""

import datetime as dt
import time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import DecimalType, LongType, NestedField, StringType, TimestamptzType

from a360.errors import A360Error, DataError

# PySpark leaves sockets to the garbage collector, which comes when the other engine has its turn.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

VISIT = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "name", StringType()),
    NestedField(3, "cost", DecimalType(9, 2)),
    NestedField(4, "at", TimestamptzType()),
)
NOON = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
ROWS = {
    "id": [1, 2, 3],
    "name": ["a", None, "Łódź 😀"],
    "cost": [Decimal("1.50"), None, Decimal("-0.01")],
    "at": [NOON, None, NOON.replace(year=1896)],
}


@pytest.fixture
def visits(new_table):
    return new_table("silver.visit", VISIT, ROWS)


def test_tables_resolve_by_namespace_and_temporary_tables_by_name(session, visits):
    """In one session `silver.visit` is the lake's table, and a temporary table stands beside it."""
    session.execute("CREATE TEMP TABLE chosen AS SELECT 2 AS id")
    session.register("wanted", pa.table({"id": pa.array([3], pa.int64())}))
    found = session.sql(
        "SELECT id FROM silver.visit JOIN (FROM chosen UNION FROM wanted) USING (id) ORDER BY id"
    )
    assert found.column("id").to_pylist() == [2, 3]


def test_a_query_in_an_engines_own_words_joins_whatever_there_is(session, visits):
    """What a definition spells for each engine need not be house SQL, whichever tables are read beside it."""
    session.register("wanted", pa.table({"name": ["Łódź 😀"]}))
    begun = session.define("begun", lambda dialect: "SELECT substring(name, 1, 2) AS begins FROM wanted")
    alone = session.sql(f"SELECT begins FROM {begun} AS alone")
    beside = session.sql(f"SELECT id FROM silver.visit JOIN {begun} AS begun ON starts_with(name, begins)")
    assert (alone.to_pylist(), beside.to_pylist()) == ([{"begins": "Łó"}], [{"id": 3}])


def test_results_have_one_schema_whatever_computes_them(session, visits):
    """Values and Arrow types of results are the same on every engine; instants are in UTC."""
    found = session.sql(
        "SELECT *, count(*) OVER () AS n, row_number() OVER (ORDER BY id) AS place, 1 AS one "
        "FROM silver.visit ORDER BY id"
    )
    assert found.schema == pa.schema(
        {
            "id": pa.int64(),
            "name": pa.string(),
            "cost": pa.decimal128(9, 2),
            "at": pa.timestamp("us", "UTC"),
            "n": pa.int64(),
            "place": pa.int64(),
            "one": pa.int32(),
        }
    )
    assert {name: found[name].to_pylist() for name in ROWS} == ROWS


def test_time_travel_reads_a_snapshot(session, visits):
    """`AT (VERSION => …)` is the table as a snapshot has it."""
    then = visits.current_snapshot().snapshot_id
    visits.delete("id = 1")
    counts = [
        session.sql(f"SELECT count(*) AS n FROM {table}")["n"][0].as_py()
        for table in ("silver.visit", f"silver.visit AT (VERSION => {then})")
    ]
    assert counts == [2, 3]


def test_what_other_writers_commit_is_seen(session, visits):
    """A query sees what was committed before it began, by whomever."""
    sql = "SELECT count(*) AS n FROM silver.visit"
    assert session.sql(sql)["n"][0].as_py() == 3
    visits.delete("id = 1")
    session.refresh()
    assert session.sql(sql)["n"][0].as_py() == 2


def test_a_temporary_table_is_computed_once(session):
    """Random values in a temporary table are the same whenever it is read."""
    thrown = session.define(
        "thrown", lambda dialect: f"SELECT {'random' if dialect == 'duckdb' else 'rand'}() AS v"
    )
    session.execute(f"CREATE OR REPLACE TEMP TABLE dice AS SELECT v FROM {thrown} AS t")
    assert session.sql("SELECT v FROM dice").equals(session.sql("SELECT v FROM dice"))


def test_a_temporary_view_follows_what_it_reads(session):
    """A temporary view is computed when it is read, over the temporary table of its name at that time."""
    session.execute("CREATE TEMP TABLE a AS SELECT 1 AS x")
    session.execute("CREATE OR REPLACE TEMP VIEW b AS SELECT x + 1 AS y FROM a")
    session.execute("CREATE OR REPLACE TEMP TABLE a AS SELECT 41 AS x")
    assert session.sql("SELECT y FROM b")["y"].to_pylist() == [42]


def test_a_temporary_table_can_be_made_of_itself(session):
    """`CREATE OR REPLACE` of a table may read the one that it replaces."""
    session.execute("CREATE TEMP TABLE a AS SELECT 1 AS x")
    session.execute("CREATE OR REPLACE TEMP TABLE a AS SELECT x, x + 1 AS y FROM a")
    assert session.sql("FROM a").to_pylist() == [{"x": 1, "y": 2}]


def test_temporary_tables_are_filled_changed_and_emptied(session):
    """INSERT, INSERT BY NAME, UPDATE, DELETE and ALTER of temporary tables do what they say."""
    session.execute('CREATE OR REPLACE TEMP TABLE t (id BIGINT, "a#" VARCHAR, "at" TIMESTAMPTZ)')
    session.execute("INSERT INTO t SELECT 1, 'x', NULL")
    session.execute("INSERT INTO t BY NAME SELECT 'y' AS \"a#\", 2 AS id")
    session.execute("INSERT INTO t BY NAME SELECT 3 AS id")
    session.execute("UPDATE t SET \"a#\" = 'z' WHERE id IN (SELECT 2)")
    session.execute("DELETE FROM t WHERE \"a#\" = 'x'")
    session.execute("ALTER TABLE t ADD COLUMN held BOOLEAN DEFAULT FALSE")
    found = session.sql("FROM t ORDER BY id")
    assert found.to_pylist() == [
        {"id": 2, "a#": "z", "at": None, "held": False},
        {"id": 3, "a#": None, "at": None, "held": False},
    ]
    assert found.schema.types == [pa.int64(), pa.string(), pa.timestamp("us", "UTC"), pa.bool_()]
    session.execute("DELETE FROM t")
    assert session.sql("SELECT count(*) AS n FROM t")["n"][0].as_py() == 0
    session.execute("DROP TABLE IF EXISTS temp.t")
    session.execute("DROP TABLE IF EXISTS t")


def test_inserted_rows_can_be_returned(session):
    """RETURNING gives what of the inserted rows is asked for."""
    session.execute("CREATE TEMP TABLE t AS SELECT 1 AS id")
    assert session.sql("INSERT INTO t SELECT 7 RETURNING id")["id"].to_pylist() == [7]


def test_what_a_session_worked_in_is_forgotten(session):
    """After `forget` no temporary table, view or registered data has a name."""
    session.execute("CREATE TEMP TABLE a AS SELECT 1 AS x")
    session.execute("CREATE TEMP VIEW b AS SELECT * FROM a")
    session.register("c", pa.table({"x": [1]}))
    session.forget()
    for name in "abc":
        with pytest.raises(A360Error):
            session.sql(f"FROM {name}")


def test_a_stream_brings_all_rows_in_their_order(session, visits):
    """A query's rows come in its order, in batches no larger than asked for, with the types of its table."""
    sql = "SELECT * FROM silver.visit ORDER BY id DESC"
    batches = list(session.stream(sql, batch_rows=2))
    assert pa.Table.from_batches(batches) == session.sql(sql)
    assert max(each.num_rows for each in batches) <= 2
    none = session.stream("SELECT * FROM silver.visit WHERE id > 9").read_all()
    assert (none.schema, none.num_rows) == (session.sql(sql).schema, 0)


def test_a_stream_tells_of_a_failure_without_values(session):
    """What fails while rows come is told when they are read, and quotes none of them."""
    session.register("given", pa.table({"v": ["1", "zebu"]}))
    with pytest.raises(A360Error) as caught:
        session.stream("SELECT CAST(v AS INTEGER) AS n FROM given").read_all()
    assert "zebu" not in str(caught.value)


def test_a_function_is_given_all_rows_of_a_query(session):
    """What a function makes of the batches of a query is a relation with the schema that was told."""
    schema = pa.schema({"m": pa.int64(), "text": pa.string()})

    def double(batches):
        for batch in batches:
            numbers = [2 * each for each in batch["n"].to_pylist()]
            yield pa.record_batch([pa.array(numbers), pa.array([str(n) for n in numbers])], schema=schema)

    session.register("numbers", pa.table({"n": pa.array(range(1000), pa.int64())}))
    session.mapped("made", "SELECT n FROM numbers WHERE n < 500", double, schema)
    found = session.sql("SELECT count(*) AS n, sum(m)::BIGINT AS s, max(text) AS t FROM made").to_pylist()
    assert found == [{"n": 500, "s": 249_500, "t": "998"}]


def test_an_error_of_ours_comes_from_a_function_as_it_is(session):
    """What a function refuses is told in its own words, wherever it ran."""

    def refuse(batches):
        for _ in batches:
            raise DataError("input-refused", "A block cannot be opened", where="block 7")
        yield from ()

    session.register("numbers", pa.table({"n": [1]}))
    with pytest.raises(DataError) as caught:
        session.mapped("made", "FROM numbers", refuse, pa.schema({"n": pa.int64()}))
    assert (caught.value.what, caught.value.where) == ("A block cannot be opened", "block 7")


@pytest.mark.spark
def test_a_fault_of_a_function_is_told_by_kind_and_place(spark_session):
    """What a function meets on a worker comes back without its text, which may quote values."""

    def fail(batches):
        for batch in batches:
            raise ValueError(batch["name"][0].as_py())
        yield from ()

    spark_session.register("names", pa.table({"name": ["Zebu"]}))
    with pytest.raises(A360Error) as caught:
        spark_session.mapped("made", "FROM names", fail, pa.schema({"n": pa.int64()}))
    assert "ValueError" in caught.value.found
    assert "test_engine_sessions.py" in caught.value.where
    assert "Zebu" not in str(caught.value)


@pytest.mark.spark
def test_what_is_kept_lies_encrypted_on_disk_and_goes_with_its_table(spark_session):
    """Nothing of a temporary table is in clear on disk, and its disk is freed when it is dropped."""
    context = spark_session._session.sparkContext
    folder = Path(spark_session._session.conf.get("spark.local.dir"))
    # What a failed statement had begun, Java's collector frees in its own time.
    before = set(context._jsc.getPersistentRDDs())
    spark_session.register("names", pa.table({"name": [f"CANARY-{n}" for n in range(20_000)]}))
    spark_session.execute("CREATE TEMP TABLE kept AS SELECT name, name || '!' AS loud FROM names")
    files = [path for path in folder.rglob("rdd_*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) > 100_000
    assert not any(b"CANARY" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    spark_session.execute("DROP TABLE kept")
    until = time.monotonic() + 20
    while any(path.exists() for path in files) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [path for path in files if path.exists()]
    assert set(context._jsc.getPersistentRDDs()) <= before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(name AS INTEGER) FROM silver.visit",
        "SELECT CAST(name || ' Zebu' AS DATE) AS d FROM silver.visit",
        "SELECT * FROM silver.visit WHERE nothing = 'Zebu'",
        "SELECT * FROM silver.nothing WHERE name = 'Zebu'",
        "SELECT (SELECT id FROM silver.visit)",
    ],
)
def test_no_error_quotes_a_value(session, new_table, sql):
    """Errors say what was tried; values of rows and of the statement stay out."""
    new_table(
        "silver.visit", VISIT, {"id": [1, 2], "name": ["Zebu", "Zebu"], "cost": [None] * 2, "at": [None] * 2}
    )
    with pytest.raises(A360Error) as caught:
        session.sql(sql)
    assert "Zebu" not in str(caught.value)
    assert caught.value.__cause__ is None
