"""The measures that ODCS has no library metric for: freshness, and change against earlier measurements."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from a360.contract._base import Many
from a360.contract._checks_of import value_misfit
from a360.contract._load import Dataset
from a360.contract._odcs import Column, Number, ServiceLevel, Thresholds
from a360.contract._rules import (
    DistributionChange,
    Divergence,
    Latency,
    Measure,
    NullShareChange,
    Scalar,
    Unit,
    VolumeChange,
)
from a360.contract._types import parse_type

_HOURS = {"h": 1.0, "hour": 1.0, "hours": 1.0, "d": 24.0, "day": 24.0, "days": 24.0}
_LATENCY = frozenset({"latency", "ly", "freshness"})
_TIMES = frozenset({"date", "timestamptz"})


class Metric(Thresholds):
    """The `implementation` of a custom rule that is a measure."""

    metric: Literal["freshness", "volumeChange", "nullShareChange", "distributionChange"]
    history: Annotated[int, Field(ge=2, le=100)] = 5
    values: Annotated[Many[Scalar], Field(min_length=1)] | None = None
    bins: Annotated[Many[Number], Field(min_length=1)] | None = None
    method: Divergence = "totalVariation"
    minimum_rows: Annotated[int, Field(ge=1)] = 30


def read_metric(implementation: Mapping[str, object]) -> Metric | str:
    """The metric, or what is wrong with it."""
    try:
        return Metric.model_validate(implementation)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return f"implementation.{first['loc'][0] if first['loc'] else 'metric'}: {first['msg'].lower()}"


def measure_of(metric: Metric, column: Column | None) -> tuple[Measure | str, Unit]:
    """What a metric measures at a column, or what is wrong; and the unit it is measured in."""
    unit: Unit = {"freshness": "hours"}.get(metric.metric, "percent")  # type: ignore[assignment]
    if metric.metric == "volumeChange":
        wrong = "volumeChange stands at the dataset, not at a column"
        return (wrong if column else VolumeChange(metric.history)), unit
    if column is None:
        return f"{metric.metric} stands at a column", unit
    if metric.metric == "nullShareChange":
        return NullShareChange(column.name, metric.history), unit
    if metric.metric == "freshness":
        return (Latency(column.name) if _is_time(column) else f"{column.name} is no date or time"), unit
    return _distribution(metric, column), "index" if metric.method == "psi" else "percent"


def _distribution(metric: Metric, column: Column) -> DistributionChange | str:
    type_ = parse_type(column.physical_type)
    values, edges = metric.values or (), tuple(float(edge) for edge in metric.bins or ())
    if bool(values) == bool(edges):
        return "distributionChange takes either values or bins: the lake counts them, and keeps no value"
    if type_ is not None:
        if edges and not type_.is_numeric:
            return f"bins are no matter of {type_}; list values"
        if problem := next((text for value in values if (text := value_misfit(value, type_))), ""):
            return problem
    if any(low >= high for low, high in pairwise(edges)):
        return "bins are the edges between them, in rising order"
    return DistributionChange(
        column.name, tuple(values), edges, metric.method, metric.history, metric.minimum_rows
    )


def _is_time(column: Column) -> bool:
    type_ = parse_type(column.physical_type)
    return type_ is None or type_.name in _TIMES


def latency_of(level: ServiceLevel, dataset: Dataset) -> tuple[Latency, float] | str | None:
    """The column and the hours that a service level promises; none if it is no latency, or what is wrong."""
    if level.property.lower() not in _LATENCY:
        return None
    hours = _HOURS.get((level.unit or "").lower())
    value = level.value
    if hours is None or isinstance(value, bool | str) or value <= 0:
        return "a latency is a number above 0, with the unit h or d"
    name = (level.element or "known_at").rpartition(".")[2]
    column = dataset.column(name)
    if column is None or not _is_time(column):
        return f"the element {name} is no column with a date or time"
    return Latency(name), float(value) * hours
