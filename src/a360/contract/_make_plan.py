"""The pure function from what is declared to the plan of a lake."""

import json
from collections.abc import Iterator
from dataclasses import replace

from a360.contract._derived import (
    AGELESS,
    HISTORY_COLUMN,
    HOUSEKEEPING,
    TABLE_PROPERTIES,
    ops_relations,
    ops_tables,
    quarantine_table,
)
from a360.contract._environment import LOCAL, Environment
from a360.contract._faults import FaultyContractsError
from a360.contract._lakefile import Hl7v2
from a360.contract._layout import parse_partition, parse_sort
from a360.contract._load import Dataset, LakeContracts, TextFile, parse_json
from a360.contract._make_records import receptions, record_plans
from a360.contract._make_releases import release_plans
from a360.contract._marks import with_marks
from a360.contract._odcs import Column
from a360.contract._plan import (
    LOOKED_UP,
    ColumnPlan,
    DerivedPlan,
    FeaturePlan,
    GoldStep,
    Hl7v2Plan,
    LakePlan,
    ReferencePlan,
    ReferenceStep,
    RefreshPlan,
    RetentionPlan,
    SilverStep,
    Step,
    TablePlan,
    ViewPlan,
    Zone,
    ZonePlan,
)
from a360.contract._plan_policy import plan_policy
from a360.contract._plan_records import RecordPlan
from a360.contract._references import in_order, resource_type, resource_types, split_target
from a360.contract._refresh import parse_refresh
from a360.contract._rulebook import Rulebook, key_of, rulebook
from a360.contract._types import physical_type
from a360.errors import ContractError

# Every view reads FHIR resources: their envelopes, and the sealed blocks of their payloads.
FHIR_BRONZE = ("bronze.fhir_block", "bronze.fhir_resource")
# What is not FHIR is received as records, which lie in a pair of tables of the same shape.
RECORD_BRONZE = ("bronze.record", "bronze.record_block")


def make_plan(contracts: LakeContracts, environment: Environment | str = LOCAL) -> LakePlan:
    """The plan of the lake the contracts declare; the same contracts always give the same plan."""
    if isinstance(environment, str):
        environment = contracts.environment(environment)
    steps = (*_reference_steps(contracts), *_silver_steps(contracts), *_gold_steps(contracts))
    made_by = {step.dataset: step for step in steps}
    declared = [
        _marked(_table(contracts, dataset), dataset, made_by.get(name))
        for name, dataset in sorted(contracts.datasets.items())
    ]
    tables = (*declared, *_quarantine(contracts), *ops_tables())
    kept = tuple(_with_retention(contracts, table) for table in tables)
    relations = ops_relations()
    return LakePlan(
        name=contracts.lake.name,
        environment=environment.name,
        zones=_zones(contracts),
        tables=kept,
        steps=steps,
        policy=plan_policy(contracts.lake, (*kept, *relations)),
        receptions=receptions(contracts),
        hl7v2=_hl7v2(contracts.lake.hl7v2),
        relations=relations,
        releases=tuple(release_plans(contracts)),
        features=tuple(_features(contracts)),
    )


def _features(contracts: LakeContracts) -> Iterator[FeaturePlan]:
    """The feature tables, by name."""
    for name, dataset in sorted(contracts.datasets.items()):
        if dataset.contract.a360.features:
            (record,) = key_of(dataset)
            yield FeaturePlan(name, record)


def _hl7v2(told: Hl7v2) -> Hl7v2Plan:
    return Hl7v2Plan(told.authority, told.zone, tuple(sorted(told.systems.items())))


def _zones(contracts: LakeContracts) -> tuple[ZonePlan, ...]:
    zones = contracts.lake.zones
    names: tuple[Zone, ...] = ("bronze", "silver", "gold", "quarantine", "ops")
    declared = {name: getattr(zones, name) for name in names}
    return tuple(
        ZonePlan(name, each.description, tuple(sorted(each.tags))) for name, each in declared.items()
    )


def _quarantine(contracts: LakeContracts) -> list[TablePlan]:
    """One table for each name that can refuse rows: all silver, and bronze whose rows come out of files."""
    names = {dataset.short for dataset in contracts.datasets.values() if dataset.can_refuse}
    return [quarantine_table(name) for name in sorted(names)]


