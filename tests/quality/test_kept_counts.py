"""What was counted is kept, and later thresholds are held to it without counting again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.contract import (
    DatasetRule,
    DistributionChange,
    FailingRows,
    Latency,
    NotNull,
    Query,
    RowCount,
    RowRule,
    VolumeChange,
)
from a360.quality import (
    RuleBlockedError,
    Stored,
    judge_stored,
    measure_results,
    of_row,
    read_history,
    require_unblocked,
    to_row,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPERATORS = {
    "mustBe": 1,
    "mustNotBe": 1,
    "mustBeGreaterThan": 1,
    "mustBeGreaterOrEqualTo": 1,
    "mustBeLessThan": 1,
    "mustBeLessOrEqualTo": 1,
    "mustBeBetween": 2,
    "mustNotBeBetween": 2,
}
MEASURES = {
    "nulls": FailingRows("v", NotNull()),
    "rows": RowCount(),
    "query": Query("SELECT 1", ()),
    "bins": DistributionChange("v", ("a",), (), "totalVariation", 2, 1),
    "volume": VolumeChange(2),
}


def rule(measure, operator="mustBe", threshold=(0.0,), unit="rows", severity="error"):
    """A dataset rule."""
    return DatasetRule("mine", measure, operator, threshold, unit, severity, "accuracy")


def measured(one, answer, **more):
    """The result of one rule from an answer."""
    return measure_results("silver.x", [one], answer, now=NOW, **more)[0]


def kept(result, at=NOW, commit="c1"):
    """A result as it comes back from the table."""
    return Stored(of_row(to_row(result)), at, commit)


@given(
    st.sampled_from(sorted(MEASURES)),
    st.tuples(*[st.integers(0, 9)] * 3),
    st.sampled_from(sorted(OPERATORS)),
    st.sampled_from(sorted(OPERATORS)),
    st.lists(st.integers(0, 60), min_size=4, max_size=4),
    st.tuples(*[st.sampled_from(["rows", "percent"])] * 2),
)
def test_a_new_threshold_on_kept_counts_is_as_if_measured_anew(name, counts, before, after, limits, units):
    """Whatever operator, threshold and unit a rule had when it was measured, the one it has now decides."""
    answer = {"checked": counts[0] + counts[1], "m0": counts[1], "m0_0": counts[0], "m0_1": counts[1]}
    measure = MEASURES[name]
    fixed = name in {"rows", "query", "bins", "volume"}
    old, new = (
        rule(
            measure,
            operator,
            tuple(map(float, sorted(limits[place : place + OPERATORS[operator]]))),
            "rows" if fixed else unit,
        )
        for operator, place, unit in ((before, 0, units[0]), (after, 2, units[1]))
    )
    history = {measure_rule.fingerprint: () for measure_rule in (old, new)}
    [again], unknown = judge_stored("silver.x", [new], [kept(measured(old, answer, history=history))], NOW)
    assert unknown == []
    assert again == measured(new, answer, history=history)


def test_what_was_never_counted_is_told():
    """A rule that counts something else than what is kept is named, and judged by nothing."""
    old, new = rule(FailingRows("v", NotNull())), rule(FailingRows("w", NotNull()))
    results, unknown = judge_stored("silver.x", [new], [kept(measured(old, {"checked": 3, "m0": 1}))], NOW)
    assert (results, unknown) == ([], ["mine"])


def test_the_newest_of_several_measurements_counts():
    """Of two measurements of the same the later one is believed, in whatever order they come."""
    one = rule(FailingRows("v", NotNull()))
    old = kept(measured(one, {"checked": 3, "m0": 3}), NOW - timedelta(days=1), "c0")
    new = kept(measured(one, {"checked": 3, "m0": 0}))
    for order in ([old, new], [new, old]):
        [result], _ = judge_stored("silver.x", [one], order, NOW)
        assert result.passed


def test_age_grows_while_nobody_looks():
    """A latency kept three hours ago is three hours longer now."""
    one = DatasetRule("age", Latency("at"), "mustBeLessThan", (6.0,), "hours", "warning", "timeliness")
    result = measured(one, {"checked": 1, "m0": (NOW - timedelta(hours=4)).timestamp()})
    assert result.passed
    [later], _ = judge_stored("silver.x", [one], [kept(result)], NOW + timedelta(hours=3))
    assert (later.measured, later.passed) == (pytest.approx(7.0), False)


def test_a_row_rule_is_judged_by_its_counts():
    """A row rule holds where no row failed, then as now."""
    one = RowRule("there", ("v",), NotNull(), "error", "completeness")
    [result], _ = judge_stored("silver.x", [one], [kept(measured(one, {"checked": 9, "m0": 2}))], NOW)
    assert (result.failed, result.passed, result.fails_as_error, result.blocks) == (2, False, True, False)


def test_counts_survive_the_table():
    """A result comes back from its row as it was, but for the digits that a threshold is written with."""
    one = rule(MEASURES["bins"], "mustBeBetween", (0.0, 12.5), "percent")
    result = measured(one, {"checked": 4, "m0_0": 3, "m0_1": 1})
    assert of_row(to_row(result)) == result
    assert to_row(result)["counts"] == "3,1"


def test_history_is_told_apart_by_what_was_measured():
    """Earlier measurements are found by the fingerprint of what they measured, in the order they come."""
    rows = [
        {"measure": "a", "checked": 2, "failed": None, "counts": None},
        {"measure": "b", "checked": 3, "failed": 1, "counts": "1,2"},
        {"measure": "a", "checked": 1, "failed": None, "counts": None},
    ]
    history = read_history(rows)
    assert [past.checked for past in history["a"]] == [2, 1]
    assert [(past.failed, past.counts) for past in history["b"]] == [(1, (1, 2))]


def test_what_blocks_brings_its_results_along():
    """The failure that stops a commit names rule, measure and threshold, and holds all results."""
    one = rule(RowCount(), "mustBeBetween", (5.0, 9.5))
    results = [measured(one, {"checked": 2, "m0": 2})]
    with pytest.raises(RuleBlockedError) as failure:
        require_unblocked("silver.x", results, rows_too=False, next_step="mend it")
    assert failure.value.results == tuple(results)
    assert "measured 2, asked mustBeBetween 5 and 9.5" in str(failure.value)
    require_unblocked(
        "silver.x", [replace(results[0], severity="warning")], rows_too=False, next_step="mend it"
    )
