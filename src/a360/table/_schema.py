"""A table's plan in PyIceberg's types, and the one commit that makes a table as its plan has it."""

from collections.abc import Iterator, Sequence

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.sorting import SortOrder
from pyiceberg.table.update import (
    AddPartitionSpecUpdate,
    AddSchemaUpdate,
    AddSortOrderUpdate,
    AssertCurrentSchemaId,
    AssertDefaultSortOrderId,
    AssertDefaultSpecId,
    AssertLastAssignedFieldId,
    AssertLastAssignedPartitionId,
    AssertRefSnapshotId,
    AssertTableUUID,
    RemovePropertiesUpdate,
    SetCurrentSchemaUpdate,
    SetDefaultSortOrderUpdate,
    SetDefaultSpecUpdate,
    SetPropertiesUpdate,
    TableRequirement,
    TableUpdate,
    UpgradeFormatVersionUpdate,
)

from a360.contract import TablePlan, iceberg_partition_spec, iceberg_schema, iceberg_sort_order

_MAIN = "main"


def schema_of(plan: TablePlan) -> Schema:
    """The Iceberg schema of a planned table."""
    return Schema.model_validate(iceberg_schema(plan))


def partitioning_of(plan: TablePlan) -> PartitionSpec:
    """The Iceberg partition spec of a planned table."""
    return PartitionSpec.model_validate(iceberg_partition_spec(plan))


def sort_order_of(plan: TablePlan) -> SortOrder:
    """The Iceberg sort order of a planned table."""
    return SortOrder.model_validate(iceberg_sort_order(plan))


def evolution(table: Table, plan: TablePlan, gone: Sequence[str] = ()) -> Sequence[TableUpdate]:
    """The updates that make a table as planned, ids included; `gone` are properties to take away.

    They go into one commit, so that no reader sees the columns of one contract and the layout of another.
    """
    return (
        *_format(table, plan),
        *_schema(table, plan),
        *_partitioning(table, plan),
        *_sorting(table, plan),
        *_properties(table, plan, gone),
    )


def unchanged(table: Table, *, rows: bool) -> Sequence[TableRequirement]:
    """What must hold for updates computed from a table to fit it: nobody else has evolved it.

    With `rows`, nobody has written to it either: what was found out about its rows must still be true.
    """
    metadata = table.metadata
    return (
        AssertTableUUID(uuid=metadata.table_uuid),
        AssertCurrentSchemaId(current_schema_id=metadata.current_schema_id),
        AssertLastAssignedFieldId(last_assigned_field_id=metadata.last_column_id),
        AssertDefaultSpecId(default_spec_id=metadata.default_spec_id),
        AssertLastAssignedPartitionId(last_assigned_partition_id=metadata.last_partition_id),
        AssertDefaultSortOrderId(default_sort_order_id=metadata.default_sort_order_id),
        *([AssertRefSnapshotId(ref=_MAIN, snapshot_id=metadata.current_snapshot_id)] if rows else []),
    )


def _format(table: Table, plan: TablePlan) -> Iterator[TableUpdate]:
    if plan.format_version > table.metadata.format_version:
        yield UpgradeFormatVersionUpdate(format_version=plan.format_version)


def _schema(table: Table, plan: TablePlan) -> Iterator[TableUpdate]:
    wanted = schema_of(plan)
    if table.schema().fields == wanted.fields:
        return
    known = next((s for s in table.metadata.schemas if s.fields == wanted.fields), None)
    if known is None:
        # Catalogs number schemas themselves; but some take one with a number they know for the one they have.
        number = max(each.schema_id for each in table.metadata.schemas) + 1
        yield AddSchemaUpdate(schema_=Schema(*wanted.fields, schema_id=number))
    yield SetCurrentSchemaUpdate(schema_id=-1 if known is None else known.schema_id)


def _partitioning(table: Table, plan: TablePlan) -> Iterator[TableUpdate]:
    wanted = [(field.source_id, str(field.transform), field.name) for field in partitioning_of(plan).fields]
    current = [(field.source_id, str(field.transform)) for field in table.spec().fields]
    if current == [(source, transform) for source, transform, _ in wanted]:
        return
    known = {
        (field.source_id, str(field.transform)): field
        for spec in table.metadata.partition_specs
        for field in spec.fields
    }
    free = (table.metadata.last_partition_id or 999) + 1
    fields: list[PartitionField] = []
    for field in partitioning_of(plan).fields:
        before = known.get((field.source_id, str(field.transform)))
        if before is None:
            field_id, free = free, free + 1
        else:
            field_id = before.field_id
        fields.append(PartitionField(field.source_id, field_id, field.transform, field.name))
    same = next((s for s in table.metadata.partition_specs if list(s.fields) == fields), None)
    if same is None:
        spec_id = 1 + max(spec.spec_id for spec in table.metadata.partition_specs)
        yield AddPartitionSpecUpdate(spec=PartitionSpec(*fields, spec_id=spec_id))
    yield SetDefaultSpecUpdate(spec_id=-1 if same is None else same.spec_id)


def _sorting(table: Table, plan: TablePlan) -> Iterator[TableUpdate]:
    wanted = sort_order_of(plan)
    if table.sort_order().fields == wanted.fields:
        return
    known = next((o for o in table.metadata.sort_orders if o.fields == wanted.fields), None)
    if known is None:
        order_id = 1 + max((order.order_id for order in table.metadata.sort_orders), default=0)
        # Order 0 is the unsorted one by definition.
        order_id = order_id if wanted.fields else 0
        yield AddSortOrderUpdate(sort_order=SortOrder(*wanted.fields, order_id=order_id))
    yield SetDefaultSortOrderUpdate(sort_order_id=-1 if known is None else known.order_id)


def _properties(table: Table, plan: TablePlan, gone: Sequence[str]) -> Iterator[TableUpdate]:
    new = {name: value for name, value in plan.properties.items() if table.properties.get(name) != value}
    if new:
        yield SetPropertiesUpdate(updates=new)
    if gone:
        yield RemovePropertiesUpdate(removals=list(gone))
