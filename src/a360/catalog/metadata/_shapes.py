"""The shapes of what clients send, checked before it is looked at.

What is committed is read by every client of the table: one number where a text belongs, and none could
open it any more. Fields that are not listed here pass: they may be of a later specification.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from a360.catalog._errors import BadRequestError
from a360.catalog._wire import Json

Int = Annotated[int, Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
Long = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Texts = dict[str, str]
# Some clients send numbers among properties; they are kept as texts.
Properties = dict[str, str | int | float | bool]
type Type = str | StructType | ListType | MapType


class _Shape(Struct, rename="kebab"):
    pass


class Field(_Shape):
    """A column."""

    id: Int
    name: Annotated[str, Meta(min_length=1)]
    type: Type
    required: bool = False
    doc: str | None = None


class StructType(_Shape, tag_field="type", tag="struct"):
    """Columns in a column."""

    fields: list[Field]


class ListType(_Shape, tag_field="type", tag="list"):
    """A list."""

    element_id: Int
    element: Type
    element_required: bool = False


class MapType(_Shape, tag_field="type", tag="map"):
    """A map."""

    key_id: Int
    key: Type
    value_id: Int
    value: Type
    value_required: bool = False


class Schema(_Shape):
    """A schema of a table or view."""

    fields: list[Field]
    type: Literal["struct"] = "struct"
    schema_id: Int | None = None
    identifier_field_ids: list[Int] | None = None


class PartitionField(_Shape):
    """A field of a partition spec."""

    name: Annotated[str, Meta(min_length=1)]
    transform: str
    source_id: Int | None = None
    source_ids: list[Int] | None = None
    field_id: Int | None = None


class Spec(_Shape):
    """A partition spec."""

    fields: list[PartitionField]
    spec_id: Int | None = None


class SortField(_Shape):
    """A field of a sort order."""

    transform: str
    direction: Literal["asc", "desc"]
    null_order: Literal["nulls-first", "nulls-last"]
    source_id: Int | None = None
    source_ids: list[Int] | None = None


class Order(_Shape):
    """A sort order."""

    fields: list[SortField]
    order_id: Int | None = None


class Snapshot(_Shape):
    """A snapshot."""

    snapshot_id: Long
    timestamp_ms: Long
    manifest_list: str | None = None
    manifests: list[str] | None = None
    summary: Texts | None = None
    parent_snapshot_id: Long | None = None
    sequence_number: Long | None = None
    schema_id: Int | None = None
    first_row_id: Long | None = None
    added_rows: Long | None = None
    key_id: str | None = None


class Blob(_Shape):
    """A blob of a statistics file."""

    type: str
    snapshot_id: Long
    sequence_number: Long
    fields: list[Int]
    properties: Texts | None = None


class PartitionStatistics(_Shape):
    """A file of partition statistics."""

    snapshot_id: Long
    statistics_path: str
    file_size_in_bytes: Long


class Statistics(PartitionStatistics):
    """A file of statistics."""

    file_footer_size_in_bytes: Long
    blob_metadata: list[Blob]


class EncryptedKey(_Shape):
    """A wrapped key."""

    key_id: str
    encrypted_key_metadata: str
    encrypted_by_id: str | None = None
    properties: Texts | None = None


class Representation(_Shape):
    """A query of a view in one dialect."""

    type: str
    sql: str
    dialect: str


class ViewVersion(_Shape):
    """A version of a view."""

    version_id: Int
    timestamp_ms: Long
    schema_id: Int
    summary: Texts
    representations: list[Representation]
    default_namespace: list[str]
    default_catalog: str | None = None


class TableRequest(_Shape):
    """What the creation of a table says beside its name."""

    schema: Schema
    partition_spec: Spec | None = None
    write_order: Order | None = None
    properties: Properties | None = None


class ViewRequest(_Shape):
    """What the creation of a view says beside its name."""

    schema: Schema
    view_version: ViewVersion
    properties: Properties | None = None


def _shape(name: str, **fields: Any) -> type[Struct]:  # noqa: ANN401 -- types are the values
    return msgspec.defstruct(name, list(fields.items()), bases=(_Shape,), rename="kebab")


UPDATES: dict[str, type[Struct]] = {
    "assign-uuid": _shape("AssignUuid", uuid=UUID),
    "upgrade-format-version": _shape("UpgradeFormatVersion", format_version=Int),
    "add-schema": _shape("AddSchema", schema=Schema),
    "set-current-schema": _shape("SetCurrentSchema", schema_id=Int),
    "remove-schemas": _shape("RemoveSchemas", schema_ids=list[Int]),
    "add-spec": _shape("AddSpec", spec=Spec),
    "set-default-spec": _shape("SetDefaultSpec", spec_id=Int),
    "remove-partition-specs": _shape("RemovePartitionSpecs", spec_ids=list[Int]),
    "add-sort-order": _shape("AddSortOrder", sort_order=Order),
    "set-default-sort-order": _shape("SetDefaultSortOrder", sort_order_id=Int),
    "set-location": _shape("SetLocation", location=str),
    "set-properties": _shape("SetProperties", updates=Properties),
    "remove-properties": _shape("RemoveProperties", removals=list[str]),
    "add-encryption-key": _shape("AddEncryptionKey", encryption_key=EncryptedKey),
    "remove-encryption-key": _shape("RemoveEncryptionKey", key_id=str),
    "add-snapshot": _shape("AddSnapshot", snapshot=Snapshot),
    "remove-snapshot-ref": _shape("RemoveSnapshotRef", ref_name=str),
    "remove-snapshots": _shape("RemoveSnapshots", snapshot_ids=list[Long]),
    "set-statistics": _shape("SetStatistics", statistics=Statistics),
    "remove-statistics": _shape("RemoveStatistics", snapshot_id=Long),
    "set-partition-statistics": _shape("SetPartitionStatistics", partition_statistics=PartitionStatistics),
    "remove-partition-statistics": _shape("RemovePartitionStatistics", snapshot_id=Long),
    "add-view-version": _shape("AddViewVersion", view_version=ViewVersion),
    "set-current-view-version": _shape("SetCurrentViewVersion", view_version_id=Int),
}


class SetSnapshotRef(_Shape):
    """A branch or tag."""

    ref_name: Annotated[str, Meta(min_length=1)]
    type: Literal["branch", "tag"]
    snapshot_id: Long
    max_ref_age_ms: Long | None = None
    max_snapshot_age_ms: Long | None = None
    min_snapshots_to_keep: Int | None = None


UPDATES["set-snapshot-ref"] = SetSnapshotRef


class AssertRefSnapshotId(_Shape):
    """A reference stands where it stood."""

    ref: str
    snapshot_id: Long | None = None


REQUIREMENTS: dict[str, type[Struct]] = {
    "assert-create": _shape("AssertCreate"),
    "assert-table-uuid": _shape("AssertTableUuid", uuid=str),
    "assert-view-uuid": _shape("AssertViewUuid", uuid=str),
    "assert-ref-snapshot-id": AssertRefSnapshotId,
    "assert-last-assigned-field-id": _shape("AssertLastAssignedFieldId", last_assigned_field_id=Int),
    "assert-current-schema-id": _shape("AssertCurrentSchemaId", current_schema_id=Int),
    "assert-last-assigned-partition-id": _shape("AssertLastPartitionId", last_assigned_partition_id=Int),
    "assert-default-spec-id": _shape("AssertDefaultSpecId", default_spec_id=Int),
    "assert-default-sort-order-id": _shape("AssertDefaultSortOrderId", default_sort_order_id=Int),
}


def check_shape(value: Json, shape: type[Struct], what: str) -> None:
    """Refuse what has not the shape it must have; the message names the place and not what stands there.

    Raises:
        BadRequestError: Something is missing or of the wrong type.
    """
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError as broken:
        raise BadRequestError(f"Malformed {what}: {broken}") from broken


def without_nulls(value: Any) -> Any:  # noqa: ANN401 -- raw JSON
    """The value without keys that say null: some clients send them for what they leave out, few read them."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value
