"""Row rules as SQL, held to a reading of each rule one row at a time."""

import re
from datetime import date

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import Expression, Length, NotMissing, NotNull, Pattern, Range, RowRule, ValidValues
from a360.quality import SEPARATOR, Verdicts, failure_sql, verdict_sql

SCHEMA = pa.schema([("t", pa.string()), ("n", pa.int64()), ("d", pa.date32()), ("b", pa.bool_())])

TEXTS = st.sampled_from(["", " ", "N/A", "a", "ab", "AB", "it's", "1,2", "12345", "é", "日本", "a\nb", 'x"y'])
NUMBERS = st.integers(-3, 3)
DAYS = st.dates(date(2019, 12, 30), date(2020, 1, 3))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "t": st.none() | TEXTS | st.text(max_size=4),
            "n": st.none() | NUMBERS,
            "d": st.none() | DAYS,
            "b": st.none() | st.booleans(),
        }
    ),
    max_size=12,
)

# Each expression beside what it means for a row: None where SQL's logic gives null.
EXPRESSIONS = {
    "n > 0": lambda row: None if row["n"] is None else row["n"] > 0,
    "b": lambda row: row["b"],
    "n > 0 OR t IS NULL": lambda row: row["t"] is None or (None if row["n"] is None else row["n"] > 0),
    "t <> 'it''s'": lambda row: None if row["t"] is None else row["t"] != "it's",
    "d IS NOT NULL": lambda row: row["d"] is not None,
}

OPTIONAL_NUMBER = st.none() | NUMBERS
OPTIONAL_DAY = st.none() | DAYS.map(date.isoformat)
OPTIONAL_LENGTH = st.none() | st.integers(0, 4)
COLUMNS = st.lists(st.sampled_from(["t", "n", "d", "b"]), min_size=1, max_size=2, unique=True).map(tuple)
EXAMPLES = settings(max_examples=25, deadline=None)


def ranges(bound):
    return st.builds(Range, bound, bound, bound, bound)


CHECKS = st.one_of(
    st.tuples(st.just(NotNull()), COLUMNS),
    st.tuples(st.builds(NotMissing, st.lists(TEXTS, min_size=1, max_size=3).map(tuple)), st.just(("t",))),
    st.tuples(st.builds(NotMissing, st.lists(NUMBERS, min_size=1, max_size=3).map(tuple)), st.just(("n",))),
    st.tuples(st.builds(ValidValues, st.lists(TEXTS, min_size=1, max_size=3).map(tuple)), st.just(("t",))),
    st.tuples(st.builds(ValidValues, st.lists(NUMBERS, min_size=1, max_size=3).map(tuple)), st.just(("n",))),
    st.tuples(st.builds(ValidValues, st.just((True,))), st.just(("b",))),
    st.tuples(
        st.builds(Pattern, st.sampled_from(["[0-9]{5}", "[a-z]*", "a|ab", "it's", ".", "^a.*$"])),
        st.just(("t",)),
    ),
    st.tuples(ranges(OPTIONAL_NUMBER), st.just(("n",))),
    st.tuples(ranges(OPTIONAL_DAY), st.just(("d",))),
    st.tuples(st.builds(Length, OPTIONAL_LENGTH, OPTIONAL_LENGTH), st.just(("t",))),
    st.tuples(st.builds(Expression, st.sampled_from(sorted(EXPRESSIONS))), st.just(())),
)
RULES = st.lists(st.tuples(CHECKS, st.sampled_from(["error", "warning"])), max_size=14).map(
    lambda checks: tuple(
        RowRule(f"rule {number}", columns, check, severity, "conformity")
        for number, ((check, columns), severity) in enumerate(checks)
    )
)


def fails(check, value):
    """Whether one value fails a check, read the obvious way."""
    if isinstance(check, NotNull):
        return value is None
    if isinstance(check, NotMissing):
        return value is None or value in check.values
    return value is not None and value_fails(check, value)


