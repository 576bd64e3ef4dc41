"""Dataset rules: all measures in one query, held to counting by hand."""

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import (
    DanglingRows,
    DatasetRule,
    DuplicateRows,
    FailingRows,
    NotNull,
    Query,
    RowCount,
    ValidValues,
)
from a360.quality import measure_results, measure_sql

SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("k", pa.string()),
        ("v", pa.string()),
        ("up", pa.string()),
        ("deleted", pa.bool_()),
    ]
)
LETTERS = st.sampled_from(["a", "b", "c"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(["one", "two"]),
            "k": LETTERS,
            "v": st.none() | LETTERS,
            "up": st.none() | LETTERS,
            "deleted": st.booleans(),
        }
    ),
    max_size=10,
)
EXAMPLES = settings(max_examples=25, deadline=None)


def rule(measure, operator="mustBe", threshold=(0,), unit="rows", severity="error"):
    return DatasetRule("a rule", measure, operator, threshold, unit, severity, "consistency")


def measured(rules, rows, others=(), *, relation="staged", alive="TRUE"):
    """Measure rules over rows that are about to land in silver.x, beside the table silver.y."""
    with duckdb.connect() as session:
        session.execute("CREATE SCHEMA silver")
        for name, data in (("staged", rows), ("other", others)):
            session.register(name, pa.Table.from_pylist(list(data), SCHEMA))
        session.execute("CREATE TABLE silver.x AS SELECT * FROM staged WHERE FALSE")
        session.execute("CREATE TABLE silver.y AS SELECT * FROM other")
        answer = session.execute(measure_sql("silver.x", rules, relation, alive=alive))
        values = dict(zip((column[0] for column in answer.description), answer.fetchone(), strict=True))
    return measure_results("silver.x", rules, values)


@EXAMPLES
@given(ROWS, ROWS)
def test_measures_are_counts_over_living_rows(rows, others):
    """Every measure counts rows as one would by hand, and leaves tombstones out."""
    alive = [row for row in rows if not row["deleted"]]
    rules = [
        rule(RowCount()),
        rule(FailingRows("v", NotNull())),
        rule(FailingRows("v", ValidValues(("a", "b")))),
        rule(DuplicateRows(("source", "k"))),
        rule(DuplicateRows(("v",))),
        rule(DanglingRows("v", "silver.y", "k")),
        rule(DanglingRows("up", "silver.x", "k")),
    ]
    results = measured(rules, rows, others, alive="NOT deleted")
    there, own = ({(row["source"], row["k"]) for row in table} for table in (others, rows))
    assert [result.measured for result in results] == [
        len(alive),
        sum(row["v"] is None for row in alive),
        sum(row["v"] == "c" for row in alive),
        len(alive) - len({(row["source"], row["k"]) for row in alive}),
        len(alive) - len({row["v"] for row in alive}),
        sum(row["v"] is not None and (row["source"], row["v"]) not in there for row in alive),
        sum(row["up"] is not None and (row["source"], row["up"]) not in own for row in alive),
    ]


@EXAMPLES
@given(ROWS)
def test_percentages_are_shares_of_living_rows(rows):
    """A rule in percent measures failing rows in a hundred living ones, and 0 where there are none."""
    alive = [row for row in rows if not row["deleted"]]
    [result] = measured(
        [rule(FailingRows("v", NotNull()), "mustBeLessThan", (50,), "percent")], rows, alive="NOT deleted"
    )
    share = 100 * sum(row["v"] is None for row in alive) / len(alive) if alive else 0
    assert result.measured == pytest.approx(share)
    assert result.passed == (share < 50)


@pytest.mark.parametrize(
    "relation", ["staged", "(SELECT * FROM staged)", "(SELECT * FROM staged WHERE k <> 'z')"]
)
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("SELECT count(*) FROM silver.x", 2),
        ("SELECT count(*) FROM silver.x AS mine JOIN silver.y AS other ON mine.k = other.k", 1),
        ("SELECT count(x.k) FROM silver.x", 2),
        ("WITH mine AS (SELECT k FROM silver.x) SELECT count(*) FROM mine", 2),
        ("SELECT (SELECT count(*) FROM silver.x) - (SELECT count(*) FROM silver.y)", 1),
        ("SELECT count(*) FROM silver.x WHERE k IN (SELECT v FROM silver.x)", 0),
        ("SELECT count(*) FROM silver.y", 1),
    ],
)
def test_a_query_reads_its_own_dataset_as_it_is_about_to_be(relation, query, wanted):
    """In a query rule the own dataset is the rows about to land, under the name or alias it was given."""
    rows = [{"k": "a", "deleted": False}, {"k": "b", "deleted": False}]
    [result] = measured([rule(Query(query, ()))], rows, [{"k": "a"}], relation=relation)
    assert result.measured == wanted


def test_a_query_that_measures_nothing_never_passes():
    """A query that gives null has found nothing out, whatever was asked."""
    [result] = measured([rule(Query("SELECT max(k) FROM silver.x WHERE FALSE", ()), "mustNotBe", (7,))], [])
    assert not result.passed
    assert result.blocks


@pytest.mark.parametrize(
    ("operator", "threshold", "holding"),
    [
        ("mustBe", (2,), {2}),
        ("mustNotBe", (2,), {0, 1, 3, 4}),
        ("mustBeGreaterThan", (2,), {3, 4}),
        ("mustBeGreaterOrEqualTo", (2,), {2, 3, 4}),
        ("mustBeLessThan", (2,), {0, 1}),
        ("mustBeLessOrEqualTo", (2,), {0, 1, 2}),
        ("mustBeBetween", (1, 3), {1, 2, 3}),
        ("mustNotBeBetween", (1, 3), {0, 4}),
    ],
)
def test_operators_say_which_numbers_hold(operator, threshold, holding):
    """Each operator holds for the numbers its name says, both ends of a range included."""
    passed = {
        count
        for count in range(5)
        if measured([rule(RowCount(), operator, threshold)], [{"k": "a"}] * count)[0].passed
    }
    assert passed == holding


@pytest.mark.parametrize(("severity", "blocks"), [("error", True), ("warning", False)])
def test_only_an_error_blocks(severity, blocks):
    """A dataset rule that does not hold stops a commit where its severity is error, and only then."""
    [result] = measured([rule(RowCount(), "mustBeGreaterThan", (0,), severity=severity)], [])
    assert (result.passed, result.blocks) == (False, blocks)


def test_a_patient_key_needs_no_source_beside_it():
    """A token names its source, so that a patient of another source's row is found; other ids are not."""
    with duckdb.connect() as session:
        session.execute("CREATE SCHEMA silver")
        session.execute(
            "CREATE TABLE silver.y AS SELECT 'one' AS source, 'p' AS patient_key, 'e' AS encounter_id"
        )
        session.execute(
            "CREATE TABLE staged AS SELECT 'two' AS source, 'p' AS patient_key, 'e' AS encounter_id"
        )
        rules = [
            rule(DanglingRows("patient_key", "silver.y", "patient_key")),
            rule(DanglingRows("encounter_id", "silver.y", "encounter_id")),
        ]
        assert session.execute(measure_sql("silver.x", rules, "staged")).fetchall() == [(1, 0, 1)]
