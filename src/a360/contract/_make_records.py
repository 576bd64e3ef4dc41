"""From what contracts say about records to the plans of their reception and of their steps."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from a360.contract._derived import HISTORY_COLUMN, HOUSEKEEPING
from a360.contract._load import Dataset, LakeContracts
from a360.contract._odcs import Column
from a360.contract._plan_records import (
    DriftPlan,
    FieldPlan,
    ReceptionPlan,
    RecordPlan,
    RecordReferencePlan,
)
from a360.contract._records import RecordField, RecordSource, TimeField, listed
from a360.contract._references import split_target
from a360.contract._rulebook import key_of
from a360.contract._types import physical_type

IDENTIFIER = "identifier"
RECORD_TOKEN = "record"  # noqa: S105 - the name of a token domain
# Columns that refine fills in; no field of a record goes there.
FILLED = frozenset({"source", HISTORY_COLUMN[0], *(name for name, _, _ in HOUSEKEEPING)})
_SECONDS = {"W": 604800, "D": 86400, "H": 3600, "M": 60, "S": 1}


def readers(contracts: LakeContracts, record: str) -> list[Dataset]:
    """The datasets that are made of a record type, the one that declares it in full first."""
    made = [each for each in contracts.datasets.values() if _record(each) == record]
    return sorted(made, key=lambda each: (_own(each).names_another, each.name))


def declared(contracts: LakeContracts) -> dict[str, RecordSource]:
    """The record types that are declared in full, by name."""
    names = sorted({name for each in contracts.datasets.values() if (name := _record(each))})
    found = {name: _own(readers(contracts, name)[0]) for name in names}
    return {name: source for name, source in found.items() if not source.names_another}


def record_plans(contracts: LakeContracts) -> dict[str, RecordPlan]:
    """How each dataset over records is made, by its name."""
    sources = declared(contracts)
    plans = {}
    for name, source in sources.items():
        for dataset in readers(contracts, name):
            plans[dataset.name] = _record_plan(contracts, source, dataset)
    return plans


def receptions(contracts: LakeContracts) -> tuple[ReceptionPlan, ...]:
    """How the records of each type are received, by name of the type."""
    plans = record_plans(contracts)
    return tuple(
        _reception(source, readers(contracts, name), plans)
        for name, source in sorted(declared(contracts).items())
    )


def id_column(dataset: Dataset) -> Column | None:
    """The column that holds a record's key: the one beside `source` in the key."""
    names = [name for name in key_of(dataset) if name != "source"]
    return dataset.column(names[0]) if len(names) == 1 else None


def field_plan(column: Column) -> FieldPlan:
    """The field that a column says it holds: the one of its own name where it says none."""
    own = column.a360.field
    given = RecordField(name=own) if isinstance(own, str) else own or RecordField()
    name = given.name or column.name
    meant = given.reference
    reference = RecordReferencePlan(meant.type, meant.system) if meant else None
    return FieldPlan(
        column=column.name,
        type=str(physical_type(column.physical_type)),
        names=(given.path[0],) if given.path else (name, *given.aliases),
        path=given.path,
        formats=listed(given.format),
        reference=reference,
        identifier=column.a360.sensitivity == IDENTIFIER,
    )


def key_fields(source: RecordSource, datasets: list[Dataset]) -> tuple[FieldPlan, ...]:
    """The fields of the key, each with the aliases that a column has for it."""
    mapped = [plan for dataset in datasets for plan in _of_key(source, dataset)]
    found = []
    for name in source.key:
        same = [plan for plan in mapped if not plan.path and plan.names[0] == name]
        names = dict.fromkeys([name, *(alias for plan in same for alias in plan.names)])
        column = same[0].column if same else ""
        secret = any(plan.identifier for plan in same)
        found.append(FieldPlan(column, "string", tuple(names), identifier=secret))
    return tuple(found)


def _of_key(source: RecordSource, dataset: Dataset) -> Iterator[FieldPlan]:
    """The fields of a dataset's columns; the column of the key stands for the one field of the key."""
    own = id_column(dataset)
    for column in dataset.columns:
        if column.name in FILLED or (column is own and len(source.key) != 1):
            continue
        plan = field_plan(column)
        if column is own and column.a360.field is None:
            plan = replace(plan, names=source.key)
        yield plan


def _record(dataset: Dataset) -> str | None:
    own = dataset.contract.a360.source
    return own.record if own and dataset.zone == "silver" else None


def _own(dataset: Dataset) -> RecordSource:
    own = dataset.contract.a360.source
    if own is None:
        raise ValueError(f"{dataset.name} is not made of records")
    return own


def _hidden_record(contracts: LakeContracts, dataset: Dataset, column: Column) -> str:
    """The type of the records that a column names, if their keys are tokens."""
    for relationship in column.relationships:
        target = contracts.datasets.get(split_target(contracts, dataset, relationship.to)[0] or "")
        key = id_column(target) if target and _record(target) else None
        if target and key and key.a360.sensitivity == IDENTIFIER:
            return _own(target).record
    return ""


def _record_plan(contracts: LakeContracts, source: RecordSource, dataset: Dataset) -> RecordPlan:
    own = id_column(dataset)
    fields = (
        replace(field_plan(column), record=_hidden_record(contracts, dataset, column))
        for column in dataset.columns
        if column.name not in FILLED and column is not own
    )
    return RecordPlan(
        record=source.record,
        id_column=own.name if own else "",
        fields=tuple(fields),
        kinds=source.kinds,
        decimal=source.decimal,
        thousands=source.thousands,
        symbols=source.symbols,
        negatives=source.negatives,
        true_words=source.true_words,
        false_words=source.false_words,
        nulls=source.nulls,
        trim=source.trim,
        zone=source.zone,
        dedup_window=_seconds(source.dedup_window) if source.dedup_window else None,
    )


def _reception(
    source: RecordSource, datasets: list[Dataset], plans: Mapping[str, RecordPlan]
) -> ReceptionPlan:
    fields = [field for dataset in datasets for field in plans[dataset.name].fields]
    whole = replace(plans[datasets[0].name], fields=tuple(dict.fromkeys(fields)))
    key = key_fields(source, datasets)
    gone = source.deleted
    return ReceptionPlan(
        record=whole,
        files=source.files,
        key=key,
        identifier=any(field.identifier for field in key),
        updated=_named(source.updated, fields, "timestamptz"),
        deleted=_named(gone.field, fields, "string") if gone else None,
        deleted_values=gone.values if gone else (),
        encoding=source.encoding,
        delimiter=source.delimiter,
        quote=source.quote,
        skip=source.skip,
        footer=source.footer,
        event_time=_named(source.event_time, fields, "timestamptz"),
        drift=DriftPlan(source.drift.added, source.drift.dropped, source.drift.retyped),
        datasets=tuple(dataset.name for dataset in datasets),
    )


def _named(named: str | TimeField | None, fields: list[FieldPlan], type_: str) -> FieldPlan | None:
    """A field that the source names, read as the column that holds it is unless it says otherwise."""
    if named is None:
        return None
    name = named if isinstance(named, str) else named.name
    same = next((field for field in fields if not field.path and field.names[0] == name), None)
    formats = listed(named.format) if isinstance(named, TimeField) else ()
    if same is None:
        return FieldPlan("", type_, (name,), formats=formats)
    as_date = type_ == "timestamptz" and same.type in {"date", "timestamptz"}
    return FieldPlan("", type_, same.names, formats=formats or (same.formats if as_date else ()))


def _seconds(window: str) -> int:
    """How many seconds a window such as `P1DT12H` has."""
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([WDHMS])", window))
