"""Checks of the fields that columns name: where they stand, and how they are read."""

from collections.abc import Iterator

from a360.contract._date_formats import DateFormat, parse_date_format
from a360.contract._faults import Fault
from a360.contract._load import COLUMNS, Dataset, LakeContracts
from a360.contract._make_records import FILLED, field_plan, id_column
from a360.contract._odcs import LIFTED, Column
from a360.contract._records import RecordField, RecordSource, listed
from a360.contract._references import resource_types, split_target
from a360.contract._types import parse_type
from a360.contract._yaml import Loc

_TIMES = frozenset({"date", "timestamptz"})


def check_stray_fields(contracts: LakeContracts) -> Iterator[Fault]:
    """Fields named by columns that no record fills."""
    for dataset in contracts.datasets.values():
        of_records = dataset.zone == "silver" and dataset.contract.a360.source is not None
        for column in dataset.columns:
            if column.a360.field is None or (of_records and column.name not in FILLED):
                continue
            why = "refine fills it in" if of_records else "the dataset is not made of records"
            message = f"{column.name} names a field, and {why}"
            yield dataset.fault_at(column.name, "C617", message, fix="remove a360.field")


def check_fields(contracts: LakeContracts, source: RecordSource, datasets: list[Dataset]) -> Iterator[Fault]:
    """Every fault of the fields of one record type."""
    for dataset in datasets:
        own = id_column(dataset)
        for index, column in enumerate(dataset.columns):
            here = (*COLUMNS, index)
            if (
                column.name in FILLED
                or not dataset.sure(*here, LIFTED)
                or not parse_type(column.physical_type)
            ):
                continue
            yield from _named(dataset, column, here)
            if column is not own:
                yield from _formats(source, dataset, column)
                yield from _reference(contracts, dataset, column)
    yield from _aliases(datasets)


def _named(dataset: Dataset, column: Column, here: Loc) -> Iterator[Fault]:
    field = column.a360.field
    if not isinstance(field, RecordField):
        if field == "":
            yield dataset.fault("C617", f"{column.name} names no field", *here, fix="write the field's name")
        return
    if field.path and (field.name or field.aliases):
        message = f"{column.name} says name or aliases and a path"
        yield dataset.fault("C617", message, *here, fix="keep path for members inside of others, else name")


def _formats(source: RecordSource, dataset: Dataset, column: Column) -> Iterator[Fault]:
    field = column.a360.field
    for pattern in listed(field.format) if isinstance(field, RecordField) else ():
        parsed = parse_date_format(pattern)
        if not isinstance(parsed, DateFormat):
            message, fix = (
                f"{pattern!r} is no format of dates or times: {parsed}",
                "write for example dd/MM/yyyy",
            )
        elif column.physical_type not in _TIMES:
            message, fix = f"{column.name} is a {column.physical_type}: it takes no format", "remove it"
        elif column.physical_type == "date" and parsed.epoch:
            message, fix = f"{pattern} is an instant, and {column.name} a date", "make it a timestamptz"
        elif column.physical_type == "timestamptz" and not parsed.is_instant and not source.zone:
            message = f"{pattern} names no instant without a time zone"
            fix = "add zone to a360.source, such as Europe/London"
        else:
            continue
        yield dataset.fault_at(column.name, "C615", message, fix=fix)


def _reference(contracts: LakeContracts, dataset: Dataset, column: Column) -> Iterator[Fault]:
    field = column.a360.field
    reference = field.reference if isinstance(field, RecordField) else None
    if reference is None:
        return
    named = (split_target(contracts, dataset, each.to)[0] for each in column.relationships)
    targets = [name for name in named if name]
    types = {
        kind
        for name in targets
        if name in contracts.datasets
        for kind in resource_types(contracts, contracts.datasets[name])
    }
    if reference.type not in types and not contracts.unreadable.intersection(targets):
        message = f"{column.name} refers to a {reference.type}, and no relationship leads to one"
        fix = "add a relationship to the dataset of that resource type"
        yield dataset.fault_at(column.name, "C617", message, fix=fix)


def _aliases(datasets: list[Dataset]) -> Iterator[Fault]:
    """A name that means one field in one column and another in another."""
    meant: dict[str, str] = {}
    for dataset in datasets:
        for column in dataset.columns:
            if column.name in FILLED or not parse_type(column.physical_type):
                continue
            plan = field_plan(column)
            if plan.path or (column is id_column(dataset) and column.a360.field is None):
                continue
            for name in plan.names:
                if meant.setdefault(name, plan.names[0]) != plan.names[0]:
                    message = f"{name!r} means {meant[name]!r} and {plan.names[0]!r}"
                    yield dataset.fault_at(column.name, "C617", message, fix="keep the alias at one of them")
