"""What DuckDB, Spark and Trino read differently, and what to write instead.

DuckDB runs for real. What Spark and Trino would answer stands beside it as their documentation has it; that
transpiling does not help is shown on the SQL that sqlglot writes for them.
"""

# ruff: noqa: E501 - a case is read along its lines

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from a360.contract import FAULTS, engine_sql, typed_query
from a360.contract._portable import divergences
from a360.contract._portable_text import mended, null_orders

COLUMNS = {
    "silver.t": {
        "k": "string",
        "n": "int",
        "x": "double",
        "p": "decimal(18,2)",
        "d": "date",
        "e": "date",
        "seen_at": "timestamptz",
        "s": "string",
    }
}
AT = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def codes(sql):
    """The codes of all that engines would read differently."""
    found = {
        each.code for each in divergences(typed_query(sql, COLUMNS), written=sqlglot.parse_one(sql, "duckdb"))
    }
    return found | ({"C708"} if list(null_orders(sql)) else set())


@pytest.fixture
def answer():
    """Runs a query in DuckDB over rows."""
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA silver")
    connection.execute(
        "CREATE TABLE silver.t (k VARCHAR, n INT, x DOUBLE, p DECIMAL(18,2), d DATE, e DATE, "
        "seen_at TIMESTAMPTZ, s VARCHAR)"
    )

    def run(sql, rows):
        connection.execute("DELETE FROM silver.t")
        for row in rows:
            names = ", ".join(row)
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO silver.t ({names}) VALUES ({marks})", list(row.values()))
        return [row[0] if len(row) == 1 else row for row in connection.execute(sql).fetchall()]

    yield run
    connection.close()


@dataclass(frozen=True)
class Case:
    """A query that engines read differently, one they read alike, and what comes out.

    `elsewhere` maps an engine to what it answers by its documentation, with a piece of the SQL that sqlglot
    writes for it: that piece shows that nothing was rewritten to prevent it.
    """

    code: str
    sql: str
    rows: list[dict[str, Any]]
    duckdb: list[Any]
    elsewhere: dict[str, tuple[Any, str]]
    instead: str
    answer: list[Any] = field(default_factory=list)


