"""What models may use means the same on DuckDB and on Spark, function by function, row by row."""

# ruff: noqa: E501, RUF024 - a case is read along its lines; pools are only read

import datetime as dt
from decimal import Decimal

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import sqlglot
from awkward import DATES, DOUBLES, TEXTS, TIMES
from canonical import text_of

from a360.contract import engine_sql, typed_query
from a360.contract._portable import divergences

pytestmark = pytest.mark.spark

ROWS = 3000
# Where instants before 1970 have microseconds, DuckDB rounds what lies between two of them.
SINCE_1970 = [day for day in DATES if day.year >= 1970]
COLUMNS = {
    "i": "long",
    "s": "string",
    "u": "string",
    "x": "double",
    "n": "int",
    "m": "int",
    "p": "decimal(18,3)",
    "q": "decimal(18,3)",
    "d": "date",
    "e": "date",
    "w": "boolean",
    "f": "timestamptz",
    "g": "timestamptz",
}
POOLS = {
    **dict.fromkeys("su", [*TEXTS, "ǆ", "Σς", "ŉ", "\u3000x", "a\u0000b", "\ta\t", "000", None]),
    "x": [*DOUBLES, 2.675, 1.005, 0.285, 0.125, -1.5, 123456789.5, None],
    **dict.fromkeys("nm", [0, 1, -1, 2, 3, 5, 7, 90, 32, 160, 46_340, None]),
    **dict.fromkeys("pq", [*map(Decimal, ("0", "0.5", "1.5", "-0.5", "0.001", "999.999", "-2.5")), None]),
    **dict.fromkeys("de", [*DATES, None]),
    **dict.fromkeys(
        "fg", [dt.datetime.combine(day, time, dt.UTC) for day in SINCE_1970 for time in TIMES] + [None]
    ),
    "w": [True, False, None],
}
SCALARS = """
ASCII_UPPER(s) | ASCII_LOWER(s) | TRIM(s) | LTRIM(s) | TRIM(s, ' ') | RTRIM(s, '0') | LTRIM(s, '0') | LENGTH(s) | SUBSTRING(s, 1, 1)
SUBSTRING(s, 2) | SUBSTRING(s, -3, 2) | REPLACE(s, 'a', 'b') | REPLACE(s, ' ', '') | STARTS_WITH(s, u) | STRPOS(s, u)
s LIKE 'a%' | s LIKE '_' | s LIKE '%a_b%' | MD5(s) | STABLE_ID(s) | STABLE_ID(s, 60)
s = u | s < u | s >= u | s BETWEEN 'a' AND 'z' | s IN ('a', 'á', NULL) | s IS DISTINCT FROM u | NULLIF(s, u)
ABS(x) | ABS(n) | ABS(p) | ROUND(p, 2) | ROUND(p) | FLOOR(p) | CEIL(p) | SQRT(CASE WHEN x > 0 THEN x END)
x + n | x * n | x - p | x / 2 | x / NULLIF(n, 0) | CAST(n AS DOUBLE) / NULLIF(m, 0) | -x | -p | p + q | p - q | p * q | p * n
n + m | n * m | x < p | p > n | n = 1.0 | p = 0.5 | x = 0.5 | x > 1 | n NOT IN (1, 2) | n BETWEEN m AND 5
CAST(n AS VARCHAR) | CAST(p AS VARCHAR) | CAST(d AS VARCHAR) | CAST(w AS VARCHAR) | CAST(p AS DOUBLE) | CAST(n AS DOUBLE)
CAST(p AS DECIMAL(9, 1)) | CAST(FLOOR(p) AS BIGINT) | CAST(CEIL(p) AS INT) | CAST(d AS TIMESTAMP)
CAST(CAST(i AS DOUBLE) / 160 AS DECIMAL(9, 4)) | CAST(CAST(i AS DOUBLE) / 2000 AS DECIMAL(9, 3))
CAST(-CAST(i AS DOUBLE) / 2000 AS DECIMAL(9, 3)) | CAST(CAST(n AS DOUBLE) / NULLIF(m, 0) AS DECIMAL(18, 4))
CAST(CAST(CASE WHEN ABS(x) < 1000 THEN x END AS DOUBLE) AS DECIMAL(18, 2))
CAST(FLOOR(CASE WHEN ABS(x) < 1000 THEN x END) AS BIGINT) | CAST(CEIL(CASE WHEN ABS(x) < 1000 THEN x END) AS INT)
EXTRACT(YEAR FROM d) | EXTRACT(QUARTER FROM d) | EXTRACT(MONTH FROM d) | EXTRACT(DAY FROM d) | d < e
EXTRACT(DAY FROM f - g) * 1440 | EXTRACT(HOUR FROM f - g) | EXTRACT(MINUTE FROM f - g) | EXTRACT(SECOND FROM f - g)
CAST(DATE_TRUNC('month', d) AS DATE) | CAST(DATE_TRUNC('week', d) AS DATE) | CAST(DATE_TRUNC('quarter', d) AS DATE)
CAST(CASE WHEN d < DATE '2100-01-01' THEN d END + INTERVAL '1' MONTH AS DATE) | CAST(d - INTERVAL '1' YEAR AS DATE)
COALESCE(n, 0) | COALESCE(p, 0) | COALESCE(x, 0) | CASE WHEN w THEN n ELSE p END | CASE WHEN w THEN n ELSE x END
ROW_NUMBER() OVER (PARTITION BY n ORDER BY i NULLS LAST) | ROW_NUMBER() OVER (ORDER BY s NULLS LAST, i NULLS LAST)
ROW_NUMBER() OVER (ORDER BY x NULLS LAST, i NULLS LAST) | ROW_NUMBER() OVER (ORDER BY x DESC NULLS LAST, i NULLS LAST)
RANK() OVER (PARTITION BY n ORDER BY s NULLS LAST) | DENSE_RANK() OVER (PARTITION BY n ORDER BY x NULLS LAST)
LAG(s) OVER (ORDER BY i NULLS LAST) | LEAD(n, 2) OVER (ORDER BY i NULLS LAST)
SUM(p) OVER (PARTITION BY m ORDER BY i NULLS LAST) | COUNT(*) OVER (PARTITION BY m)
"""
AGGREGATES = """
COUNT(*) | COUNT(s) | COUNT(DISTINCT s) | COUNT(DISTINCT x) | SUM(m) | SUM(p) | AVG(m) | MIN(x) | MAX(x) | MIN(s) | MAX(s)
MIN(p) | MAX(p) | MIN(d) | MAX(f) | SUM(CASE WHEN w THEN 1 ELSE 0 END)
"""


