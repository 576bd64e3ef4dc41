"""Column lineage of single queries: values, decisions, and what chooses rows."""

# ruff: noqa: E501 - cases are read along their lines

import pytest

from a360.contract import typed_query
from a360.lineage import Field, Use, query_lineage

COLUMNS = {
    "silver.a": {"k": "string", "v": "int", "w": "int", "f": "boolean"},
    "silver.b": {"k": "string", "x": "int", "y": "int"},
}
A = {name: Field("silver.a", name) for name in COLUMNS["silver.a"]}
B = {name: Field("silver.b", name) for name in COLUMNS["silver.b"]}


def lineage(sql, **keys):
    """The lineage of a query; `keys` names the key columns of tables."""
    return query_lineage(typed_query(sql, COLUMNS), lambda name: keys.get(name.removeprefix("silver."), ()))


def test_a_filter_chooses_rows_and_makes_no_value():
    """What WHERE looks at stands with the rows, not in each column."""
    found = lineage("SELECT v AS n FROM silver.a WHERE f")
    assert found.columns["n"] == {A["v"]: {Use.IDENTITY}}
    assert found.rows == {A["f"]: {Use.FILTER}}


def test_a_count_depends_on_what_it_counts():
    """A count has no value of its own: the filter and the group make it."""
    found = lineage("SELECT k, COUNT(*) AS n FROM silver.a WHERE f GROUP BY k")
    assert found.columns["n"] == {A["f"]: {Use.FILTER}, A["k"]: {Use.GROUP_BY}}
    assert found.columns["k"] == {A["k"]: {Use.IDENTITY}}


def test_a_condition_decides_and_is_no_value():
    """CASE takes its values from its branches, and its choice from its conditions."""
    found = lineage("SELECT CASE WHEN f THEN v ELSE w END AS n FROM silver.a").columns["n"]
    assert found == {A["f"]: {Use.CONDITIONAL}, A["v"]: {Use.TRANSFORMATION}, A["w"]: {Use.TRANSFORMATION}}


@pytest.mark.parametrize(
    ("joined", "keys", "alone"),
    [
        ("silver.b AS b", {"b": ("k",)}, True),
        ("silver.b AS b", {"b": ("k", "x")}, False),
        ("silver.b AS b", {}, False),
        ("(SELECT k, MAX(x) AS x FROM silver.b GROUP BY k) AS b", {}, True),
        ("(SELECT DISTINCT k FROM silver.b) AS b", {}, True),
        ("(SELECT k FROM (SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY x) AS p FROM silver.b) AS r WHERE p = 1) AS b", {}, True),
        ("(SELECT k FROM (SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY x) AS p FROM silver.b) AS r WHERE p <= 2) AS b", {}, False),
        ("(SELECT k, x FROM silver.b UNION ALL SELECT k, y FROM silver.b) AS b", {"b": ("k",)}, False),
    ],
)  # fmt: skip
def test_only_a_join_that_may_multiply_chooses_rows(joined, keys, alone):
    """A left join to at most one row leaves the rows as they are; to several it makes them more."""
    found = lineage(f"SELECT a.v AS n FROM silver.a AS a LEFT JOIN {joined} ON b.k = a.k", **keys)
    assert (found.rows == {}) is alone
    assert found.columns["n"] == {A["v"]: {Use.IDENTITY}}


def test_a_left_joined_value_depends_on_the_match():
    """Whether there is a value at all is decided by the join, and by what chose the rows of the other side."""
    found = lineage(
        "SELECT b.x AS n FROM silver.a AS a LEFT JOIN (SELECT k, MAX(x) AS x FROM silver.b WHERE y = 1 GROUP BY k) AS b "
        "ON b.k = a.k"
    ).columns["n"]
    assert Use.AGGREGATION in found[B["x"]]
    assert Use.FILTER in found[B["y"]]
    assert Use.JOIN in found[A["k"]]


def test_an_inner_join_chooses_rows():
    """What is met on both sides stays: keys and filters of either side choose rows."""
    found = lineage(
        "SELECT a.v AS n FROM silver.a AS a JOIN silver.b AS b ON b.k = a.k AND b.y = 1", b=("k",)
    )
    assert found.rows == {A["k"]: {Use.JOIN}, B["k"]: {Use.JOIN}, B["y"]: {Use.FILTER}}


def test_a_subquery_goes_in_with_what_chose_its_rows():
    """A correlated count depends on its filter and on the key that ties it to the row."""
    found = lineage(
        "SELECT (SELECT COUNT(*) FROM silver.b AS b WHERE b.k = a.k AND b.y = 1) AS n FROM silver.a AS a"
    )
    assert found.columns["n"] == {B["k"]: {Use.JOIN}, A["k"]: {Use.JOIN}, B["y"]: {Use.FILTER}}


def test_a_limit_chooses_by_its_order():
    """Which rows are left is decided by what they are sorted by; an order alone decides nothing."""
    assert lineage("SELECT k FROM silver.a ORDER BY v LIMIT 1").rows == {A["v"]: {Use.SORT}}
    assert lineage("SELECT k FROM silver.a ORDER BY v").rows == {}