def _table(contracts: LakeContracts, dataset: Dataset) -> TablePlan:
    contract, own = dataset.contract, dataset.contract.a360
    doc = " ".join(contract.description.purpose.split())
    properties = {
        **TABLE_PROPERTIES,
        "comment": doc,
        "a360.contract": contract.id,
        "a360.contract-version": contract.version,
    }
    return TablePlan(
        namespace=own.zone,
        name=contract.name,
        columns=tuple(_column(contracts, dataset, column) for column in dataset.columns),
        key=key_of(dataset),
        partition=tuple(filter(None, map(parse_partition, own.partition))),
        sort=tuple(filter(None, map(parse_sort, own.sort))),
        format_version=own.format_version,
        properties=properties,
        history=bool(own.history),
        retention=RetentionPlan(rows=own.retention),
        tags=tuple(sorted({*contract.tags, *contract.table.tags})),
        doc=doc,
        version=contract.version,
        status=contract.status,
    )


def _marked(table: TablePlan, dataset: Dataset, step: Step | None) -> TablePlan:
    """The table with what it is to carry of its contract, so that the next contract can be compared."""
    return replace(table, properties=with_marks(table, step, dataset.contract.a360.properties))


def _typed(dataset: Dataset) -> tuple[str, ...]:
    """How each column is typed and tokenised, by name."""
    columns = sorted(dataset.columns, key=lambda column: column.name)
    return tuple(
        " ".join(filter(None, (column.name, str(physical_type(column.physical_type)), column.a360.token)))
        + _sealed(column)
        for column in columns
    )


def _sealed(column: Column) -> str:
    own = column.a360
    derived = f" {own.derived.measure} of {own.derived.of}" if own.derived else ""
    return f" sealed {own.seal}" if own.seal else derived


def _column(contracts: LakeContracts, dataset: Dataset, column: Column) -> ColumnPlan:
    own = column.a360
    if own.field_id is None or own.sensitivity is None:
        fault = dataset.fault_at(column.name, "C401", f"{column.name} has no field id or no sensitivity")
        raise FaultyContractsError([fault], str(contracts.folder))
    return ColumnPlan(
        name=column.name,
        type=str(physical_type(column.physical_type)),
        required=column.required and _never_null(dataset, column),
        field_id=own.field_id,
        sensitivity=own.sensitivity,
        token=own.token,
        doc=" ".join((column.description or "").split()),
        tags=tuple(sorted(column.tags)),
        references=_references(contracts, dataset, column),
        seal=own.seal,
        derived=None if own.derived is None else DerivedPlan(own.derived.of, own.derived.measure),
    )


def _never_null(dataset: Dataset, column: Column) -> bool:
    """Whether the table itself can require the column.

    The row of a resource that its source deleted holds its key and housekeeping alone: what a silver contract
    requires beyond them is a rule of the rows that live.
    """
    if dataset.zone != "silver" or dataset.is_reference:
        return True
    kept = {"source", HISTORY_COLUMN[0], *key_of(dataset), *(name for name, _, _ in HOUSEKEEPING)}
    return column.name in kept


def _references(contracts: LakeContracts, dataset: Dataset, column: Column) -> tuple[ReferencePlan, ...]:
    found = []
    for relationship in column.relationships:
        name, target_column = split_target(contracts, dataset, relationship.to)
        target = contracts.datasets.get(name or "")
        if target is None:
            fault = dataset.fault_at(column.name, "C501", f"{relationship.to} leads nowhere")
            raise FaultyContractsError([fault], str(contracts.folder))
        types = resource_types(contracts, target)
        only = types[0] if len(types) == 1 else ""
        found.append(ReferencePlan(column.name, target.name, target_column, only))
    return tuple(found)


def _with_retention(contracts: LakeContracts, table: TablePlan) -> TablePlan:
    """The table with what its zone says of retention where its contract says nothing."""
    zone = contracts.lake.retention.get(table.namespace)
    if zone is None:
        return table
    rows = table.retention.rows or (None if table.dataset in AGELESS else zone.rows)
    kept = RetentionPlan(rows, zone.snapshots, zone.keep_snapshots)
    return replace(table, retention=kept)


