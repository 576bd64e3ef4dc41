"""DuckDB, Spark and PyIceberg commit to one table at once: nothing is lost, and nothing comes twice."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pyarrow as pa
import pytest
from canonical import column_hashes
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from a360.catalog import CatalogSession, CommitStamp
from a360.engine.duckdb import DuckDBEngine
from a360.table import Tables

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]

TABLE, STEPS, ROWS = "silver.t", 3, 10
SCHEMA = Schema(NestedField(1, "id", LongType(), required=True), NestedField(2, "v", StringType()))


def rows(start, text):
    """Rows from an id on."""
    columns = {"id": range(start, start + ROWS), "v": [text] * ROWS}
    return pa.table(columns, schema=SCHEMA.as_arrow())


def by_refinery(tables, session, start):
    """Merge the same rows again and again, and append others in between."""
    for step in range(STEPS):
        tables.merge(TABLE, rows(start, f"merged {step}"), ["id"], CommitStamp(), session=session)
        tables.append(TABLE, rows(start + 100 * (step + 1), "new"), CommitStamp(), session=session)


def by_pyiceberg(catalog, start):
    """Append as a program does that knows nothing of the refinery, again where another came first."""
    for step in range(2 * STEPS):
        while True:
            try:
                catalog.client().load_table(TABLE).append(rows(start + 100 * step, "new"))
                break
            except CommitFailedException:
                continue


def expected():
    """What must be there in the end, whoever came first."""
    found = {}
    for start in (0, 10_000):
        for place in range(ROWS):
            found[start + place] = f"merged {STEPS - 1}"
            found |= {start + 100 * (step + 1) + place: "new" for step in range(STEPS)}
    found |= {20_000 + 100 * step + place: "new" for step in range(2 * STEPS) for place in range(ROWS)}
    return found


def test_three_writers_at_once_lose_nothing(tmp_path, spark_with_iceberg):
    """Merges and appends of three engines all land, each once, and two engines read the same table."""
    from a360.engine.spark import SparkEngine  # noqa: PLC0415 - of the extra

    with ExitStack() as opened:
        catalog = opened.enter_context(CatalogSession.open(tmp_path))
        of_each = [
            opened.enter_context(Tables(catalog, DuckDBEngine(tmp_path / f"spill-{number}", threads=1)))
            for number in range(2)
        ]
        of_each[0].create_table(TABLE, SCHEMA)
        spark = opened.enter_context(SparkEngine().session(catalog))
        pool = opened.enter_context(ThreadPoolExecutor())
        working = [
            pool.submit(by_refinery, of_each[0], of_each[0].session, 0),
            pool.submit(by_refinery, of_each[1], spark, 10_000),
            pool.submit(by_pyiceberg, catalog, 20_000),
        ]
        for each in working:
            each.result()
        found = of_each[0].read(TABLE)
        assert dict(zip(found["id"].to_pylist(), found["v"].to_pylist(), strict=True)) == expected()
        assert found.num_rows == len(expected())
        assert len(of_each[0].snapshots(TABLE)) >= 6 * STEPS
        assert column_hashes(spark.sql(f"SELECT * FROM {TABLE}")) == column_hashes(found)
