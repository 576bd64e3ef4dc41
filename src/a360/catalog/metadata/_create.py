"""The metadata of a table that does not exist yet."""

import time
import uuid

from a360.catalog._errors import BadRequestError
from a360.catalog._wire import Json
from a360.catalog.metadata._check_schema import check_schema
from a360.catalog.metadata._partitioning import check_fields, fresh_order, fresh_spec, last_partition_id
from a360.catalog.metadata._schemas import highest_id, with_fresh_ids
from a360.catalog.metadata._shapes import TableRequest, check_shape, without_nulls

SUPPORTED_VERSIONS = (1, 2, 3)
DEFAULT_VERSION = 2


def now_ms() -> int:
    """The time, as table metadata writes it."""
    return time.time_ns() // 1_000_000


def new_metadata(request: Json, location: str) -> Json:
    """What a CreateTableRequest asks for, as complete table metadata.

    Raises:
        BadRequestError: The format version is none of ours, or the schema cannot be had in it.
    """
    check_shape(request, TableRequest, "request")
    properties = {str(key): str(value) for key, value in (request.get("properties") or {}).items()}
    version = format_version(properties.pop("format-version", DEFAULT_VERSION))
    asked = without_nulls({key: request.get(key) for key in ("schema", "partition-spec", "write-order")})
    schema, moved = with_fresh_ids(asked["schema"])
    check_schema(schema, version)
    spec = fresh_spec(asked.get("partition-spec"), moved)
    order = fresh_order(asked.get("write-order"), moved)
    check_fields(spec["fields"], schema, "partition")
    check_fields(order["fields"], schema, "sort")
    document: Json = {
        **empty_metadata(version),
        "location": location,
        "table-uuid": str(uuid.uuid4()),
        "last-column-id": highest_id(schema),
        "schemas": [schema],
        "current-schema-id": 0,
        "partition-specs": [spec],
        "default-spec-id": 0,
        "last-partition-id": last_partition_id([spec]),
        "sort-orders": [order],
        "default-sort-order-id": order["order-id"],
        "properties": properties,
    }
    mirror_v1(document)
    return document


def mirror_v1(document: Json) -> None:
    """Keep the two fields that readers of v1 look for, or drop them after an upgrade."""
    if document["format-version"] > 1:
        document.pop("schema", None)
        document.pop("partition-spec", None)
        return
    for each in document["schemas"]:
        if each["schema-id"] == document.get("current-schema-id"):
            document["schema"] = each
    for each in document["partition-specs"]:
        if each["spec-id"] == document.get("default-spec-id"):
            document["partition-spec"] = each["fields"]


def empty_metadata(version: int) -> Json:
    """The fields that every table has and that no update sets, before the first update."""
    document: Json = {
        "format-version": version,
        "last-updated-ms": now_ms(),
        "last-column-id": 0,
        "schemas": [],
        "partition-specs": [],
        "last-partition-id": last_partition_id([]),
        "sort-orders": [],
        "properties": {},
        "refs": {},
        "snapshots": [],
        "snapshot-log": [],
        "metadata-log": [],
    }
    add_version_fields(document, version)
    return document


def add_version_fields(document: Json, version: int) -> None:
    """Add the counters that came with v2 (sequence numbers) and v3 (row ids)."""
    if version >= 2:  # noqa: PLR2004 -- Iceberg's format versions
        document.setdefault("last-sequence-number", 0)
    if version >= 3:  # noqa: PLR2004
        document.setdefault("next-row-id", 0)


def format_version(text: object) -> int:
    """A format version out of a property or an update.

    Raises:
        BadRequestError: It is none that this catalog can hold.
    """
    try:
        version = int(str(text))
    except ValueError as broken:
        raise BadRequestError(f"Invalid format version: {text}") from broken
    if version not in SUPPORTED_VERSIONS:
        newest = max(SUPPORTED_VERSIONS)
        raise BadRequestError(f"Unsupported format version: v{version} (supported: v{newest})")
    return version
