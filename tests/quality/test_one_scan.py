"""All rules of a dataset are measured in one scan of it, and give what each would give alone."""

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import (
    DanglingRows,
    DatasetRule,
    DistributionChange,
    DuplicateRows,
    Expression,
    FailingRows,
    NotNull,
    NullShareChange,
    Query,
    RowCount,
    RowRule,
    ValidValues,
    VolumeChange,
)
from a360.quality import measure_results, measure_sql

SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("k", pa.string()),
        ("v", pa.string()),
        ("n", pa.int64()),
        ("deleted", pa.bool_()),
    ]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.just("s"),
            "k": st.sampled_from("abc"),
            "v": st.none() | st.sampled_from("xy"),
            "n": st.none() | st.integers(-2, 2),
            "deleted": st.booleans(),
        }
    ),
    max_size=8,
)


def rule(measure, name="r"):
    """A rule that asks for zero."""
    return DatasetRule(name, measure, "mustBe", (0.0,), "rows", "error", "accuracy")


RULES = (
    RowRule("v_there", ("v",), NotNull(), "error", "completeness"),
    RowRule("n_positive", (), Expression("n > 0"), "warning", "accuracy"),
    rule(RowCount()),
    rule(FailingRows("v", ValidValues(("x",)))),
    rule(DuplicateRows(("source", "k"))),
    rule(DuplicateRows(("v",))),
    rule(DanglingRows("v", "silver.y", "k")),
    rule(VolumeChange(5)),
    rule(NullShareChange("n", 5)),
    rule(DistributionChange("v", ("x", "y"), (), "totalVariation", 5, 1)),
    rule(DistributionChange("n", (), (0.0, 1.0), "psi", 5, 1)),
    rule(Query("SELECT count(*) FROM silver.x WHERE v = 'x'", ("silver.x",))),
    rule(
        Query(
            "SELECT (SELECT sum(n) FROM silver.x) - (SELECT count(*) FROM silver.y)", ("silver.x", "silver.y")
        )
    ),
)


@pytest.fixture(scope="module")
def session():
    """A database with two empty datasets."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA silver")
        connection.register("shape", SCHEMA.empty_table())
        connection.execute("CREATE TABLE silver.x AS FROM shape")
        connection.execute("CREATE TABLE silver.y AS FROM shape")
        yield connection


def fill(session, rows, others=()):
    """Put rows into both datasets."""
    for name, data in (("x", rows), ("y", others)):
        session.execute(f"DELETE FROM silver.{name}")
        session.register("data", pa.Table.from_pylist(list(data), SCHEMA))
        session.execute(f"INSERT INTO silver.{name} FROM data")


def measured(session, rules):
    """The results of rules on the first dataset."""
    answer = session.execute(measure_sql("silver.x", rules, "silver.x", alive="NOT deleted"))
    row = dict(zip((column[0] for column in answer.description), answer.fetchone(), strict=True))
    return measure_results("silver.x", rules, row)


def scans_of(session, sql, table):
    """How often a plan scans a table."""
    plan = "\n".join(row[1] for row in session.execute(f"EXPLAIN {sql}").fetchall())
    compact = "".join(plan.replace("│", "").split())
    return compact.count(f"memory.silver.{table}")


def test_the_plan_scans_a_dataset_once(session):
    """However many rules there are, and whatever they measure, the plan has one scan of their dataset."""
    fill(session, [{"source": "s", "k": "a", "v": "x", "n": 1, "deleted": False}] * 3)
    alone = measure_sql("silver.x", [rule(RowCount())], "silver.x", alive="NOT deleted")
    assert scans_of(session, alone, "x") == 1
    both = measure_sql("silver.x", RULES, "silver.x", alive="NOT deleted")
    assert scans_of(session, both, "x") == 1
    assert scans_of(session, both, "y") == 2


def test_a_query_that_joins_its_dataset_reads_it_again(session):
    """What is more than aggregates cannot share the scan; it is measured all the same."""
    fill(session, [{"source": "s", "k": "a", "deleted": False}], [{"source": "s", "k": "a"}])
    joined = rule(Query("SELECT count(*) FROM silver.x AS x JOIN silver.y AS y ON x.k = y.k", ()))
    assert scans_of(session, measure_sql("silver.x", [joined], "silver.x"), "x") == 2
    assert measured(session, [joined])[0].measured == 1


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, others=ROWS)
def test_rules_measured_together_are_as_if_measured_alone(session, rows, others):
    """Neither joins nor filters of one rule change what another counts."""
    fill(session, rows, others)
    together = measured(session, RULES)
    assert together == [measured(session, [each])[0] for each in RULES]
    living = [row for row in rows if not row["deleted"]]
    by_name = dict(zip(("v_there", "n_positive"), together, strict=False))
    assert by_name["v_there"].failed == sum(row["v"] is None for row in living)
    assert by_name["n_positive"].failed == sum(row["n"] is not None and row["n"] <= 0 for row in living)
    values = [row["v"] for row in living]
    assert together[9].counts == (values.count("x"), values.count("y"), 0)
    numbers = [row["n"] for row in living if row["n"] is not None]
    assert together[10].counts == (
        sum(n < 0 for n in numbers),
        sum(0 <= n < 1 for n in numbers),
        sum(n >= 1 for n in numbers),
    )


QUERIES = (
    "SELECT count(*) FROM silver.x",
    "SELECT count(DISTINCT x.v) AS values FROM silver.x WHERE x.n > 0 OR x.v IS NULL",
    "SELECT max(n) - min(n) FROM silver.x AS mine WHERE mine.v = 'x'",
    "SELECT sum(n) / 2 FROM silver.x",
    "SELECT (SELECT count(*) FROM silver.x WHERE deleted) + (SELECT coalesce(sum(n), 0) FROM silver.x)",
    "SELECT (SELECT count(*) FROM silver.x) - (SELECT count(*) FROM silver.y WHERE NOT deleted)",
    "SELECT CASE WHEN (SELECT count(*) FROM silver.x) = 0 THEN 1 ELSE 0 END",
    "SELECT count(*) FROM silver.x WHERE k IN (SELECT k FROM silver.y)",
    "SELECT count(*) FROM (SELECT k FROM silver.x GROUP BY k HAVING count(*) > 1) AS repeated",
    "SELECT count(*) FROM silver.x GROUP BY source",
    "SELECT count(*) FROM silver.x LIMIT 1",
    "SELECT DISTINCT count(*) FROM silver.x",
    "SELECT count(*) FILTER (WHERE deleted) FROM silver.x WHERE n > 0",
    "WITH mine AS (SELECT * FROM silver.x) SELECT count(*) FROM mine",
    "SELECT (SELECT count(*) FROM silver.y AS y WHERE y.n > (SELECT min(n) FROM silver.x))",
    "SELECT count(*) FROM silver.x, silver.y",
    "SELECT string_agg(v, '' ORDER BY v) = 'x' FROM silver.x",
)


@settings(max_examples=15, deadline=None)
@given(rows=ROWS, others=ROWS)
@pytest.mark.parametrize("query", QUERIES)
def test_a_query_gives_what_it_gives_on_its_own(session, query, rows, others):
    """Folded into the scan or not, a query's number is the one the engine gives for its text."""
    fill(session, rows, others)
    found = session.execute(query).fetchall()
    wanted = found[0][0] if found else None
    result = measured(session, [rule(Query(query, ()))])[0]
    assert result.measured == (None if wanted is None else float(wanted))
