"""What changes about how a table lies: partitioning, sort order, format."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from a360.contract._findings import Finding
from a360.contract._plan import PartitionPlan, SortPlan, TablePlan

if TYPE_CHECKING:
    from a360.contract._diff import ActualTable

_FILES_STAY = "files that are there stay as they are and are read along; `a360` writes new ones the new way"


def layout_findings(table: TablePlan, actual: "ActualTable") -> Iterator[Finding]:
    """Layout follows renamed columns; what lies there already is never moved by a change of it."""
    renamed = {old.field_id: old.name for old in actual.columns}
    old_names = {column.name: renamed.get(column.field_id, column.name) for column in table.columns}
    planned = tuple(
        PartitionPlan(old_names.get(part.column, part.column), part.transform, part.width)
        for part in table.partition
    )
    if planned != actual.partition:
        by = ", ".join(part.spelled for part in table.partition)
        yield Finding(
            "partition",
            "",
            f"partition what is written from now on by {by}" if by else "partition no more",
            "queries give the same rows; how many files they open changes",
            _FILES_STAY,
        )
    sort = tuple(SortPlan(old_names.get(part.column, part.column), part.descending) for part in table.sort)
    if sort != actual.sort:
        yield Finding(
            "sort",
            "",
            "sort what is written from now on " + (_sorted(table.sort) or "no more"),
            "queries give the same rows; how fast they find them changes",
            _FILES_STAY,
        )
    yield from _format(table, actual)


def _format(table: TablePlan, actual: "ActualTable") -> Iterator[Finding]:
    if table.format_version > actual.format_version:
        yield Finding(
            "format",
            "",
            f"raise the format from {actual.format_version} to {table.format_version}",
            f"programs that know no format {table.format_version} cannot read the table any more",
            "old snapshots stay readable to those that can read the table",
            breaking=True,
        )
    elif table.format_version < actual.format_version:
        yield Finding(
            "format",
            "",
            f"the format would fall from {actual.format_version} to {table.format_version}, which Iceberg "
            "forbids",
            instead=f"write a360.formatVersion {actual.format_version}",
        )


def _sorted(sort: tuple[SortPlan, ...]) -> str:
    parts = (f"{part.column} desc" if part.descending else part.column for part in sort)
    return "by " + ", ".join(parts) if sort else ""
