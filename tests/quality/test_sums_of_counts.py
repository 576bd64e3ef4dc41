"""Counts of a dataset are brought up to date by the rows that went and came, and are what all rows give."""

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import (
    DatasetRule,
    DistributionChange,
    DuplicateRows,
    Expression,
    FailingRows,
    Latency,
    NotNull,
    NullShareChange,
    Query,
    RowCount,
    RowRule,
    ValidValues,
    VolumeChange,
)
from a360.quality import (
    Counted,
    adds_up,
    brought_up,
    counted,
    judged,
    measure_sql,
    read_counts,
    to_row,
)

SCHEMA = pa.schema([("k", pa.string()), ("v", pa.string()), ("n", pa.int64())])
ROW = st.fixed_dictionaries(
    {
        "k": st.none() | st.sampled_from("abc"),
        "v": st.none() | st.sampled_from("xy"),
        "n": st.none() | st.integers(-2, 2),
    }
)
ROWS = st.lists(ROW, max_size=8)


def rule(measure, unit="rows"):
    """A rule that asks for zero."""
    return DatasetRule("r", measure, "mustBe", (0.0,), unit, "error", "accuracy")


SUMS = (
    RowRule("v_there", ("v",), NotNull(), "error", "completeness"),
    RowRule("n_positive", (), Expression("n > 0 OR upper(v) = 'X'"), "warning", "accuracy"),
    rule(RowCount()),
    rule(FailingRows("v", ValidValues(("x",))), unit="percent"),
    rule(DuplicateRows(("k", "v"))),
    rule(VolumeChange(history=2)),
    rule(NullShareChange(column="v", history=2)),
    rule(DistributionChange("v", ("x",), (), "psi", 2, 1)),
    rule(DistributionChange("n", (), (-1.0, 1.0), "totalVariation", 2, 1)),
)
NO_SUMS = (
    RowRule("lately", (), Expression("n < extract(year FROM current_date)"), "warning", "accuracy"),
    RowRule("known", (), Expression("n IN (SELECT n FROM silver.other)"), "warning", "accuracy"),
    RowRule("drawn", (), Expression("random() < n"), "warning", "accuracy"),
    RowRule("clocked", (), Expression("n < epoch(now())"), "warning", "accuracy"),
    rule(DuplicateRows(("v",))),
    rule(Query("SELECT max(n) FROM gold.d", ("gold.d",))),
    rule(Latency("n")),
)


def measure(rows):
    """What each rule counts on rows."""
    lake = duckdb.connect()
    lake.register("rows", pa.Table.from_pylist(rows, SCHEMA))
    return counted(SUMS, lake.sql(measure_sql("gold.d", SUMS, "rows")).to_arrow_table().to_pylist()[0])


@settings(max_examples=40, deadline=None)
@given(before=ROWS, after=ROWS, changed=st.sets(st.none() | st.sampled_from("abc")))
def test_what_stays_need_not_be_counted_again(before, after, changed):
    """Whatever keys change: kept counts, less their old rows and with the new, are those of all rows."""
    kept = [row for row in before if row["k"] not in changed]
    gone = [row for row in before if row["k"] in changed]
    come = [row for row in after if row["k"] in changed]
    stored = [to_row(each) for each in judged("gold.d", SUMS, measure(before))]
    counts = read_counts(stored)
    brought = [
        brought_up(counts[each.fingerprint], out, new)
        for each, out, new in zip(SUMS, measure(gone), measure(come), strict=True)
    ]
    assert brought == measure(kept + come)


@pytest.mark.parametrize("each", SUMS, ids=lambda each: each.kind)
def test_counts_of_rows_are_sums(each):
    """What looks at each row alone, or at rows that share the key, adds up over keys."""
    assert adds_up(each, ["k"])


@pytest.mark.parametrize("each", NO_SUMS, ids=lambda each: each.name + each.kind)
def test_what_is_no_sum_is_known(each):
    """What looks across keys, at other datasets, at the clock or at chance does not add up."""
    assert not adds_up(each, ["k"])


def test_counts_that_do_not_belong_together_are_refused():
    """Nothing falls below zero, and counts of other bins or of another kind are not mixed."""
    one = Counted(checked=2, failed=1)
    assert brought_up(one, Counted(checked=3, failed=0), Counted(checked=0, failed=0)) is None
    assert brought_up(one, one, Counted(checked=2)) is None
    assert brought_up(Counted(counts=(1, 2)), Counted(counts=(1, 0)), Counted(counts=(1,))) is None
