"""Sensitivity follows lineage: gold is as sensitive as what it is made from, unless a contract says why not.

Deny by default. A column is at least as sensitive as everything that goes into its value: what it is made of,
and the conditions, filters and order that decide it. Two things carry nothing. Keys by which rows are joined,
grouped and partitioned say which rows meet, not what they hold. And a value passed on as it stands has its
own sensitivity: what chose its row adds none, as long as the dataset as a whole is as sensitive as that.
"""

from collections.abc import Iterator

from a360.contract import (
    Dataset,
    Fault,
    LakeContracts,
    TextFile,
    UnresolvedError,
    upstream_columns,
)
from a360.lineage._model import Field, Inputs, Use
from a360.lineage._query import Relation, model_lineage

METHODS = ("aggregated", "generalised", "suppressed", "perturbed", "tokenised")
"""How a column may have come to be less sensitive; `a360.deidentified` names one, a colon and the reason."""

_DECIDING = frozenset({Use.CONDITIONAL, Use.FILTER, Use.WINDOW, Use.SORT})
_LEAST_REASON = 10


def sensitivity_faults(contracts: LakeContracts) -> Iterator[Fault]:
    """Every gold column that is less sensitive than what it is made from, and says not or not well why."""
    levels = list(contracts.lake.tags["sensitivity"].values) if "sensitivity" in contracts.lake.tags else []
    for dataset in contracts.datasets.values():
        model = contracts.models.get(dataset.contract.a360.model or "")
        if dataset.zone == "gold" and model is not None and levels:
            relation = _lineage(contracts, model)
            if relation is not None:
                yield from _Judge(contracts, dataset, levels).faults(relation)
        elif dataset.zone != "gold":
            yield from _misplaced(dataset)


def _misplaced(dataset: Dataset) -> Iterator[Fault]:
    for column in dataset.columns:
        if column.a360.deidentified is not None:
            message = f"{column.name}: a360.deidentified belongs to gold, which is made by a model"
            yield dataset.fault_at(column.name, "C210", message, fix="remove it")


def _lineage(contracts: LakeContracts, model: TextFile) -> Relation | None:
    """The model's lineage; None where the linter has other faults to tell of it."""

    def key_of(name: str) -> tuple[str, ...]:
        dataset = contracts.datasets[name]
        if dataset.contract.a360.history:
            return ()
        return tuple(column.name for column in dataset.columns if column.primary_key)

    columns = upstream_columns(contracts, model)
    if columns is None:
        return None
    try:
        return model_lineage(model.text, columns, key_of)
    except UnresolvedError:
        return None


class _Judge:
    def __init__(self, contracts: LakeContracts, dataset: Dataset, levels: list[str]) -> None:
        self._contracts = contracts
        self._dataset = dataset
        self._levels = levels

    def faults(self, relation: Relation) -> Iterator[Fault]:
        declared = False
        highest = -1
        for column in self._dataset.columns:
            inputs = relation.columns.get(column.name)
            own = self._level(column.a360.sensitivity)
            if inputs is None or own is None:
                continue
            highest = max(highest, own)
            declared = declared or column.a360.deidentified is not None
            yield from self._column(column.name, own, column.a360.deidentified, carried(inputs))
        yield from self._rows(relation, highest, declared=declared)

    def _column(self, name: str, own: int, reason: str | None, inputs: list[Field]) -> Iterator[Fault]:
        needed, source = self._most(inputs)
        if reason is not None:
            if not _sound(reason):
                message = f"{name}: {reason!r} does not name a method and a reason"
                fix = f"write `METHOD: why`, with one of {', '.join(METHODS)}"
                yield self._dataset.fault_at(name, "C543", message, fix=fix)
            elif needed <= own:
                message = (
                    f"{name} is said to be de-identified, and nothing that goes into it is more sensitive"
                )
                yield self._dataset.fault_at(name, "C542", message, fix="remove a360.deidentified")
        elif needed > own:
            message = (
                f"{name} is {self._levels[own]}, and {source} that goes into it is {self._levels[needed]}"
            )
            fix = f"declare it {self._levels[needed]}, or say with a360.deidentified why it may be less"
            yield self._dataset.fault_at(name, "C541", message, fix=fix)

    def _rows(self, relation: Relation, highest: int, *, declared: bool) -> Iterator[Fault]:
        """Which rows there are tells something too: of whom, where a filter looks at a diagnosis."""
        chosen = [each for each, uses in relation.rows.items() if uses & _DECIDING]
        needed, source = self._most(chosen)
        if needed > highest >= 0 and not declared:
            message = (
                f"{source} is {self._levels[needed]} and chooses the rows, and no column is as sensitive"
            )
            fix = "raise the column that the choice tells most of, or declare it a360.deidentified"
            yield self._dataset.fault("C544", message, fix=fix)

    def _most(self, inputs: list[Field]) -> tuple[int, Field | None]:
        found = [(level, each) for each in inputs if (level := self._of(each)) is not None]
        return max(found, key=lambda pair: pair[0], default=(-1, None))

    def _of(self, field: Field) -> int | None:
        dataset = self._contracts.datasets.get(field.dataset)
        column = dataset.column(field.column) if dataset else None
        return self._level(column.a360.sensitivity) if column else None

    def _level(self, sensitivity: str | None) -> int | None:
        return self._levels.index(sensitivity) if sensitivity in self._levels else None


def carried(inputs: Inputs) -> list[Field]:
    """The inputs whose sensitivity a column has."""
    direct = {use for uses in inputs.values() for use in uses if use.direct}
    conditional = any(Use.CONDITIONAL in uses for uses in inputs.values())
    if direct == {Use.IDENTITY} and not conditional:
        return sorted(each for each, uses in inputs.items() if Use.IDENTITY in uses)
    return sorted(
        each for each, uses in inputs.items() if any(use.direct for use in uses) or uses & _DECIDING
    )


def _sound(reason: str) -> bool:
    method, colon, why = reason.partition(":")
    return method in METHODS and bool(colon) and len(why.strip()) >= _LEAST_REASON