def _reference_steps(contracts: LakeContracts) -> list[Step]:
    """What is loaded and not computed comes first: models read it, and rules look codes up in it."""
    found = {name: each for name, each in contracts.datasets.items() if each.is_reference}
    rules = {name: _rules(contracts, each) for name, each in found.items()}
    return [
        ReferenceStep(
            name,
            each.contract.a360.reference or "",
            tuple(rules[name].rows),
            tuple(rules[name].dataset),
            _typed(each),
            ("silver.note",) if each.contract.a360.reference == "deid" else (),
        )
        for name, each in sorted(found.items())
    ]


def _silver_steps(contracts: LakeContracts) -> list[Step]:
    silver = _computed(contracts, "silver")
    needs = {name: _needs(contracts, dataset) for name, dataset in silver.items()}
    records = record_plans(contracts)
    return [_silver_step(contracts, silver[name], records.get(name)) for name in in_order(needs)]


def _computed(contracts: LakeContracts, zone: str) -> dict[str, Dataset]:
    """The datasets of a zone that runs make."""
    return {
        name: dataset
        for name, dataset in contracts.datasets.items()
        if dataset.zone == zone and not dataset.is_reference
    }


def _needs(contracts: LakeContracts, dataset: Dataset) -> list[str]:
    """The datasets that have to be made before: those it refers to, and those that references resolve by."""
    if dataset.name in LOOKED_UP:
        return list(LOOKED_UP[: LOOKED_UP.index(dataset.name)])
    targets = _targets(contracts, dataset)
    return [*targets, *LOOKED_UP] if targets else []


def _targets(contracts: LakeContracts, dataset: Dataset) -> list[str]:
    relationships = [to for column in dataset.columns for to in column.relationships]
    targets = (split_target(contracts, dataset, relationship.to)[0] for relationship in relationships)
    return [target for target in targets if target]


def _silver_step(contracts: LakeContracts, dataset: Dataset, records: RecordPlan | None) -> SilverStep:
    rules = _rules(contracts, dataset)
    views = [contracts.views[name] for name in dataset.contract.a360.views if name in contracts.views]
    references = [_references(contracts, dataset, column) for column in dataset.columns]
    return SilverStep(
        dataset=dataset.name,
        views=tuple(_view(view) for view in views),
        rules=tuple(rules.rows),
        dataset_rules=tuple(rules.dataset),
        references=tuple(reference for group in references for reference in group),
        upstream=RECORD_BRONZE if records else FHIR_BRONZE,
        columns=_typed(dataset),
        records=records,
    )


def _view(view: TextFile) -> ViewPlan:
    definition, line, problem = parse_json(view.text)
    if problem:
        raise FaultyContractsError([view.fault("C512", f"not JSON: {problem}", line)], view.label)
    text = json.dumps(definition, ensure_ascii=False, separators=(",", ":"))
    return ViewPlan(view.name, resource_type(view), text)


def _gold_steps(contracts: LakeContracts) -> list[Step]:
    gold = _computed(contracts, "gold")
    steps = {name: _gold_step(contracts, dataset) for name, dataset in gold.items()}
    needs = {name: step.upstream for name, step in steps.items()}
    return [steps[name] for name in in_order(needs)]


def _gold_step(contracts: LakeContracts, dataset: Dataset) -> GoldStep:
    from a360.contract import _sql  # noqa: PLC0415 - sqlglot is slow to import

    model = contracts.models.get(dataset.contract.a360.model or "")
    if model is None:
        message = "the model's file is missing"
        raise FaultyContractsError([dataset.fault("C521", message)], str(contracts.folder))
    try:
        upstream = _sql.read_select(model.text).datasets
    except _sql.SqlError as error:
        raise ContractError(
            "model-invalid", f"The model {model.name} cannot be read", where=model.label, found=str(error)
        ) from None
    rules = _rules(contracts, dataset)
    refresh = parse_refresh(dataset.contract.a360.refresh or "")
    return GoldStep(
        dataset=dataset.name,
        model=model.name,
        sql=model.text.strip().removesuffix(";").replace("\r\n", "\n"),
        upstream=upstream,
        refresh=refresh or RefreshPlan(),
        rules=tuple(rules.rows),
        dataset_rules=tuple(rules.dataset),
        columns=_typed(dataset),
    )


def _rules(contracts: LakeContracts, dataset: Dataset) -> Rulebook:
    book = rulebook(contracts, dataset)
    if book.faults:
        raise FaultyContractsError(book.faults, str(contracts.folder))
    return book
