"""Rules: what contracts say about quality, as typed objects."""

# ruff: noqa: E501 - contracts stand here as people write them

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import (
    DanglingRows,
    DatasetRule,
    DuplicateRows,
    Expression,
    FailingRows,
    Length,
    NotMissing,
    NotNull,
    Pattern,
    Query,
    Range,
    RowCount,
    RowRule,
    ValidValues,
    make_plan,
)
from a360.contract._rulebook import _OPERATORS

PATIENT = "silver/patient.yaml"
GENDER = "enum: [{value: male}, {value: female}, {value: other}, {value: unknown}]"


def rules_of(lake, dataset: str = "silver.patient"):
    """All rules of a step, by name."""
    step = make_plan(lake.load()).step(dataset)
    return {rule.name: rule for rule in (*step.rules, *step.dataset_rules)}


def test_written_and_implied_rules_come_together(small_lake):
    """Requirements, options, enumerations, keys and written rules are all rules of the dataset."""
    rules = rules_of(small_lake)
    assert rules == {
        "patient_key_required": RowRule(
            "patient_key_required", ("patient_key",), NotNull(), "error", "completeness"
        ),
        "source_required": RowRule("source_required", ("source",), NotNull(), "error", "completeness"),
        "birth_date_range": RowRule(
            "birth_date_range", ("birth_date",), Range(minimum="1900-01-01"), "error", "conformity"
        ),
        "gender_valid_values": RowRule(
            "gender_valid_values",
            ("gender",),
            ValidValues(("male", "female", "other", "unknown")),
            "error",
            "conformity",
        ),
        "born_before_known": RowRule(
            "born_before_known", (), Expression("birth_date <= known_at"), "error", "conformity"
        ),
        "primary_key": DatasetRule(
            "primary_key",
            DuplicateRows(("patient_key",)),
            "mustBe",
            (0.0,),
            "rows",
            "error",
            "uniqueness",
            ("patient_key",),
        ),
        "gender_not_null": DatasetRule(
            "gender_not_null",
            FailingRows("gender", NotNull()),
            "mustBeLessThan",
            (5.0,),
            "percent",
            "warning",
            "completeness",
            ("gender",),
        ),
        "row_count": DatasetRule(
            "row_count", RowCount(), "mustBeGreaterThan", (0.0,), "rows", "error", "coverage"
        ),
    }


def test_columns_that_refine_fills_in_have_no_row_rules(small_lake):
    """What refine itself writes is not held against the row."""
    assert "known_at_required" not in rules_of(small_lake)


def test_every_relationship_is_measured_and_only_warns(small_lake):
    """A foreign key without its row is counted, and blocks nothing."""
    rule = rules_of(small_lake, "silver.encounter")["patient_key_references_patient"]
    assert rule.measure == DanglingRows("patient_key", "silver.patient", "patient_key")
    assert (rule.severity, rule.dimension) == ("warning", "consistency")


def test_a_query_knows_the_datasets_it_reads(small_lake):
    """A rule that is a query names its datasets, its own included."""
    rule = rules_of(small_lake, "gold.visits")["as_many_as_encounters"]
    assert isinstance(rule.measure, Query)
    assert rule.measure.datasets == ("gold.visits", "silver.encounter")
    assert rule.query == rule.measure.sql


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        ("{metric: nullValues, mustBe: 0, severity: warning}", NotNull()),
        ("{metric: missingValues, mustBe: 0, arguments: {missingValues: ['', null, n/a]}}", NotMissing(("", "n/a"))),
        ("{metric: invalidValues, mustBe: 0, arguments: {validValues: [a, b]}}", ValidValues(("a", "b"))),
        ("{metric: invalidValues, mustBe: 0, unit: percent, arguments: {pattern: '[a-z]+'}}", Pattern("[a-z]+")),
        ("{type: custom, engine: a360, implementation: 'length(gender) > 1'}", Expression("length(gender) > 1")),
    ],
)  # fmt: skip
def test_rules_that_no_row_may_break_are_row_rules(small_lake, quality, expected):
    """A metric that must be 0 concerns each row alone, in whatever unit."""
    small_lake.replace(
        PATIENT, "{metric: nullValues, mustBeLessThan: 5, unit: percent, severity: warning}", quality
    )
    (rule,) = [
        rule
        for rule in rules_of(small_lake).values()
        if isinstance(rule, RowRule) and rule.columns == ("gender",) and rule.name != "gender_valid_values"
    ]
    assert rule.check == expected
    assert rule.severity == ("warning" if "warning" in quality else "error")