def value_fails(check, value):
    """The same for a value that is there."""
    if isinstance(check, ValidValues):
        return value not in check.values
    if isinstance(check, Pattern):
        return re.fullmatch(check.regex, value) is None
    if isinstance(check, Length):
        shortest, longest = check.minimum or 0, check.maximum
        return len(value) < shortest or (longest is not None and len(value) > longest)
    bounds = (check.minimum, check.maximum, check.exclusive_minimum, check.exclusive_maximum)
    low, high, above, below = (date.fromisoformat(b) if isinstance(b, str) else b for b in bounds)
    return (
        (low is not None and value < low)
        or (high is not None and value > high)
        or (above is not None and value <= above)
        or (below is not None and value >= below)
    )


def failed_rules(rules, row):
    """The numbers of the rules that a row fails."""
    return [
        number
        for number, rule in enumerate(rules)
        if (
            EXPRESSIONS[rule.check.sql](row) is False
            if isinstance(rule.check, Expression)
            else any(fails(rule.check, row[column]) for column in rule.columns)
        )
    ]


def verdicts(rules, rows):
    """What the SQL says of each row."""
    with duckdb.connect() as session:
        session.register("rows", pa.Table.from_pylist(rows, SCHEMA))
        return [row[0] for row in session.execute(f"SELECT {verdict_sql(rules)} FROM rows").fetchall()]


@EXAMPLES
@given(RULES, ROWS)
def test_a_verdict_names_exactly_the_rules_that_the_row_fails(rules, rows):
    """A row's verdict is the numbers of the rules it fails, in order, as reading them by hand gives."""
    wanted = [SEPARATOR.join(str(number) for number in failed_rules(rules, row)) for row in rows]
    assert verdicts(rules, rows) == wanted


@EXAMPLES
@given(RULES, ROWS)
def test_results_count_every_row_once_for_each_rule(rules, rows):
    """Each rule's result says how many rows it checked and how many fail it, whatever its severity."""
    tally = [(verdict, 1) for verdict in verdicts(rules, rows)]
    results = Verdicts("silver.x", rules).results(tally)
    failures = [failed_rules(rules, row) for row in rows]
    assert [(result.rule, result.checked, result.failed, result.passed) for result in results] == [
        (rule.name, len(rows), count, count == 0)
        for number, rule in enumerate(rules)
        for count in [sum(number in failed for failed in failures)]
    ]


@EXAMPLES
@given(RULES, ROWS)
def test_only_an_error_rejects_a_row(rules, rows):
    """A row is refused for the first error it makes; warnings alone refuse none."""
    judge = Verdicts("silver.x", rules)
    for row, verdict in zip(rows, verdicts(rules, rows), strict=True):
        errors = [rules[number] for number in failed_rules(rules, row) if rules[number].severity == "error"]
        assert judge.errors(verdict) == errors


@pytest.mark.parametrize("value", ["'; DROP TABLE rows; --", "O'Brien", 'quo"ted', "back\\slash", "--", "$1"])
def test_values_of_rules_never_act_as_sql(value):
    """Whatever a contract lists as a value is compared as it stands."""
    rules = (RowRule("values", ("t",), ValidValues((value,)), "error", "conformity"),)
    assert verdicts(rules, [{"t": value}, {"t": value + "x"}]) == ["", "0"]


def test_odd_column_names_are_quoted():
    """A rule on a column whose name holds quotes or words of SQL reads that column."""
    rules = (RowRule("there", ('select "x"',), NotNull(), "error", "completeness"),)
    with duckdb.connect() as session:
        session.register("rows", pa.table({'select "x"': ["a", None]}))
        assert session.execute(f"SELECT {verdict_sql(rules)} FROM rows").fetchall() == [("",), ("0",)]


def test_no_rules_refuse_nothing():
    """Without rules every row's verdict is the empty text."""
    assert verdicts((), [{"t": None}]) == [""]


@pytest.mark.parametrize(
    ("regex", "spark"),
    [
        ("[0-9]+", r"'(?d)\\A(?:[0-9]+)\\z'"),
        (r"\d", r"'(?d)\\A(?:\\d)\\z'"),
        ("a|b", r"'(?d)\\A(?:a|b)\\z'"),
    ],
)
def test_spark_is_asked_for_the_whole_text(regex, spark):
    """Spark's RLIKE finds anywhere, so the pattern is anchored as a whole, and backslashes are doubled."""
    assert spark in failure_sql(Pattern(regex), ["t"], "spark")
