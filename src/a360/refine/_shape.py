"""How a silver dataset's columns come about, read from its contract and its views once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from a360.contract import (
    HISTORY_COLUMN,
    HOUSEKEEPING,
    SURVIVOR_COLUMN,
    ColumnPlan,
    ReferencePlan,
    SilverStep,
    TablePlan,
)

_HOUSEKEEPING = frozenset((SURVIVOR_COLUMN, *(name for name, _, _ in (*HOUSEKEEPING, HISTORY_COLUMN))))
PATIENT, ENCOUNTER = "Patient", "Encounter"
VISITS = "silver.encounter"
# Whose a row is, and the visit that it is of: where the visit is another patient's, so is the row.
OWNER, VISIT = "patient_key", "encounter_id"
_RESOURCE_KEY = "getResourceKey()"


@dataclass(frozen=True, slots=True)
class SilverShape:
    """The roles of a silver table's columns.

    `id_column` holds the resource's key; `unit_key` are the key columns that name a resource, and `many` says
    that a resource can give several rows. A reference column maps to the datasets it may name. `of_records`
    says that units are records, no resources, `has_window` that their keys are remembered for a while.
    """

    table: TablePlan
    id_column: str
    unit_key: tuple[str, ...]
    many: bool
    viewed: tuple[ColumnPlan, ...]
    references: Mapping[str, tuple[ReferencePlan, ...]]
    tokens: Mapping[str, str]
    of_records: bool = False
    has_window: bool = False

    @property
    def has_type_column(self) -> bool:
        """Whether rows of several resource types lie in the table."""
        return "resource_type" in self.unit_key

    @property
    def is_replaceable(self) -> bool:
        """Whether a row says which other record has taken its place."""
        return SURVIVOR_COLUMN in self.table.column_names

    @property
    def is_visit(self) -> bool:
        """Whether a row is a visit, which may be moved to another patient."""
        return self.table.dataset == VISITS

    @property
    def visit_columns(self) -> tuple[str, ...]:
        """The columns that may name a visit."""
        kinds = {name: {target.resource_type for target in each} for name, each in self.references.items()}
        return tuple(name for name, types in kinds.items() if ENCOUNTER in types)

    def names_patients(self, column: str) -> bool:
        """Whether a reference column may name a patient."""
        return any(target.resource_type == PATIENT for target in self.references.get(column, ()))

    @property
    def plain(self) -> tuple[ColumnPlan, ...]:
        """The columns that are cast from the view's values as they are."""
        return tuple(
            column
            for column in self.viewed
            if column.name != self.id_column
            and column.name not in self.references
            and column.name not in self.tokens
            and column.seal is None
        )

    @property
    def sealed(self) -> tuple[ColumnPlan, ...]:
        """The columns that hold a document's text, sealed."""
        return tuple(column for column in self.viewed if column.seal is not None)

    @property
    def derived(self) -> tuple[ColumnPlan, ...]:
        """The columns that tell of a sealed text."""
        return tuple(column for column in self.viewed if column.derived is not None)

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns by which equal rows are told: what is sealed anew differs, and its digest does not."""
        return tuple(column.name for column in self.table.columns if column.seal is None)


def unreadable_flag(column: ColumnPlan) -> str:
    """What a row says beside a column of which its value cannot be read."""
    return f"{column.name}#unreadable"


def silver_shape(step: SilverStep, table: TablePlan) -> SilverShape:
    """Work out the shape of a silver dataset."""
    id_column = step.records.id_column if step.records else _id_column(step)
    unit_key = tuple(column for column in table.key if column in {"source", "resource_type", id_column})
    viewed = tuple(
        column for column in table.columns if column.name not in _HOUSEKEEPING and column.name != "source"
    )
    references = {
        column.name: resolvable for column in viewed if (resolvable := _resolvable(column, id_column))
    }
    tokens = {
        column.name: column.token or "identifier"
        for column in viewed
        if column.sensitivity == "identifier"
        and column.seal is None
        and column.name != id_column
        and column.name not in references
    }
    return SilverShape(
        table=table,
        id_column=id_column,
        unit_key=unit_key,
        many=len(unit_key) < len(table.key),
        viewed=viewed,
        references=references,
        tokens=tokens,
        of_records=step.records is not None,
        has_window=step.records is not None and step.records.dedup_window is not None,
    )


def _resolvable(column: ColumnPlan, id_column: str) -> tuple[ReferencePlan, ...]:
    return tuple(
        reference for reference in column.references if column.name != id_column and reference.resource_type
    )


def _id_column(step: SilverStep) -> str:
    for select in _selects(step.views[0].definition.get("select", [])):
        for column in select.get("column", []):
            if column.get("path") == _RESOURCE_KEY:
                return str(column["name"])
    raise ValueError(f"{step.dataset}: no column of the view {step.views[0].name} is {_RESOURCE_KEY}")


def _selects(selects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for select in selects:
        yield select
        yield from _selects(select.get("select", []))
        yield from _selects(select.get("unionAll", []))