CASES = [
    Case(
        "C701", "SELECT CAST(x AS INT) AS v FROM silver.t", [{"x": 2.7}], [3],
        {"spark": (2, "CAST(t.x AS INT)")},
        "SELECT CAST(FLOOR(x) AS INT) AS v FROM silver.t", [2],
    ),
    Case(
        "C702", "SELECT date_diff('year', d, e) AS v FROM silver.t", [{"d": date(2025, 12, 31), "e": date(2026, 1, 1)}], [1],
        {"spark": (0, "DATEDIFF(YEAR")},
        "SELECT CAST(EXTRACT(DAY FROM CAST(e AS TIMESTAMP) - CAST(d AS TIMESTAMP)) AS INT) AS v FROM silver.t", [1],
    ),
    Case(
        "C703", "SELECT len(CAST(NULL AS INT[])) AS v", [], [None],
        {"spark": (-1, "LENGTH(")},
        "SELECT COUNT(n) AS v FROM silver.t", [0],
    ),
    Case(
        "C704", "SELECT [n][2] AS v FROM silver.t", [{"n": 1}], [None],
        {"spark": ("INVALID_ARRAY_INDEX", "ARRAY(t.n)[1]"), "trino": ("Array subscript must be less than or equal to array length", "[2]")},
        "SELECT MAX(CASE WHEN n = 2 THEN n END) AS v FROM silver.t", [None],
    ),
    Case(
        "C705", "SELECT k FROM silver.t QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY n NULLS LAST) = 1", [{"k": "a", "n": 1}, {"k": "a", "n": 2}], ["a"],
        {"spark": ("a second column _w", "_w")},
        "SELECT k FROM (SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY n NULLS LAST) AS place FROM silver.t) AS r WHERE place = 1", ["a"],
    ),
    Case(
        "C706", "SELECT * FROM (SELECT k, n FROM silver.t) AS r", [{"k": "a", "n": 1}], [("a", 1)],
        {},
        "SELECT k, n FROM silver.t", [("a", 1)],
    ),
    Case(
        "C707", "SELECT n / 2 AS v FROM silver.t", [{"n": 3}], [1.5],
        {},  # sqlglot casts for Trino where it knows the types; the Athena engine of old contracts does not
        "SELECT CAST(n AS DOUBLE) / 2 AS v FROM silver.t", [1.5],
    ),
    Case(
        "C708", "SELECT n FROM silver.t ORDER BY n LIMIT 1", [{"n": None}, {"n": 1}], [1],
        {},
        "SELECT n FROM silver.t ORDER BY n NULLS LAST LIMIT 1", [1],
    ),
    Case(
        "C709", "SELECT concat(k, s) AS v FROM silver.t", [{"k": "a"}], ["a"],
        {},
        "SELECT k || COALESCE(s, '') AS v FROM silver.t", ["a"],
    ),
    Case(
        "C710", r"SELECT regexp_matches(s, '(?<!a)b') AS v FROM silver.t", [], [],
        {"spark": ("a look-behind is allowed", "RLIKE"), "trino": ("a look-behind is allowed", "REGEXP_LIKE")},
        "SELECT s LIKE 'b%' AS v FROM silver.t", [],
    ),
    Case(
        "C711", "SELECT s = 1 AS v FROM silver.t", [{"s": "01"}], [True],
        {"trino": ("a type error", "t.s = 1")},
        "SELECT s = '1' AS v FROM silver.t", [False],
    ),
    Case(
        "C712", "SELECT k, COUNT(*) AS v FROM silver.t GROUP BY 1", [{"k": "a"}], [("a", 1)],
        {},
        "SELECT k, COUNT(*) AS v FROM silver.t GROUP BY k", [("a", 1)],
    ),
    Case(
        "C713", "SELECT CAST(seen_at AS DATE) AS v FROM silver.t", [{"seen_at": AT}], [date(2026, 3, 1)],
        # DuckDB without its time zones takes UTC; Spark the zone of the session, here Berlin's.
        {"spark": (date(2026, 3, 2), "CAST(t.seen_at AS DATE)")},
        "SELECT d AS v FROM silver.t", [None],
    ),
    Case(
        "C714", "SELECT any_value(s) AS v FROM silver.t", [{"s": "a"}], ["a"],
        {"spark": ("any of them", "ANY_VALUE"), "trino": ("any of them", "ARBITRARY")},
        "SELECT MIN(s) AS v FROM silver.t", ["a"],
    ),
    Case(
        "C715", "SELECT soundex(s) AS v FROM silver.t", [], [],
        {"spark": ("what that engine calls so", "SOUNDEX")},
        "SELECT ASCII_LOWER(s) AS v FROM silver.t", [],
    ),
    Case(
        "C716", "SELECT d + INTERVAL '1' DAY AS v FROM silver.t", [{"d": date(2026, 1, 1)}], [datetime(2026, 1, 2)],  # noqa: DTZ001
        {"spark": (date(2026, 1, 2), "t.d + INTERVAL '1' DAY"), "trino": (date(2026, 1, 2), "t.d + INTERVAL '1' DAY")},
        "SELECT CAST(d + INTERVAL '1' DAY AS DATE) AS v FROM silver.t", [date(2026, 1, 2)],
    ),
    Case(
        "C717", "SELECT CAST(s AS TIMESTAMP) AS v FROM silver.t", [{"s": "2026-01-01T10:00:00+02:00"}], [datetime(2026, 1, 1, 10)],  # noqa: DTZ001
        {"spark": (datetime(2026, 1, 1, 8, tzinfo=UTC), "CAST(t.s AS TIMESTAMP"), "trino": ("no such cast: it is a time with a zone", "CAST(t.s AS TIMESTAMP)")},
        "SELECT seen_at AS v FROM silver.t", [None],
    ),
    Case(
        "C718", "SELECT p / 3 AS v FROM silver.t", [{"p": Decimal("1.00")}], [1 / 3],
        {"spark": (Decimal("0.3333333333333"), "t.p / 3"), "trino": (Decimal("0.33"), "t.p / 3")},
        "SELECT CAST(CAST(p AS DOUBLE) / 3 AS DECIMAL(9, 4)) AS v FROM silver.t", [Decimal("0.3333")],
    ),
    Case(
        "C719", "SELECT greatest(d, e) AS v FROM silver.t", [{"d": date(2026, 1, 1)}], [date(2026, 1, 1)],
        {"trino": (None, "GREATEST(t.d, t.e)")},
        "SELECT CASE WHEN e IS NULL OR d > e THEN d ELSE e END AS v FROM silver.t", [date(2026, 1, 1)],
    ),
    Case(
        "C720", "SELECT COUNT(DISTINCT (k, s)) AS v FROM silver.t", [{"k": "a"}], [1],
        {"spark": ("0 for COUNT(DISTINCT k, s)", "COUNT(DISTINCT")},
        "SELECT COUNT(*) AS v FROM (SELECT DISTINCT k, s FROM silver.t) AS r", [1],
    ),
    Case(
        "C722", "SELECT UPPER(s) AS v FROM silver.t", [{"s": "straße"}], ["STRAẞE"],
        {"spark": ("STRASSE", "UPPER(t.s)")},
        "SELECT ASCII_UPPER(s) AS v FROM silver.t", ["STRAßE"],
    ),
    Case(
        "C723", "SELECT CAST(x AS VARCHAR) AS v FROM silver.t", [{"x": 0.00001}], ["1e-05"],
        {"spark": ("1.0E-5", "CAST(t.x AS STRING)")},
        "SELECT CAST(p AS VARCHAR) AS v FROM silver.t", [None],
    ),
    Case(
        "C724", "SELECT x / n AS v FROM silver.t", [{"x": 1.0, "n": 0}], [float("inf")],
        {"spark": ("DIVIDE_BY_ZERO", "t.x / t.n")},
        "SELECT x / NULLIF(n, 0) AS v FROM silver.t", [None],
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_what_differs_is_told(case):
    """A construct that engines read differently is a fault of its code, and what stands instead is none."""
    assert case.code in codes(case.sql)
    assert codes(case.instead) == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_duckdb_answers_so(case, answer):
    """DuckDB answers as the case says, and the portable query answers what was meant."""
    if case.code == "C710":
        with pytest.raises(duckdb.InvalidInputException, match="perl"):
            answer(case.sql, [{"s": "b"}])
        return
    if case.code == "C715":
        with pytest.raises(duckdb.CatalogException):
            answer(case.sql, [])
        return
    assert answer(case.sql, case.rows) == case.duckdb
    assert answer(engine_sql(case.instead, "duckdb"), case.rows if case.code != "C703" else []) == case.answer


@pytest.mark.parametrize(
    ("case", "engine"), [(case, engine) for case in CASES for engine in case.elsewhere], ids=str
)
def test_transpiling_lets_it_through(case, engine):
    """What another engine would read differently is in the SQL that is written for it."""
    told, piece = case.elsewhere[engine]
    assert piece in typed_query(case.sql, COLUMNS).sql(engine)
    assert [told] != case.duckdb


def test_every_code_has_its_case():
    """Each code of portable SQL is shown by a case; C721 has no answer to compare."""
    assert {case.code for case in CASES} == {code for code in FAULTS if code.startswith("C7")} - {"C721"}


def test_every_code_is_explained():
    """docs/models.md says of each code what would differ and what to write instead."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text("utf-8")
    for code in (code for code in FAULTS if code.startswith(("C53", "C54", "C7"))):
        assert f"| {code} |" in text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a.k FROM silver.t AS a ASOF JOIN silver.t AS b ON a.k = b.k AND a.n >= b.n",
        "SELECT k FROM silver.t UNION BY NAME SELECT s AS k FROM silver.t",
        "SELECT k FROM silver.t ORDER BY n NULLS LAST LIMIT 10%",
        "SELECT CAST(n AS HUGEINT) AS v FROM silver.t",
        "SELECT {'a': n} AS v FROM silver.t",
        "SELECT k FROM silver.t WHERE k = s COLLATE nocase",
    ],
)
def test_what_not_every_engine_has_is_told(sql):
    """A join, type or clause that an engine lacks is a fault in the contracts, and not a failure at night."""
    assert "C721" in codes(sql)


@pytest.mark.parametrize(
    ("code", "sql"),
    [
        ("C722", "SELECT SUBSTRING(s, 0, 2) AS v FROM silver.t"),
        ("C722", r"SELECT s LIKE '50\%' AS v FROM silver.t"),
        ("C722", "SELECT s LIKE k AS v FROM silver.t"),
        ("C723", "SELECT ROUND(x, 2) AS v FROM silver.t"),
        ("C723", "SELECT CAST(x AS DECIMAL(9, 2)) AS v FROM silver.t"),
        ("C723", "SELECT SUM(x) AS v FROM silver.t"),
        ("C723", "SELECT LN(x) AS v FROM silver.t"),
        ("C723", "SELECT FLOOR(x) AS v FROM silver.t"),
        ("C724", "SELECT CAST(n AS DOUBLE) / 0 AS v FROM silver.t"),
    ],
)
def test_values_that_differ_in_some_rows_are_told(code, sql):
    """What gives other values for a few texts and numbers only is a fault as well."""
    assert codes(sql) == {code}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT TRIM(s) AS v FROM silver.t",
        "SELECT s LIKE '50%' AS v FROM silver.t",
        "SELECT CAST(FLOOR(x) AS BIGINT) AS v FROM silver.t",
        "SELECT CAST(CAST(x AS DOUBLE) AS DECIMAL(9, 2)) AS v FROM silver.t",
        "SELECT CAST(x / 3 AS DECIMAL(9, 2)) AS v FROM silver.t",
        "SELECT SUM(p) AS v FROM silver.t",
    ],
)
def test_what_is_written_out_is_no_fault(sql):
    """Text functions that say what they mean, and doubles that become decimals at the end, are alike."""
    assert codes(sql) == set()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT random() AS v",
        "SELECT now() AS v",
        "SELECT today() AS v",
        "SELECT CURRENT_DATE AS v",
        "SELECT uuid() AS v",
        "SELECT k FROM silver.t LIMIT 1",
        "SELECT DISTINCT ON (k) k, n FROM silver.t",
        "SELECT k FROM silver.t USING SAMPLE 10 PERCENT (bernoulli)",
        "SELECT string_agg(k, ',') AS v FROM silver.t",
        "SELECT ROW_NUMBER() OVER (PARTITION BY k) AS v FROM silver.t",
    ],
)
def test_what_no_run_repeats_is_told(sql):
    """Whatever may be another value at the next run is told: a run without changes is to change nothing."""
    assert "C714" in codes(sql)


def test_a_fix_changes_nothing_that_duckdb_computes(answer):
    """`lint --fix` says where NULLs go and names what a place number stands for; the answer stays."""
    sql = "SELECT s, COUNT(*) AS v FROM silver.t GROUP BY 1 ORDER BY s DESC, lower(s), v"
    text, fixes = mended(sql, COLUMNS)
    assert text == (
        "SELECT s, COUNT(*) AS v FROM silver.t GROUP BY s "
        "ORDER BY s DESC NULLS LAST, lower(s) NULLS LAST, v NULLS LAST"
    )
    assert len(fixes) == 4
    rows = [{"s": "a"}, {"s": None}, {"s": "b"}, {"s": "b"}]
    assert answer(sql, rows) == answer(text, rows) == [("b", 2), ("a", 1), (None, 1)]
    assert mended(text, COLUMNS) == (text, [])


def test_what_cannot_be_mended_for_certain_stays():
    """A place number that stands for a computation is left to its author, and so is what cannot be read."""
    for sql in (
        "SELECT lower(s) AS v, COUNT(*) AS c FROM silver.t GROUP BY 1",
        "SELECT nope FROM silver.t ORDER BY k",
    ):
        assert mended(sql, COLUMNS) == (sql, [])
