"""What would have to change for a lake to be as planned, and what cannot change without losing data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from a360.contract._plan import ColumnPlan, LakePlan, PartitionPlan, SortPlan, TablePlan
from a360.contract._types import parse_type, widens

type ChangeAction = Literal["create", "evolve", "nothing", "refuse"]


@dataclass(frozen=True, slots=True)
class ActualColumn:
    """A column as it is; `type` as Iceberg or as a contract spells it."""

    name: str
    type: str
    required: bool
    field_id: int
    doc: str = ""


@dataclass(frozen=True, slots=True)
class ActualTable:
    """A table as it is."""

    columns: tuple[ActualColumn, ...]
    partition: tuple[PartitionPlan, ...] = ()
    sort: tuple[SortPlan, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    format_version: int = 2


@dataclass(frozen=True, slots=True)
class TableChange:
    """What is to be done about one table.

    `details` says what changes, `reasons` why a change is refused and what to do instead. A table that
    evolves ends with exactly the planned columns, so the planned schema is the schema to set.
    """

    table: str
    action: ChangeAction
    details: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A change that cannot be made."""

    reason: str


type _Finding = str | _Refusal


def diff(plan: LakePlan, actual: Mapping[str, ActualTable]) -> list[TableChange]:
    """One change for every table of the plan, in its order; `actual` is keyed by `namespace.name`.

    Tables that no plan knows are left alone.
    """
    return [diff_table(table, actual.get(table.dataset)) for table in plan.tables]


def diff_table(table: TablePlan, actual: ActualTable | None) -> TableChange:
    """What is to be done about one table; `actual` is None where it does not exist."""
    if actual is None:
        return TableChange(table.dataset, "create", (f"{len(table.columns)} columns",))
    findings = [*_columns(table, actual), *_layout(table, actual), *_properties(table, actual)]
    details = tuple(finding for finding in findings if isinstance(finding, str))
    reasons = tuple(finding.reason for finding in findings if isinstance(finding, _Refusal))
    action: ChangeAction = "refuse" if reasons else "evolve" if details else "nothing"
    return TableChange(table.dataset, action, details, reasons)


def _columns(table: TablePlan, actual: ActualTable) -> Iterator[_Finding]:
    by_id = {column.field_id: column for column in actual.columns}
    by_name = {column.name: column for column in actual.columns}
    planned = {column.field_id for column in table.columns}
    for column in table.columns:
        old = by_id.get(column.field_id)
        if old is not None:
            yield from _column(column, old)
        elif column.name in by_name:
            was = by_name[column.name].field_id
            yield _Refusal(
                f"{column.name} has the field id {was} in the table and {column.field_id} in the contract; "
                f"write {was}"
            )
        elif column.required:
            yield _Refusal(
                f"{column.name} is new and required, and rows that are there have no value for it; "
                "declare it required: false"
            )
        else:
            yield f"add {column.name} {column.type}"
    names = set(table.column_names)
    for old in actual.columns:
        if old.field_id not in planned and old.name not in names:
            yield _Refusal(f"{old.name} would be dropped with its values; keep it, deprecated: true")
    yield from _order(table, actual)


def _column(new: ColumnPlan, old: ActualColumn) -> Iterator[_Finding]:
    if new.name != old.name:
        yield f"rename {old.name} to {new.name}"
    if _spelled(new.type) != _spelled(old.type):
        if widens(old.type, new.type):
            yield f"widen {new.name} from {old.type} to {new.type}"
        else:
            yield _Refusal(
                f"{new.name} would change from {old.type} to {new.type}, which values that are there do not "
                "fit; add a new column beside it"
            )
    if new.required and not old.required:
        yield _Refusal(f"{new.name} may hold nulls and would become required; keep it required: false")
    elif old.required and not new.required:
        yield f"let {new.name} be null"
    if new.doc != old.doc:
        yield f"describe {new.name} anew"


def _spelled(type_: str) -> str:
    parsed = parse_type(type_)
    return str(parsed) if parsed else type_


def _order(table: TablePlan, actual: ActualTable) -> Iterator[_Finding]:
    planned, there = [c.field_id for c in table.columns], [c.field_id for c in actual.columns]
    kept = [number for number in planned if number in set(there)]
    if kept != [number for number in there if number in set(planned)]:
        yield "put the columns in another order"


def _layout(table: TablePlan, actual: ActualTable) -> Iterator[_Finding]:
    renamed = {old.field_id: old.name for old in actual.columns}
    old_names = {column.name: renamed.get(column.field_id, column.name) for column in table.columns}
    planned = tuple(
        PartitionPlan(old_names.get(part.column, part.column), part.transform, part.width)
        for part in table.partition
    )
    if planned != actual.partition:
        yield _Refusal("the partitioning would change, and old files would keep theirs; make a new dataset")
    sort = tuple(SortPlan(old_names.get(part.column, part.column), part.descending) for part in table.sort)
    if sort != actual.sort:
        yield "sort what is written from now on " + (_sorted(table.sort) or "no more")
    if table.format_version > actual.format_version:
        yield f"raise the format from {actual.format_version} to {table.format_version}"
    elif table.format_version < actual.format_version:
        yield _Refusal(
            f"the format would fall from {actual.format_version} to {table.format_version}, which Iceberg "
            f"forbids; write a360.formatVersion {actual.format_version}"
        )


def _sorted(sort: tuple[SortPlan, ...]) -> str:
    parts = (f"{part.column} desc" if part.descending else part.column for part in sort)
    return "by " + ", ".join(parts) if sort else ""


def _properties(table: TablePlan, actual: ActualTable) -> Iterator[_Finding]:
    """Properties the plan names; what others have set beside them is theirs."""
    for name, value in sorted(table.properties.items()):
        if actual.properties.get(name) != value:
            yield f"set {name} to {value}"
