"""From contracts to the plans of releases."""

from collections.abc import Iterator
from decimal import Decimal

from a360.contract._disclosure import ReleasedColumnPlan, ReleasePlan
from a360.contract._load import Dataset, LakeContracts
from a360.contract._odcs import Column
from a360.contract._rulebook import rulebook
from a360.contract._rules import ValidValues
from a360.contract._types import physical_type


def release_plans(contracts: LakeContracts) -> Iterator[ReleasePlan]:
    """How each dataset leaves that says that it may."""
    for name, dataset in sorted(contracts.datasets.items()):
        told = dataset.contract.a360.release
        if told is None:
            continue
        lists = _lists(contracts, dataset)
        yield ReleasePlan(
            dataset=name,
            version=dataset.contract.version,
            profile=told.profile,
            columns=tuple(_column(column, lists.get(column.name)) for column in dataset.columns),
            quasi_identifiers=told.quasi_identifiers,
            sensitive=told.sensitive,
            k=told.k,
            l=told.l,
            suppress=Decimal(str(told.suppress)),
            agreement=told.agreement,
            determination=told.determination,
        )


def _column(column: Column, listed: tuple[str, ...] | None) -> ReleasedColumnPlan:
    """The column; one that says nothing of its release does not leave."""
    told = column.a360.released
    type_ = str(physical_type(column.physical_type))
    if told is None:
        return ReleasedColumnPlan(column.name, type_, "text", "null")
    return ReleasedColumnPlan(column.name, type_, told.element, told.method, listed)


def _lists(contracts: LakeContracts, dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """The texts that columns can have, where rules say so."""
    return {
        rule.columns[0]: tuple(str(value) for value in rule.check.values)
        for rule in rulebook(contracts, dataset).rows
        if isinstance(rule.check, ValidValues) and rule.severity == "error"
    }
