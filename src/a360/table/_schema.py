"""A table's plan as Iceberg's schema, partitioning and sort order."""

from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import NullOrder, SortDirection, SortField, SortOrder
from pyiceberg.transforms import IdentityTransform, parse_transform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    NestedField,
    PrimitiveType,
    StringType,
    TimestamptzType,
)

from a360.contract import PartitionPlan, TablePlan, parse_type
from a360.errors import ContractError

_TYPES: dict[str, PrimitiveType] = {
    "string": StringType(),
    "boolean": BooleanType(),
    "int": IntegerType(),
    "long": LongType(),
    "double": DoubleType(),
    "date": DateType(),
    "timestamptz": TimestamptzType(),
    "binary": BinaryType(),
}


def schema_of(plan: TablePlan) -> Schema:
    """The Iceberg schema; the key becomes the identifier fields, which must be required."""
    fields = [
        NestedField(each.field_id, each.name, _type(plan, each.type), each.required, doc=each.doc or None)
        for each in plan.columns
    ]
    required = {each.name for each in plan.columns if each.required}
    key = [plan.column(name).field_id for name in plan.key] if required.issuperset(plan.key) else []
    return Schema(*fields, identifier_field_ids=key)


def partitioning_of(plan: TablePlan) -> PartitionSpec:
    """The Iceberg partition spec."""
    return PartitionSpec(
        *(
            PartitionField(
                plan.column(each.column).field_id,
                PARTITION_FIELD_ID_START + at,
                parse_transform(_transform(each)),
                each.name,
            )
            for at, each in enumerate(plan.partition)
        )
    )


def sort_order_of(plan: TablePlan) -> SortOrder:
    """The Iceberg sort order; nulls come first ascending and last descending, as Iceberg has it."""
    fields = (
        SortField(
            source_id=plan.column(each.column).field_id,
            transform=IdentityTransform(),
            direction=SortDirection.DESC if each.descending else SortDirection.ASC,
            null_order=NullOrder.NULLS_LAST if each.descending else NullOrder.NULLS_FIRST,
        )
        for each in plan.sort
    )
    return SortOrder(*fields)


def _type(plan: TablePlan, text: str) -> PrimitiveType:
    parsed = parse_type(text)
    if parsed is None:
        raise ContractError("contract-invalid", f"{text} is no physical type", where=plan.dataset)
    return DecimalType(parsed.precision, parsed.scale) if parsed.name == "decimal" else _TYPES[parsed.name]


def _transform(part: PartitionPlan) -> str:
    return part.transform if part.width is None else f"{part.transform}[{part.width}]"
