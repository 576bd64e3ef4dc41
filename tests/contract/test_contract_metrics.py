"""Freshness and change against history: how contracts declare them, and what is refused."""

# ruff: noqa: E501 - contracts stand here as people write them

import pytest

from a360.contract import DistributionChange, Latency, NullShareChange, VolumeChange, make_plan

PATIENT = "silver/patient.yaml"
AT_DATASET = "      - {metric: rowCount, mustBeGreaterThan: 0}\n"
AT_GENDER = "          - {metric: nullValues, mustBeLessThan: 5, unit: percent, severity: warning}\n"
AT_BIRTH = 'logicalTypeOptions: {minimum: "1900-01-01"}'
SLA = "customProperties:\n  - {property: a360.zone, value: silver}"


def custom(implementation: str) -> str:
    """A rule of the lake's own engine."""
    return f"{{name: mine, type: custom, engine: a360, implementation: {implementation}}}"


def rule(lake, name="mine"):
    """The dataset rule of a name."""
    rules = make_plan(lake.load()).step("silver.patient").dataset_rules
    return next(each for each in rules if each.name == name)


@pytest.mark.parametrize(
    ("implementation", "measure", "unit"),
    [
        ("{metric: nullShareChange, mustBeLessThan: 5, history: 3}", NullShareChange("gender", 3), "percent"),
        (
            "{metric: distributionChange, values: [male, female], mustBeLessThan: 20}",
            DistributionChange("gender", ("male", "female"), (), "totalVariation", 5, 30),
            "percent",
        ),
        (
            "{metric: distributionChange, values: [male], method: psi, minimumRows: 9, mustBeLessThan: 0.2}",
            DistributionChange("gender", ("male",), (), "psi", 5, 9),
            "index",
        ),
    ],
)
def test_measures_at_a_column(small_lake, implementation, measure, unit):
    """A metric at a column is a dataset rule that measures this column."""
    small_lake.replace(PATIENT, AT_GENDER, AT_GENDER + f"          - {custom(implementation)}\n")
    found = rule(small_lake)
    assert (found.measure, found.unit, found.operator, found.columns) == (
        measure,
        unit,
        "mustBeLessThan",
        ("gender",),
    )


def test_volume_stands_at_the_dataset(small_lake):
    """The number of rows is the dataset's, and is compared by the operator of the implementation."""
    implementation = "{metric: volumeChange, mustBeBetween: [0, 30]}"
    small_lake.replace(PATIENT, AT_DATASET, AT_DATASET + f"      - {custom(implementation)}\n")
    found = rule(small_lake)
    assert (found.measure, found.operator, found.threshold) == (
        VolumeChange(5),
        "mustBeBetween",
        (0.0, 30.0),
    )


@pytest.mark.parametrize(
    ("level", "column", "hours"),
    [
        ("{property: latency, value: 36, unit: h}", "known_at", 36.0),
        ("{property: ly, value: 2, unit: d, element: patient.birth_date}", "birth_date", 48.0),
        ("{property: freshness, value: 0.5, unit: days, element: last_updated}", "last_updated", 12.0),
    ],
)
def test_a_promised_latency_is_a_rule_that_warns(small_lake, level, column, hours):
    """`slaProperties` with a latency measures the age of the newest value, in hours, and never blocks."""
    small_lake.replace(PATIENT, SLA, f"slaProperties: [{level}]\n{SLA}")
    found = rule(small_lake, f"{column}_latency")
    assert found.measure == Latency(column)
    assert (found.operator, found.threshold, found.unit) == ("mustBeLessOrEqualTo", (hours,), "hours")
    assert (found.severity, found.dimension) == ("warning", "timeliness")


def test_other_service_levels_are_documentation(small_lake):
    """A promise that the lake does not measure makes no rule and no fault."""
    before = make_plan(small_lake.load()).step("silver.patient").dataset_rules
    small_lake.replace(PATIENT, SLA, f"slaProperties: [{{property: frequency, value: 1, unit: d}}]\n{SLA}")
    assert make_plan(small_lake.load()).step("silver.patient").dataset_rules == before


@pytest.mark.parametrize(
    "level",
    [
        "{property: latency, value: daily}",
        "{property: latency, value: 3}",
        "{property: latency, value: 3, unit: h, element: gender}",
        "{property: latency, value: 3, unit: h, element: nothing}",
        "{property: latency, value: 0, unit: h}",
    ],
)
def test_a_latency_that_cannot_be_measured_is_a_fault(small_lake, level):
    """A latency needs a number, a unit and a column of times, or it would promise what nothing keeps."""
    small_lake.replace(PATIENT, SLA, f"slaProperties: [{level}]\n{SLA}")
    assert {fault.code for fault in small_lake.lint()} == {"C601"}


@pytest.mark.parametrize(
    "implementation",
    [
        "{metric: distributionChange, mustBeLessThan: 20}",
        "{metric: distributionChange, values: [male], bins: [1], mustBeLessThan: 20}",
        "{metric: distributionChange, bins: [1, 2], mustBeLessThan: 20}",
        "{metric: distributionChange, values: [1], mustBeLessThan: 20}",
        "{metric: volumeChange, mustBeLessThan: 20}",
        "{metric: freshness, mustBeLessThan: 20}",
        "{metric: nullShareChange}",
        "{metric: nullShareChange, mustBeLessThan: 3, history: 1}",
        "{metric: nullShareChange, mustBeLessThan: 3, histroy: 4}",
    ],
)
def test_a_metric_that_does_not_fit_is_a_fault(small_lake, implementation):
    """What a column cannot be measured by is told at its rule; a distribution declares what it counts."""
    small_lake.replace(PATIENT, AT_GENDER, AT_GENDER + f"          - {custom(implementation)}\n")
    assert {fault.code for fault in small_lake.lint()} == {"C601"}


@pytest.mark.parametrize("bins", ["[3, 3]", "[3, 1]"])
def test_bins_rise(small_lake, bins):
    """Edges that do not rise make no bins."""
    small_lake.replace(
        "silver/encounter.yaml",
        'physicalType: "decimal(18,6)",',
        f'physicalType: "decimal(18,6)", quality: [{custom(f"{{metric: distributionChange, bins: {bins}, mustBeLessThan: 3}}")}],',
    )
    assert {fault.code for fault in small_lake.lint()} == {"C601"}


def test_the_fingerprint_is_of_what_is_counted(small_lake):
    """Another threshold leaves a rule's fingerprint as it is; another measure does not."""
    implementation = "{metric: volumeChange, mustBeLessThan: 30}"
    small_lake.replace(PATIENT, AT_DATASET, AT_DATASET + f"      - {custom(implementation)}\n")
    before = rule(small_lake).fingerprint
    small_lake.replace(PATIENT, "mustBeLessThan: 30", "mustBeLessOrEqualTo: 90")
    assert rule(small_lake).fingerprint == before
    small_lake.replace(PATIENT, "mustBeLessOrEqualTo: 90", "mustBeLessOrEqualTo: 90, history: 9")
    assert rule(small_lake).fingerprint != before
