"""The plan of a table as Iceberg's JSON, and Iceberg's table metadata as what the plan is compared with."""

import re
from collections.abc import Mapping
from typing import Any, get_args

from a360.contract._diff import ActualColumn, ActualTable
from a360.contract._plan import PartitionPlan, SortPlan, TablePlan, Transform
from a360.contract._types import iceberg_type

FIRST_PARTITION_ID = 1000

_WIDE = re.compile(r"(bucket|truncate)\[(\d+)\]")


def iceberg_schema(table: TablePlan, schema_id: int = 0) -> dict[str, Any]:
    """The schema of a table, with the field ids its contract gives."""
    fields = []
    for column in table.columns:
        field: dict[str, Any] = {
            "id": column.field_id,
            "name": column.name,
            "required": column.required,
            "type": iceberg_type(column.type),
        }
        if column.doc:
            field["doc"] = column.doc
        fields.append(field)
    return {"type": "struct", "schema-id": schema_id, "fields": fields}


def iceberg_partition_spec(table: TablePlan, spec_id: int = 0) -> dict[str, Any]:
    """The partition spec of a table; an unpartitioned table has one without fields."""
    fields = [
        {
            "source-id": table.column(partition.column).field_id,
            "field-id": FIRST_PARTITION_ID + number,
            "name": partition.name,
            "transform": _transform(partition),
        }
        for number, partition in enumerate(table.partition)
    ]
    return {"spec-id": spec_id, "fields": fields}


def iceberg_sort_order(table: TablePlan) -> dict[str, Any]:
    """The sort order of a table; order 0 is Iceberg's word for unsorted."""
    fields = [
        {
            "transform": "identity",
            "source-id": table.column(sort.column).field_id,
            "direction": "desc" if sort.descending else "asc",
            "null-order": "nulls-last" if sort.descending else "nulls-first",
        }
        for sort in table.sort
    ]
    return {"order-id": 1 if fields else 0, "fields": fields}


def actual_table(metadata: Mapping[str, Any]) -> ActualTable:
    """What a table is, from its Iceberg metadata (format 1 to 3)."""
    schema = _current(metadata, "schemas", "schema-id", "current-schema-id") or metadata.get("schema", {})
    spec = _current(metadata, "partition-specs", "spec-id", "default-spec-id") or {}
    order = _current(metadata, "sort-orders", "order-id", "default-sort-order-id") or {}
    names = {field["id"]: field["name"] for field in schema.get("fields", [])}
    partition_fields = spec.get("fields", metadata.get("partition-spec", []))
    return ActualTable(
        columns=tuple(
            ActualColumn(
                name=field["name"],
                type=_type(field["type"]),
                required=field["required"],
                field_id=field["id"],
                doc=field.get("doc", ""),
            )
            for field in schema.get("fields", [])
        ),
        partition=tuple(
            _partition(names.get(field.get("source-id"), "?"), field["transform"])
            for field in partition_fields
            if field["transform"] != "void"
        ),
        sort=tuple(
            SortPlan(_sorted_by(field, names), descending=field["direction"] == "desc")
            for field in order.get("fields", [])
        ),
        properties=dict(metadata.get("properties") or {}),
        format_version=metadata["format-version"],
        empty=not metadata.get("snapshots") and metadata.get("current-snapshot-id") in {None, -1},
    )


def _current(metadata: Mapping[str, Any], many: str, key: str, current: str) -> dict[str, Any] | None:
    wanted = metadata.get(current)
    found: dict[str, Any] | None = next(
        (item for item in metadata.get(many) or [] if item.get(key, 0) == wanted), None
    )
    return found


def _type(type_: object) -> str:
    """A primitive type as spelled; of a nested one only its kind, since no contract has any."""
    return str(type_["type"]) if isinstance(type_, Mapping) else str(type_)


def _transform(partition: PartitionPlan) -> str:
    return partition.transform if partition.width is None else f"{partition.transform}[{partition.width}]"


def _partition(column: str, transform: str) -> PartitionPlan:
    wide = _WIDE.fullmatch(transform)
    name: Any = wide[1] if wide else transform
    if name not in get_args(Transform.__value__):
        return PartitionPlan(f"{transform}({column})")  # no contract says so, hence it equals no plan
    return PartitionPlan(column, name, int(wide[2]) if wide else None)


def _sorted_by(field: Mapping[str, Any], names: Mapping[int, str]) -> str:
    column = names.get(field["source-id"], "?")
    return column if field["transform"] == "identity" else f"{field['transform']}({column})"
