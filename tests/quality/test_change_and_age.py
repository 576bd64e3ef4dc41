"""Freshness at a frozen time, and change against history: how far, and from when on."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.contract import DatasetRule, DistributionChange, Latency, NullShareChange, VolumeChange
from a360.quality import Past, measure_results, measure_sql, score

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rule(measure, operator="mustBeLessOrEqualTo", threshold=(20.0,), unit="percent", severity="warning"):
    """A rule of the kinds tested here."""
    return DatasetRule("mine", measure, operator, threshold, unit, severity, "timeliness")


def aged(times, limit, *, now=NOW, alive="TRUE"):
    """The result of a latency rule over rows with these times."""
    with duckdb.connect() as session:
        session.execute("SET TimeZone = 'UTC'")
        session.execute("CREATE TABLE rows (seen TIMESTAMPTZ, deleted BOOLEAN)")
        if times:
            session.executemany("INSERT INTO rows VALUES (?, ?)", times)
        rules = [rule(Latency("seen"), threshold=(limit,), unit="hours")]
        answer = session.execute(measure_sql("silver.x", rules, "rows", alive=alive, now=now))
        row = dict(zip((column[0] for column in answer.description), answer.fetchone(), strict=True))
    return measure_results("silver.x", rules, row, now=now)[0]


@pytest.mark.parametrize(
    ("times", "hours"),
    [
        ([(NOW - 5 * HOUR, False), (NOW - 50 * HOUR, False)], 5.0),
        ([(NOW, False)], 0.0),
        ([(NOW + HOUR, False), (NOW - 30 * HOUR, False)], 30.0),
        ([(NOW - HOUR, True), (NOW - 7 * HOUR, False)], 7.0),
        ([(None, False), (NOW - 0.5 * HOUR, False)], 0.5),
    ],
)
def test_age_is_that_of_the_newest_living_value_that_has_come(times, hours):
    """Neither a clock that runs ahead, nor a tombstone, nor a null makes a dataset look fresh."""
    result = aged(times, 24.0, alive="NOT deleted")
    assert result.measured == pytest.approx(hours)
    assert result.passed == (hours <= 24)


def test_the_limit_itself_is_fresh_and_a_second_later_is_not():
    """A promise of 24 hours holds at 24 hours, and no longer."""
    times = [(NOW, False)]
    assert aged(times, 24.0, now=NOW + 24 * HOUR).passed
    assert not aged(times, 24.0, now=NOW + 24 * HOUR + timedelta(seconds=1)).passed


@pytest.mark.parametrize("times", [[], [(None, False)], [(NOW + HOUR, False)]])
def test_where_nothing_has_come_nothing_is_fresh(times):
    """Without a single value in the past there is no age, and no pass."""
    result = aged(times, 24.0)
    assert (result.measured, result.passed) == (None, False)


def test_lateness_never_stops_a_commit():
    """What is late would only come later if it were refused."""
    late = DatasetRule("late", Latency("at"), "mustBeLessThan", (1.0,), "hours", "error", "timeliness")
    [result] = measure_results("silver.x", [late], {"checked": 1, "m0": 0.0}, now=NOW)
    assert (result.fails_as_error, result.blocks) == (True, False)


def changed(measure, answer, history, **asked):
    """The result of a rule that compares with history."""
    one = rule(measure, **asked)
    return measure_results("silver.x", [one], answer, history={one.fingerprint: history})[0]


def rows_of(*counts):
    """Earlier row counts, newest first."""
    return [Past(checked=count) for count in counts]


@pytest.mark.parametrize(
    ("now", "history", "percent"),
    [
        (100, (100, 100, 100), 0.0),
        (50, (100, 100, 100), 50.0),
        (130, (120, 110, 100), 0.0),
        (120, (120, 110, 100), 100 / 13),
        (0, (100, 90, 80), 100.0),
        (10, (0, 0, 0), 1000.0),
        (0, (0, 0, 0), 0.0),
        (110, (100, 90, 20), 100 * 30 / 140),
    ],
)
def test_volume_is_held_to_the_last_count_and_the_usual_growth(now, history, percent):
    """A table that grows steadily is as expected when it grows, and suspicious when it stops."""
    result = changed(VolumeChange(3), {"checked": now, "m0": now}, rows_of(*history))
    assert result.measured == pytest.approx(percent)
    assert result.passed == (percent <= 20)


@pytest.mark.parametrize("known", [0, 1, 4])
def test_too_little_history_judges_nothing(known):
    """Before there is enough to compare with, a rule neither fails nor counts in the score."""
    result = changed(VolumeChange(5), {"checked": 1, "m0": 1}, rows_of(*[1000] * known))
    assert (result.measured, result.judged, result.passed) == (None, False, True)
    assert score([result]) is None


def test_only_the_newest_measurements_are_compared_with():
    """What lies further back than the rule asks for has no say."""
    result = changed(VolumeChange(2), {"checked": 10, "m0": 10}, rows_of(10, 10, 999, 5000))
    assert result.measured == 0


def test_an_odd_day_moves_the_median_of_null_shares_little():
    """The share of nulls is held to the median, so that one bad day is not the new usual."""
    history = [Past(100, 2), Past(100, 90), Past(100, 3), Past(100, 1), Past(100, 2)]
    result = changed(NullShareChange("v", 5), {"checked": 200, "m0": 4}, history)
    assert result.measured == pytest.approx(0)
    worse = changed(NullShareChange("v", 5), {"checked": 200, "m0": 60}, history)
    assert worse.measured == pytest.approx(28)
    assert not worse.passed


def spread(counts, history, method="totalVariation", minimum=30):
    """The result of a distribution rule over three bins."""
    measure = DistributionChange("v", ("a", "b"), (), method, len(history), minimum)
    answer = {"checked": sum(counts), **{f"m0_{place}": count for place, count in enumerate(counts)}}
    return changed(measure, answer, [Past(counts=each) for each in history], threshold=(20.0,))


def test_total_variation_is_the_share_of_rows_that_lie_elsewhere():
    """Half of the rows in another bin is 50 percent, whatever the number of rows."""
    assert spread((50, 50, 0), [(500, 500, 0)] * 3).measured == pytest.approx(0)
    assert spread((100, 0, 0), [(500, 500, 0)] * 3).measured == pytest.approx(50)
    assert spread((0, 0, 100), [(500, 500, 0)] * 3).measured == pytest.approx(100)


def test_psi_agrees_with_its_textbook_formula():
    """The index is the sum over bins of the difference of shares times the logarithm of their ratio."""
    now, before = (30, 50, 20), (40, 40, 20)
    # (0.3-0.4) ln(0.3/0.4) + (0.5-0.4) ln(0.5/0.4), by hand; smoothing moves it in the third digit.
    result = spread(tuple(1000 * n for n in now), [tuple(1000 * n for n in before)] * 2, "psi")
    assert result.measured == pytest.approx(0.0287682 + 0.0223144, rel=1e-3)


def test_an_empty_bin_gives_a_finite_index():
    """A value that never came before is a great change, and no infinite one."""
    assert 1 < spread((0, 0, 100), [(50, 50, 0)] * 2, "psi").measured < 100


def test_too_few_rows_are_no_distribution():
    """Neither a small dataset is judged nor does a small measurement count as history."""
    assert not spread((10, 10, 0), [(500, 500, 0)] * 2).judged
    assert not spread((100, 0, 0), [(500, 500, 0), (3, 3, 3)]).judged


BINS = st.lists(st.integers(0, 500), min_size=3, max_size=3).filter(lambda counts: sum(counts) >= 30)


@given(BINS, st.lists(BINS, min_size=1, max_size=4), st.sampled_from(["totalVariation", "psi"]))
def test_distance_is_never_negative_and_zero_from_itself(now, history, method):
    """Both distances are zero where nothing changed, never negative, and total variation ends at 100."""
    assert spread(tuple(now), [tuple(now)] * 2, method).measured == pytest.approx(0, abs=1e-9)
    far = spread(tuple(now), [tuple(each) for each in history], method).measured
    assert far >= -1e-12
    assert method == "psi" or far <= 100 + 1e-9
