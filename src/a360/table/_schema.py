"""A table's plan in PyIceberg's types; the contract room spells it as Iceberg's JSON."""

from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortOrder

from a360.contract import TablePlan, iceberg_partition_spec, iceberg_schema, iceberg_sort_order


def schema_of(plan: TablePlan) -> Schema:
    """The Iceberg schema of a planned table."""
    return Schema.model_validate(iceberg_schema(plan))


def partitioning_of(plan: TablePlan) -> PartitionSpec:
    """The Iceberg partition spec of a planned table."""
    return PartitionSpec.model_validate(iceberg_partition_spec(plan))


def sort_order_of(plan: TablePlan) -> SortOrder:
    """The Iceberg sort order of a planned table."""
    return SortOrder.model_validate(iceberg_sort_order(plan))