def written(expressions):
    return [each.strip() for line in expressions.strip().splitlines() for each in line.split(" | ")]


def query(expressions, start, end):
    made = [f"{each} AS v{place}" for place, each in enumerate(written(expressions))]
    return f"SELECT {start} AS i, {', '.join(made)} FROM silver.t {end}"


QUERIES = [query(SCALARS, "i", ""), query(AGGREGATES, "n", "GROUP BY n")]


@pytest.fixture(scope="module")
def rows():
    """Rows of every type, each value drawn for itself."""
    dice = np.random.default_rng(3)
    kinds = {
        "long": pa.int64(),
        "string": pa.string(),
        "double": pa.float64(),
        "int": pa.int32(),
        "decimal(18,3)": pa.decimal128(18, 3),
        "date": pa.date32(),
        "boolean": pa.bool_(),
        "timestamptz": pa.timestamp("us", "UTC"),
    }
    drawn = {"i": pa.array(range(ROWS), pa.int64())}
    for name, kind in list(COLUMNS.items())[1:]:
        pool = pa.array(POOLS[name], kinds[kind])
        drawn[name] = pool.take(pa.array(dice.integers(len(pool), size=ROWS)))
    return pa.table(drawn)


@pytest.mark.parametrize("sql", QUERIES, ids=["scalars", "aggregates"])
def test_what_models_may_use_is_no_fault(sql):
    """The expressions that are compared are those that lint lets models have."""
    query = typed_query(sql, {"silver.t": COLUMNS})
    found = divergences(query, written=sqlglot.parse_one(sql, dialect="duckdb"))
    assert [(each.code, each.message) for each in found] == []


@pytest.mark.parametrize("sql", QUERIES, ids=["scalars", "aggregates"])
def test_functions_give_the_same_values(sql, rows, spark_with_iceberg):
    """Every function and operator gives the same value for the same row, whatever the row holds."""
    from a360.engine.spark._arrow import to_spark  # noqa: PLC0415 - of the extra

    named = sql.replace("silver.t", "t")
    with duckdb.connect() as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.register("t", rows)
        ours = connection.sql(engine_sql(named, "duckdb")).to_arrow_table()
    to_spark(spark_with_iceberg, rows).createOrReplaceTempView("t")
    theirs = spark_with_iceberg.sql(engine_sql(named, "spark")).toArrow()
    expressions = written(SCALARS if "GROUP BY" not in sql else AGGREGATES)
    keys, others = ours["i"].to_pylist(), theirs["i"].to_pylist()
    different = {}
    for place, expression in enumerate(expressions):
        one = dict(zip(keys, map(text_of, ours[f"v{place}"].to_pylist()), strict=True))
        other = dict(zip(others, map(text_of, theirs[f"v{place}"].to_pylist()), strict=True))
        found = [(key, one[key], other.get(key)) for key in one if one[key] != other.get(key)]
        if found:
            different[expression] = found[:3]
    assert different == {}
