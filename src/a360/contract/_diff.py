"""What would have to change for a lake to be as planned, and what cannot change without losing data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from a360.contract._diff_columns import column_findings
from a360.contract._diff_layout import layout_findings
from a360.contract._diff_marks import mark_findings, property_findings, unmarked, version_findings
from a360.contract._findings import Finding, TableChange, change_of
from a360.contract._marks import read_marks
from a360.contract._plan import LakePlan, PartitionPlan, SortPlan, Step, TablePlan

type Users = Callable[[str], Sequence[str]]
"""Who still uses a column, by its name."""


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
    """A table as it is.

    `empty` is a table that never had a commit. `nulls` counts, by field id, the nulls of columns that were
    looked at.
    """

    columns: tuple[ActualColumn, ...]
    partition: tuple[PartitionPlan, ...] = ()
    sort: tuple[SortPlan, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    format_version: int = 2
    empty: bool = False
    nulls: Mapping[int, int] = field(default_factory=dict)


def diff(plan: LakePlan, actual: Mapping[str, ActualTable]) -> list[TableChange]:
    """One change for every table of the plan, in its order; `actual` is keyed by `namespace.name`.

    Tables that no plan knows are left alone.
    """
    steps = {step.dataset: step for step in plan.steps}
    return [
        diff_table(
            table,
            actual.get(table.dataset),
            step=steps.get(table.dataset),
            users=lambda column, of=table.dataset: _users(plan, of, column),  # type: ignore[misc] # bound now
        )
        for table in plan.tables
    ]


def _users(plan: LakePlan, dataset: str, column: str) -> Sequence[str]:
    from a360.contract._uses import users_of  # noqa: PLC0415 - sqlglot is slow to import, and rarely needed

    return users_of(plan, dataset, column)


def diff_table(
    table: TablePlan, actual: ActualTable | None, *, step: Step | None = None, users: Users | None = None
) -> TableChange:
    """What is to be done about one table; `actual` is None where it does not exist."""
    if actual is None:
        made = Finding("create", "", f"create the table, {len(table.columns)} columns")
        return TableChange(table.dataset, "create", (made,))
    findings = tuple(_findings(table, actual, step, users))
    # Marks are written along with any change; alone they are one.
    return change_of(table.dataset, findings or tuple(unmarked(table, actual.properties)))


def _findings(
    table: TablePlan, actual: ActualTable, step: Step | None, users: Users | None
) -> Iterator[Finding]:
    marks = read_marks(actual.properties)
    shape = [*column_findings(table, actual, marks, users), *layout_findings(table, actual)]
    if actual.empty:
        # Nobody has read or written a row: whatever the table was to be, it can still become.
        yield from (_allowed(finding) for finding in shape)
    else:
        yield from shape
        yield from version_findings(table, marks, shape)
    yield from mark_findings(table, marks, step)
    yield from property_findings(table, actual.properties)


def _allowed(finding: Finding) -> Finding:
    if not finding.refused:
        return finding
    what = f"{finding.subject or finding.kind} takes the contract's form, since no row was ever committed"
    return Finding("renumber", finding.subject, what)


def tightened(table: TablePlan, actual: ActualTable) -> list[str]:
    """The columns that would become required, under the names they have now; their nulls must be counted."""
    may_be_null = {column.field_id: column.name for column in actual.columns if not column.required}
    wanted = [column.field_id for column in table.columns if column.required]
    return [may_be_null[number] for number in wanted if number in may_be_null]
