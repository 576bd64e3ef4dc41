"""STABLE_ID in models: a text has one number, on every engine and for ever."""

import hashlib

import duckdb
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from a360.contract import engine_sql, typed_query
from a360.contract._portable import divergences
from a360.contract._portable_text import mended
from a360.contract._typed_sql import physical_type_of
from a360.jvm import local_spark

COLUMNS = {"silver.t": {"k": "string", "n": "int"}}
MODEL = "SELECT STABLE_ID(k) AS a, STABLE_ID('x|' || k, 60) AS b FROM t ORDER BY n NULLS LAST"
TEXTS = ["", "0", "é", "e\u0301", "\U0001f489", "a\u0000b", "'", "\\", " x ", "ẞ", "x" * 10_000, None]


def wanted(text, bits=52):
    """The number in plain Python: the first bits of the MD5 of the text's UTF-8."""
    return None if text is None else int(hashlib.md5(text.encode()).hexdigest(), 16) >> (128 - bits)


def both(texts):
    """The rows that `MODEL` gives."""
    return [(wanted(text), wanted(None if text is None else f"x|{text}", 60)) for text in texts]


def codes(sql):
    """What engines would read differently in a model."""
    written = sqlglot.parse_one(sql, "duckdb")
    return [each.code for each in divergences(typed_query(sql, COLUMNS), written=written)]


@pytest.mark.parametrize(
    ("text", "number", "of_60"),
    [("", 3731574115332107, 955282973525019424), ("é", 1809645169343978, 463269163352058555)],
)
def test_a_number_is_what_it_was(text, number, of_60):
    """What a text is numbered once it is numbered for ever, by 52 bits as by 60."""
    sql = engine_sql("SELECT STABLE_ID($t), STABLE_ID($t, 60)", "duckdb")
    assert duckdb.execute(sql, {"t": text}).fetchall() == [(number, of_60)]


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_duckdb_counts_as_python_does(texts):
    """In DuckDB every text has the first bits of its MD5 as its number, and NULL has none."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (k VARCHAR, n INT)")
        for place, text in enumerate(texts):
            connection.execute("INSERT INTO t VALUES (?, ?)", [text, place])
        assert connection.execute(engine_sql(MODEL, "duckdb")).fetchall() == both(texts)


@pytest.mark.spark
def test_spark_counts_as_python_does(spark_installed):
    """Spark gives the same numbers, with ANSI on."""
    session = local_spark()
    rows = [(text, place) for place, text in enumerate(TEXTS)]
    session.createDataFrame(rows, "k STRING, n INT").createOrReplaceTempView("t")
    result = session.sql(engine_sql(MODEL, "spark"))
    assert [field.dataType.simpleString() for field in result.schema] == ["bigint", "bigint"]
    assert [tuple(row) for row in result.collect()] == both(TEXTS)


@pytest.mark.parametrize("engine", ["duckdb", "spark", "trino"])
def test_an_engine_is_given_functions_that_it_has(engine):
    """What an engine is given has no STABLE_ID left, and is SQL of its dialect."""
    sql = engine_sql(
        "SELECT STABLE_ID(CAST(STABLE_ID(a.k) AS VARCHAR)) AS v FROM silver.t AS a "
        "JOIN silver.t AS b ON STABLE_ID(a.k, 60) = STABLE_ID(b.k, 60)",
        engine,
    )
    assert "STABLE_ID" not in sql.upper()
    assert sqlglot.parse_one(sql, dialect=engine).sql(engine) == sql


def test_a_model_of_what_duckdb_knows_stays_as_it_is_written():
    """Where nothing is to be expanded, DuckDB is given the author's own text."""
    sql = "select  k -- as written\nfrom silver.t"
    assert engine_sql(sql, "duckdb") == sql


def test_lint_knows_it():
    """The function is no fault, is of type long, and passes that type on."""
    sql = "SELECT STABLE_ID(k) AS a, COALESCE(STABLE_ID(k, 60), 0) AS b FROM silver.t"
    assert codes(sql) == []
    assert [physical_type_of(each) for each in typed_query(sql, COLUMNS).selects] == ["long", "long"]


@pytest.mark.parametrize("bits", ["64", "52.0", "n", "'60'", "NULL", "-52"])
def test_a_length_it_does_not_have_is_told(bits):
    """Bits are 52 or 60, written out."""
    assert "C715" in codes(f"SELECT STABLE_ID(k, {bits}) AS v FROM silver.t")


def test_a_number_has_to_be_made_text_first():
    """Engines write numbers as text each in its way, so that a cast has to say which."""
    assert codes("SELECT STABLE_ID(n) AS v FROM silver.t") == ["C711"]
    assert codes("SELECT STABLE_ID(CAST(n AS VARCHAR)) AS v FROM silver.t") == []


def test_a_fix_leaves_the_function_in_the_model():
    """`lint --fix` mends around the function, and does not write down what it stands for."""
    sql = "SELECT STABLE_ID(k) AS v, COUNT(*) AS c FROM silver.t GROUP BY k ORDER BY STABLE_ID(k)"
    assert mended(sql, COLUMNS)[0] == f"{sql} NULLS LAST"