def test_type_options_become_checks(small_lake):
    """Patterns, lengths and limits are row rules."""
    options = "logicalTypeOptions: {pattern: '[a-z]+', minLength: 1, maxLength: 9}"
    small_lake.replace(PATIENT, GENDER, options)
    rules = rules_of(small_lake)
    assert rules["gender_pattern"].check == Pattern("[a-z]+")
    assert rules["gender_length"].check == Length(1, 9)


@pytest.mark.parametrize(
    ("quality", "measure"),
    [
        ("{metric: duplicateValues, mustBeLessThan: 1, unit: percent, arguments: {properties: [gender, birth_date]}}",
         DuplicateRows(("gender", "birth_date"))),
        ("{metric: rowCount, mustBeBetween: [1, 9]}", RowCount()),
        ("{type: sql, mustBeLessOrEqualTo: 3, query: 'SELECT count(*) FROM silver.patient'}",
         Query("SELECT count(*) FROM silver.patient", ("silver.patient",))),
    ],
)  # fmt: skip
def test_rules_of_the_whole_are_dataset_rules(small_lake, quality, measure):
    """Counts, duplicates and queries measure the dataset."""
    small_lake.replace(PATIENT, "{metric: rowCount, mustBeGreaterThan: 0}", quality)
    found = [rule for rule in rules_of(small_lake).values() if isinstance(rule, DatasetRule)]
    assert measure in [rule.measure for rule in found]


def test_derived_names_give_way_to_given_ones(small_lake):
    """A name the author chose is never taken by a derived rule, and names are unique."""
    given_name = "{name: gender_valid_values, metric: rowCount, mustBeGreaterThan: 0}"
    small_lake.replace(PATIENT, "{metric: rowCount, mustBeGreaterThan: 0}", given_name)
    rules = rules_of(small_lake)
    assert rules["gender_valid_values"].kind == "row_count"
    assert rules["gender_valid_values_2"].kind == "valid_values"


def test_documentation_is_no_rule(small_lake):
    """A quality entry of type text is for people only."""
    before = rules_of(small_lake)
    small_lake.replace(
        PATIENT,
        "      - {metric: rowCount",
        "      - {type: text, description: x}\n      - {metric: rowCount",
    )
    assert rules_of(small_lake) == before


@pytest.mark.parametrize(
    "quality",
    [
        "{metric: nullValues, mustBe: 0, arguments: {a: 1}}",
        "{metric: missingValues, mustBe: 0}",
        "{metric: invalidValues, mustBe: 0, arguments: {validValues: 3}}",
        "{metric: invalidValues, mustBe: 0, arguments: {validValues: [3]}}",
        "{metric: invalidValues, mustBe: 0, arguments: {pattern: '('}}",
        "{metric: nullValues, mustBe: 0, mustNotBe: 1}",
        "{metric: nullValues}",
        "{metric: rowCount, mustBe: 1}",
        "{type: custom, engine: a360}",
        "{type: custom, engine: a360, implementation: 'true', mustBe: 0}",
    ],
)
def test_rules_that_cannot_be_carried_out_are_faults(small_lake, quality):
    """A rule is carried out as written or refused; it is never dropped or guessed at."""
    small_lake.replace(
        PATIENT, "{metric: nullValues, mustBeLessThan: 5, unit: percent, severity: warning}", quality
    )
    assert "C601" in {fault.code for fault in small_lake.lint()}


NUMBERS = st.floats(-100, 100)


@settings(deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS)
def test_each_operator_has_its_opposite(measured, one, other):
    """Of two opposite operators exactly one holds, whatever was measured."""
    low, high = sorted((one, other))

    def holds(operator, *threshold):
        rule = DatasetRule("x", RowCount(), operator, threshold, "rows", "error", "coverage")
        return rule.holds(measured)

    assert holds("mustBe", low) != holds("mustNotBe", low)
    assert holds("mustBeGreaterThan", low) != holds("mustBeLessOrEqualTo", low)
    assert holds("mustBeLessThan", low) != holds("mustBeGreaterOrEqualTo", low)
    assert holds("mustBeBetween", low, high) != holds("mustNotBeBetween", low, high)
    assert holds("mustBeBetween", low, high) == (
        holds("mustBeGreaterOrEqualTo", low) and holds("mustBeLessOrEqualTo", high)
    )
    assert {operator for operator, _ in _OPERATORS} >= {"mustBe", "mustBeBetween"}
