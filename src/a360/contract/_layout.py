"""Partitioning and sort order as contracts write them."""

import re

from a360.contract._plan import PartitionPlan, SortPlan
from a360.contract._types import PhysicalType

_PARTITION = re.compile(
    r"(?P<plain>[a-z][a-z0-9_]*)"
    r"|(?P<time>year|month|day|hour)\((?P<of>[a-z][a-z0-9_]*)\)"
    r"|(?P<hashed>bucket|truncate)\((?P<width>[1-9]\d{0,5}),\s*(?P<by>[a-z][a-z0-9_]*)\)"
)
_SORT = re.compile(r"(?P<column>[a-z][a-z0-9_]*)(?: (?P<direction>asc|desc))?")

# transform → the physical types it works on
_FITS = {
    "year": {"date", "timestamptz"},
    "month": {"date", "timestamptz"},
    "day": {"date", "timestamptz"},
    "hour": {"timestamptz"},
    "bucket": {"int", "long", "decimal", "date", "timestamptz", "string", "binary"},
    "truncate": {"int", "long", "decimal", "string", "binary"},
}


def parse_partition(text: str) -> PartitionPlan | None:
    """`col`, `month(col)`, `bucket(16, col)`, …; none for anything else."""
    match = _PARTITION.fullmatch(text)
    if match is None:
        return None
    if match["plain"]:
        return PartitionPlan(match["plain"])
    if match["of"]:
        return PartitionPlan(match["of"], match["time"])  # type: ignore[arg-type] # the pattern has only transforms
    return PartitionPlan(match["by"], match["hashed"], int(match["width"]))  # type: ignore[arg-type] # likewise


def parse_sort(text: str) -> SortPlan | None:
    """`col` or `col desc`; none for anything else."""
    match = _SORT.fullmatch(text)
    return SortPlan(match["column"], match["direction"] == "desc") if match else None


def partition_fits(partition: PartitionPlan, column: PhysicalType) -> bool:
    """Whether the transform works on values of the type."""
    return column.name in _FITS.get(partition.transform, {column.name})
