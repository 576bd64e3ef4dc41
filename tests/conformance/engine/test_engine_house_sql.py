"""House SQL means the same on every engine: each construct over awkward rows, on DuckDB and on Spark."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from a360.errors import A360Error, UsageError

pytestmark = pytest.mark.spark

SCHEMA = pa.schema(
    {
        "id": pa.int64(),
        "k": pa.string(),
        "s": pa.string(),
        "n": pa.int32(),
        "b": pa.bool_(),
        "d": pa.decimal128(18, 4),
        "big": pa.decimal128(38, 0),
        "x": pa.float64(),
        "day": pa.date32(),
        "ts": pa.timestamp("us", "UTC"),
    }
)
TEXTS = [
    "",
    "a",
    "A",
    "a,b",
    "a#b#",
    ",",
    "#x",
    " ",
    "Łódź",
    "é",
    "e\u0301",
    "😀",
    "ß",
    "0",
    "007",
    "1.5",
    "12345678901234567890",
    "it's",
    "back\\slash",
    "line\n",
    "x\n\n",
    "%_",
    "NULL",
]
MOMENTS = [
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC),
    dt.datetime(2024, 2, 29, 23, 30, tzinfo=dt.UTC),
    dt.datetime(2024, 3, 1, 0, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))),
    dt.datetime(2024, 3, 31, 2, 30, tzinfo=dt.timezone(dt.timedelta(hours=-9, minutes=-30))),
    dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
]


def rows(ids):
    """A few rows with many ties and nulls; `ids` tells one table's rows from another's."""
    few = st.fixed_dictionaries(
        {
            "id": st.integers(0, 6).map(lambda n: n + ids),
            "k": st.sampled_from([None, "a", "b", "Łódź"]),
            "s": st.sampled_from([None, *TEXTS]),
            "n": st.sampled_from([None, -2, -1, 0, 1, 2, 3, 2**31 - 1]),
            "b": st.sampled_from([None, True, False]),
            "d": st.sampled_from([None, "0", "0.5", "-0.5", "1.5", "2.5", "-99999999999999.9999"]).map(
                lambda text: None if text is None else Decimal(text)
            ),
            "big": st.sampled_from([None, 0, -1, 10**37]).map(lambda n: None if n is None else Decimal(n)),
            "x": st.sampled_from([None, 0.5, -0.5, 2.5, float("nan"), float("inf"), -0.0, 0.0, 1e300]),
            "day": st.sampled_from([None, dt.date(1, 1, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31)]),
            "ts": st.sampled_from([None, *MOMENTS]),
        }
    )
    return st.lists(few, min_size=5, max_size=12).map(
        lambda found: pa.Table.from_pylist(found, schema=SCHEMA)
    )


# One query a construct. What it selects is compared as a set of rows, unless it ends in an order.
QUERIES = [
    # Stars
    "SELECT * EXCLUDE (k, s) FROM t",
    "SELECT t.* EXCLUDE (k) REPLACE (coalesce(t.s, '-') AS s), u.k AS uk FROM t JOIN u ON t.id = u.id",
    "SELECT n, * EXCLUDE (n) REPLACE (coalesce(id IN (SELECT id FROM u WHERE b), FALSE) AS id) FROM t",
    "SELECT a.* REPLACE (n + 1 AS n) FROM (SELECT id, CAST(n AS BIGINT) AS n FROM t) AS a",
    "WITH w AS (SELECT k, s FROM t), v AS (SELECT * EXCLUDE (s) FROM w) SELECT * FROM v",
    "SELECT * EXCLUDE (id) FROM t JOIN (SELECT id, n AS m FROM u) AS v USING (id)",
    # Unions and differences
    "SELECT id, k FROM t UNION ALL BY NAME SELECT s, id FROM u",
    "SELECT id, k FROM t UNION BY NAME SELECT k, id, n FROM u",
    "(FROM t EXCEPT ALL FROM u) UNION ALL (FROM u EXCEPT ALL FROM t)",
    "SELECT k, n, d, ts FROM t EXCEPT SELECT k, n, d, ts FROM u",
    "SELECT k, b FROM t INTERSECT SELECT k, b FROM u",
    "FROM t WHERE b",
    # Joins
    "SELECT t.id, t.k FROM t SEMI JOIN u ON t.k = u.k AND t.n IS NOT DISTINCT FROM u.n",
    "SELECT t.* FROM t ANTI JOIN u ON t.k IS NOT DISTINCT FROM u.k",
    "SELECT * FROM t SEMI JOIN u USING (k, n)",
    "SELECT id, k, a.n AS n, c.m AS m FROM t AS a FULL JOIN (SELECT id, k, n AS m FROM u) AS c USING (id, k)",
    "SELECT a.id, c.id AS other FROM t AS a LEFT JOIN u AS c ON a.k = c.k AND a.ts < c.ts",
    # Conditions with queries
    "SELECT id, EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.n > t.n) AS e FROM t",
    "SELECT id, coalesce(k IN (SELECT k FROM u), FALSE) AS e FROM t",
    "SELECT id, coalesce(k NOT IN (SELECT k FROM u), FALSE) AS e FROM t",
    "SELECT id FROM t WHERE NOT (b AND k IN (SELECT k FROM u))",
    "SELECT id, CASE WHEN NOT (n IN (SELECT n FROM u WHERE n > 0) OR b) THEN 1 ELSE 2 END AS c FROM t",
    "SELECT id FROM t WHERE id NOT IN (SELECT id FROM u) OR EXISTS (SELECT 1 FROM u WHERE u.id = t.id + 1)",
    "SELECT CASE WHEN id IN (SELECT id FROM u) THEN 'there' WHEN b THEN 'b' END AS e, id FROM t",
    "SELECT EXISTS (SELECT 1 FROM t WHERE n > 2) AS e, (SELECT count(*) FROM u) AS c",
    "SELECT (SELECT coalesce(max(id), 0) FROM t) + id AS i FROM u",
    # Rows as values
    "SELECT id FROM t WHERE (k, n) IN (SELECT (k, n) FROM u)",
    "SELECT id FROM t WHERE (k, n, b) NOT IN (SELECT (k, n, b) FROM u)",
    "SELECT a.id, c.id AS other FROM t AS a JOIN u AS c ON (a.k, a.n) IS DISTINCT FROM (c.k, c.n)",
    "SELECT a.id, c.id AS e FROM t AS a, u AS c WHERE (coalesce(a.n, 0), a.id) > (coalesce(c.n, 0), c.id)",
    "SELECT a.id, c.id AS e FROM t AS a, u AS c WHERE (a.id, coalesce(a.s, '')) = (c.id, coalesce(c.s, ''))",
    "SELECT count(DISTINCT (k, n)) AS c, count(DISTINCT k) AS e FROM t",
    "SELECT id, coalesce((b, k) = lag((b, k)) OVER (ORDER BY id, s, n, b, k, d, day, ts), FALSE) AS e FROM t",
    # Windows
    (
        "SELECT * EXCLUDE (x) FROM t "
        "QUALIFY row_number() OVER (PARTITION BY k ORDER BY n DESC, s, id, b, d, day, ts, big) = 1"
    ),
    "FROM u QUALIFY count(*) OVER (PARTITION BY k) > 1",
    (
        "SELECT id AS a, k FROM t WHERE n > 0 "
        "QUALIFY row_number() OVER (PARTITION BY k ORDER BY s, n, id) = 1 ORDER BY s, n, id, a"
    ),
    "SELECT id, min(ts) OVER (PARTITION BY k) AS o, lead(n) OVER (ORDER BY id, n, s, k) AS p FROM t",
    "SELECT id, dense_rank() OVER (ORDER BY n) AS r, rank() OVER (ORDER BY d DESC) AS q FROM t",
    # Aggregates
    (
        "SELECT k, count(*) FILTER (WHERE b) AS c, min(s) AS lo, max(s) AS hi, max(x) AS m, min(ts) AS a "
        "FROM t GROUP BY ALL"
    ),
    "SELECT k, n FROM t GROUP BY ALL HAVING count(DISTINCT (id, s)) = 1",
    "SELECT count(DISTINCT hash(k, n)) AS c, count(hash(s)) AS h FROM t",
    "SELECT max_by(k, o) AS m FROM (SELECT k, row_number() OVER (ORDER BY k) AS o FROM t WHERE k > '')",
    "SELECT k, list_contains(list(n), 2) AS y, list_contains(list(s), 'a') AS z FROM t GROUP BY k",
    "SELECT k, count(n)::BIGINT AS c, sum(CAST(n AS DECIMAL(12,0)))::BIGINT AS s FROM t GROUP BY k",
    # Texts
    "SELECT id, split_part(s, '#', 1) AS a, split_part(s, ',', 2) AS b2, s || '|' || k AS c FROM t",
    "SELECT list_contains(string_split(s, ','), 'b') AS y, string_split(s, '.') AS p FROM t",
    (
        r"SELECT s, regexp_full_match(s, '[0-9]{1,38}') AS y, "
        r"CASE WHEN regexp_full_match(s, '[0-9]{1,38}') THEN CAST(s AS HUGEINT) ELSE -1 END AS v FROM t"
    ),
    "SELECT concat_ws(',', k, s, CASE WHEN b THEN '7' END) AS c, chr(31) AS u FROM t",
    "SELECT id, length(s) AS n, starts_with(s, 'a') AS st, contains(s, '#') AS co, s LIKE 'a%' AS li FROM t",
    "SELECT coalesce(nullif(s, ''), 'none') AS v, 'it''s \\ ${x}' AS lit FROM t",
    "SELECT ['a', 'b', 'c'][n + 1] AS e FROM t WHERE n BETWEEN 0 AND 4",
    "SELECT * FROM t JOIN (SELECT k, n, id AS i FROM u) AS v USING (k, n)",
    # Numbers and times
    "SELECT id, n + 1::BIGINT AS p, CAST(b AS INTEGER) AS i, abs(d) AS a FROM t",
    (
        "SELECT id, coalesce(ts, TIMESTAMPTZ '0001-01-01 00:00:00+00') AS v, "
        "ts > TIMESTAMPTZ '2024-02-29 23:00:00+00' AS y FROM t"
    ),
    "SELECT id FROM t WHERE ts > TIMESTAMPTZ '2000-01-01 00:00:00+00' + to_seconds(86400)",
    "SELECT CAST(day AS TIMESTAMP) AS w, CAST(ts AS TIMESTAMP) AS v, CAST(ts AS DATE) AS y FROM t",
    (
        "SELECT CAST(n AS VARCHAR) AS a, CAST(d AS VARCHAR) AS e, CAST(day AS VARCHAR) AS f "
        "FROM t WHERE day > DATE '1000-01-01'"
    ),
    "SELECT id FROM t WHERE n IN (1, 2) AND (b IS NOT TRUE OR s IS NULL)",
    "SELECT x, x = x AS same, x > 1 AS more FROM t",
    "SELECT DISTINCT x, d, big FROM t",
    # Order
    "SELECT k, n, s, id, b, d, day, ts FROM t ORDER BY k, n DESC, s, id, b, d, day, ts",
    "SELECT id, s FROM t ORDER BY s DESC NULLS FIRST, id LIMIT 3",
    # Structs and lists
    "SELECT struct_pack(a := k, c := n) AS v, {'a': id, 'q': s} AS w FROM t",
    "SELECT list_filter([k, s], lambda e: e IS NOT NULL) AS v FROM t",
    "SELECT k, array_agg({'a': id, 'q': s}) AS v FROM t WHERE id = 1 AND s = 'a' GROUP BY k",
]


def canonical(table, *, ordered):
    """Rows as texts, in their order or sorted; NaN equals itself, and -0.0 is 0."""
    found = [
        repr(tuple(0.0 if value == 0 and isinstance(value, float) else value for value in row.values()))
        for row in table.to_pylist()
    ]
    return found if ordered else sorted(found)


@pytest.fixture(scope="module")
def both(duckdb_session, spark_session):
    yield duckdb_session, spark_session
    for session in (duckdb_session, spark_session):
        session.forget()


def compare(both, sql):
    """Run a query on both engines; its rows and types have to be the same."""
    duck, spark = (session.sql(sql) for session in both)
    assert duck.schema.names == spark.schema.names, sql
    assert duck.schema.types == spark.schema.types, sql
    ordered = "ORDER BY" in sql.rpartition(")")[2]
    assert canonical(duck, ordered=ordered) == canonical(spark, ordered=ordered), sql


@settings(
    max_examples=3,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
@given(t=rows(0), u=rows(1))
@example(t=SCHEMA.empty_table(), u=SCHEMA.empty_table())
def test_every_construct_gives_the_same_rows_on_both_engines(both, t, u):
    """Over rows with nulls, ties, halves, NaN, offsets and scripts, no construct tells the engines apart."""
    for session in both:
        session.register("t", t)
        session.register("u", u)
    faults = []
    for sql in QUERIES:
        try:
            compare(both, sql)
        except (A360Error, AssertionError) as error:
            faults.append(f"{sql}\n    {type(error).__name__}: {str(error)[:400]}")
    assert not faults, "\n".join(faults)


def test_numbers_without_an_order_are_distinct(both):
    """`row_number() OVER ()` promises distinct positive numbers, no more."""
    for session in both:
        session.register("many", pa.table({"n": range(10_000)}))
        session.execute(
            "CREATE OR REPLACE TEMP TABLE numbered AS SELECT row_number() OVER () AS row_id, n FROM many"
        )
        found = session.sql("SELECT row_id, n FROM numbered")
        assert found.schema.field("row_id").type == pa.int64()
        assert len(set(found["row_id"].to_pylist())) == 10_000
        assert min(found["row_id"].to_pylist()) > 0


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT n / 2 FROM t",
        "SELECT n % 2 FROM t",
        "SELECT d * 2 FROM t",
        "SELECT json_extract(s, '$.a') FROM t",
        "SELECT strftime(at, '%Y') FROM t",
        "SELECT date_diff('year', at, at) FROM t",
        "SELECT regexp_matches(s, 'a') FROM t",
        "SELECT upper(s) FROM t",
        "SELECT k IN (SELECT k FROM t) AS e FROM t",
        "SELECT no_such_function(s) FROM t",
        "INSERT INTO silver.visit SELECT 1",
        "SET threads = 1",
        "COPY t TO '/tmp/x'",
        "SELEC",
    ],
)
def test_what_has_no_rule_is_refused(spark_session, sql):
    """SQL whose meaning on Spark nobody has looked at is no query of ours: it is refused by name."""
    spark_session.register("t", pa.Table.from_pylist([], schema=SCHEMA))
    with pytest.raises(UsageError):
        spark_session.execute(f"CREATE OR REPLACE TEMP TABLE v AS {sql}" if sql.startswith("SELECT") else sql)
