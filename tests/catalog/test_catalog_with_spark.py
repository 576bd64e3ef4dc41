"""Spark with Iceberg, as EMR runs them, as a client of the embedded catalog."""

from itertools import count

import pyarrow as pa
import pytest

pytestmark = pytest.mark.spark

NAMES = (f"lake{number}" for number in count())
ROWS = pa.table(
    {"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", None, "c"], "tags": [["x"], [], ["y", "z"]]}
)


@pytest.fixture
def spark(spark_with_iceberg, session):
    """A session of Spark whose current catalog is the lake's."""
    name = next(NAMES)
    opened = spark_with_iceberg.newSession()
    for key, value in {
        "": "org.apache.iceberg.spark.SparkCatalog",
        ".type": "rest",
        ".uri": session.endpoint.uri,
        ".token": session.endpoint.token,
        ".warehouse": session.endpoint.warehouse,
    }.items():
        opened.conf.set(f"spark.sql.catalog.{name}{key}", value)
    opened.sql(f"USE {name}")
    return opened


@pytest.fixture
def visits(session, place):
    """A table that PyIceberg has made, with three rows."""
    made = session.client().create_table("silver.visit", ROWS.schema, location=place("visit"))
    made.append(ROWS)
    return made


def rows(session):
    """The table as PyIceberg reads it, in the order of its ids."""
    return session.client().load_table("silver.visit").scan().to_arrow().sort_by("id").to_pylist()


def test_spark_reads_what_pyiceberg_wrote(spark, visits):
    """Rows, missing values and lists come to Spark as they were written."""
    found = spark.sql("SELECT id, name, tags FROM silver.visit ORDER BY id").collect()
    assert [row.asDict() for row in found] == ROWS.to_pylist()


def test_spark_appends_merges_and_deletes(spark, visits, session):
    """What Spark's INSERT, MERGE and DELETE leave, PyIceberg reads, and every commit carries a commit id."""
    spark.sql("INSERT INTO silver.visit VALUES (4, 'd', array())")
    spark.sql(
        "MERGE INTO silver.visit AS t USING (SELECT 2 AS id, 'new' AS name) AS s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET t.name = s.name"
    )
    spark.sql("DELETE FROM silver.visit WHERE id = 1")
    assert [(row["id"], row["name"]) for row in rows(session)] == [(2, "new"), (3, "c"), (4, "d")]
    snapshots = session.client().load_table("silver.visit").snapshots()
    assert len(snapshots) >= 4
    assert all("a360.commit-id" in each.summary.additional_properties for each in snapshots)


def test_spark_makes_a_table_and_travels_in_time(spark, session, place):
    """A table that Spark makes is one for PyIceberg, and each of its snapshots can be read again."""
    spark.sql(
        "CREATE TABLE silver.visit (id BIGINT, name STRING, tags ARRAY<STRING>) USING iceberg "
        f"LOCATION '{place('visit')}'"
    )
    for number in (1, 2):
        spark.sql(f"INSERT INTO silver.visit VALUES ({number}, 'a', array('x'))")
    assert [row["id"] for row in rows(session)] == [1, 2]
    first = session.client().load_table("silver.visit").snapshots()[0].snapshot_id
    assert spark.sql(f"SELECT id FROM silver.visit VERSION AS OF {first}").collect() == [(1,)]
