"""What silver is made from: FHIR elements through views, and what the envelope in bronze says."""

from collections.abc import Iterable, Iterator

from a360.contract import (
    HISTORY_COLUMN,
    LOOKED_UP,
    LakePlan,
    ReferencePlan,
    SilverStep,
    TablePlan,
)
from a360.fhir import ViewElements, view_elements
from a360.lineage._model import FHIR, DatasetLineage, Field, Inputs, Use, united
from a360.lineage._records import BRONZE as RECORDS
from a360.lineage._records import envelope_inputs, field_inputs, record_bronze, row_inputs

BRONZE = "bronze.fhir_resource"
IDENTIFIERS, LINKS, MOVES = LOOKED_UP

# What refine takes from the envelope of a resource, and how it goes into columns of the same name.
_COPIED = ("source", "version_id", "last_updated", "known_at", "deleted")
_VERSIONS = ("resource_id", "version_id", "last_updated", "known_at")
_USED = {
    IDENTIFIERS: ("source", "resource_type", "value_token", "resource_id"),
    LINKS: ("patient_key", "other_key", "type", "active", "last_updated", "version_id"),
    MOVES: ("source", "encounter_id", "other_id", "patient_key", "last_updated", "version_id"),
}
_UNRESOLVED = "unresolved_references"


def silver_lineage(plan: LakePlan, step: SilverStep) -> DatasetLineage:
    """The lineage of a silver step: values by paths or fields, references by what they are looked up in."""
    table = plan.table(step.dataset)
    views = [view_elements(view.text) for view in step.views]
    references = _references(table)
    told_of = {column.name: column.derived.of for column in table.columns if column.derived}
    columns: dict[str, Inputs] = {}
    for name in table.column_names:
        told = told_of.get(name, name)
        looked_up = _looked_up(step, name in references)
        if step.records:
            columns[name] = united([field_inputs(plan, step.records, told), looked_up, envelope_inputs(name)])
        else:
            viewed = united(_viewed(view, told) for view in views)
            columns[name] = united([viewed, looked_up, _envelope(name)])
    if _UNRESOLVED in columns:
        counted = united(columns[name] for name in references)
        columns[_UNRESOLVED] = {each: frozenset({Use.CONDITIONAL}) for each in counted}
    upstream = (*step.upstream, *step.looks_up)
    return DatasetLineage(
        dataset=step.dataset,
        columns=columns,
        rows=row_inputs() if step.records else _rows(views),
        upstream=upstream,
        masked=frozenset(column.name for column in table.columns if column.token is not None),
    )


def _references(table: TablePlan) -> dict[str, tuple[ReferencePlan, ...]]:
    """The columns that name another resource; keys and columns of no single type are taken as they are."""
    found = {}
    for column in table.columns:
        resolvable = tuple(each for each in column.references if each.resource_type)
        if resolvable:
            found[column.name] = resolvable
    return found


def _viewed(view: ViewElements, column: str) -> Inputs:
    found = view.columns.get(column)
    if found is None:
        return {}
    value = Use.IDENTITY if found.as_is else Use.TRANSFORMATION
    return united([_as(found.values, value), _as(found.conditions, Use.CONDITIONAL)])


def _as(paths: Iterable[str], use: Use) -> Inputs:
    return {Field(BRONZE, path): frozenset({use}) for path in paths}


def _looked_up(step: SilverStep, is_reference: bool) -> Inputs:  # noqa: FBT001 - read at its one call
    """A reference gives a key by itself, by the full URL of a Bundle's entry, or by an identifier."""
    if not is_reference:
        return {}
    aliases = () if step.records else ("full_url", "source", "resource_id")
    found = {Field(BRONZE, name): frozenset({Use.JOIN}) for name in aliases}
    for dataset in step.looks_up:
        found |= {Field(dataset, name): frozenset({Use.JOIN}) for name in _USED[dataset]}
    return found


def _envelope(column: str) -> Inputs:
    if column in _COPIED:
        return {Field(BRONZE, column): frozenset({Use.IDENTITY})}
    if column == HISTORY_COLUMN[0]:
        return {Field(BRONZE, name): frozenset({Use.WINDOW}) for name in _VERSIONS}
    return {}


def _rows(views: Iterable[ViewElements]) -> Inputs:
    """Which rows there are: those of each resource's newest version, as the views' conditions have them."""
    found: dict[Field, frozenset[Use]] = {}
    for view in views:
        found |= {Field(BRONZE, path): frozenset({Use.FILTER}) for path in view.rows}
    found |= {
        Field(BRONZE, name): frozenset({Use.FILTER}) for name in ("resource_type", "source", *_VERSIONS)
    }
    return found


def bronze_lineage(plan: LakePlan, silver: Iterable[DatasetLineage]) -> Iterator[DatasetLineage]:
    """Bronze holds each element that silver reads as its source sent it, and columns drawn from some.

    An element lies in a sealed payload; its field is `Observation.valueQuantity.value` of bronze.
    """
    silver = list(silver)
    yield from record_bronze(plan, silver)
    inputs = (each for lineage in silver for each in (*lineage.columns.values(), lineage.rows))
    wanted = sorted({each.column for found in inputs for each in found if each.dataset == BRONZE})
    elements = [name for name in wanted if "." in name]
    types = sorted({name.partition(".")[0] for name in elements})
    for table in plan.tables:
        if table.namespace == "bronze" and not table.dataset.startswith(RECORDS):
            drawn = {name: _drawn(name, types) for name in table.column_names}
            sent = {name: _sent(name) for name in elements} if table.dataset == BRONZE else {}
            upstream = tuple(f"{FHIR}.{name}" for name in types)
            yield DatasetLineage(table.dataset, drawn | sent, upstream=upstream)


def _sent(element: str) -> Inputs:
    resource, _, path = element.partition(".")
    return {Field(f"{FHIR}.{resource}", path): frozenset({Use.IDENTITY})}


_DRAWN = {"resource_id": "id", "version_id": "meta.versionId", "last_updated": "meta.lastUpdated"}


def _drawn(column: str, types: Iterable[str]) -> Inputs:
    """What ingest copies out of every resource into a column of the envelope."""
    path = _DRAWN.get(column)
    if path is None:
        return {}
    return {Field(f"{FHIR}.{resource}", path): frozenset({Use.IDENTITY}) for resource in types}
