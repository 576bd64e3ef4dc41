"""From metadata and a list of updates to new metadata."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from a360.catalog._errors import BadRequestError, ValidationError
from a360.catalog._wire import Json
from a360.catalog.metadata import _snapshots, _structure
from a360.catalog.metadata._create import DEFAULT_VERSION, empty_metadata, format_version, mirror_v1, now_ms
from a360.catalog.metadata._draft import Draft
from a360.catalog.metadata._partitioning import check_fields
from a360.catalog.metadata._shapes import UPDATES, check_shape, without_nulls

_UPDATES: Mapping[str, Callable[[Draft, Json], None]] = {
    "assign-uuid": _structure.assign_uuid,
    "upgrade-format-version": _structure.upgrade_format_version,
    "add-schema": _structure.add_schema,
    "set-current-schema": _structure.set_current_schema,
    "remove-schemas": _structure.remove_schemas,
    "add-spec": _structure.add_spec,
    "set-default-spec": _structure.set_default_spec,
    "remove-partition-specs": _structure.remove_partition_specs,
    "add-sort-order": _structure.add_sort_order,
    "set-default-sort-order": _structure.set_default_sort_order,
    "set-location": _structure.set_location,
    "set-properties": _structure.set_properties,
    "remove-properties": _structure.remove_properties,
    "add-encryption-key": _structure.add_encryption_key,
    "remove-encryption-key": _structure.remove_encryption_key,
    "add-snapshot": _snapshots.add_snapshot,
    "set-snapshot-ref": _snapshots.set_snapshot_ref,
    "remove-snapshot-ref": _snapshots.remove_snapshot_ref,
    "remove-snapshots": _snapshots.remove_snapshots,
    "set-statistics": _snapshots.set_statistics,
    "remove-statistics": _snapshots.remove_statistics,
    "set-partition-statistics": _snapshots.set_partition_statistics,
    "remove-partition-statistics": _snapshots.remove_partition_statistics,
}

UPDATE_ACTIONS = frozenset(_UPDATES)

_DEFAULTS = ("current-schema-id", "default-spec-id", "default-sort-order-id")
_BY_DEFAULT: tuple[tuple[str, str, str, Literal["partition", "sort"]], ...] = (
    ("partition-specs", "spec-id", "default-spec-id", "partition"),
    ("sort-orders", "order-id", "default-sort-order-id", "sort"),
)
_REQUIRED = ("table-uuid", "location", "schemas", "current-schema-id", "partition-specs", "default-spec-id")


def apply_updates(base: Json, updates: Sequence[Json]) -> Json:
    """New metadata after all updates, in their order; the base itself where they change nothing.

    Raises:
        BadRequestError: An update is unknown, malformed or would make the metadata invalid.
        CommitFailedError: An update was prepared against an older state of the table.
    """
    draft = Draft(base)
    for update in updates:
        _apply(draft, update)
    _snapshots.tidy_snapshot_log(draft)
    if not draft.changed:
        return base
    _check_defaults(base, draft)
    stamp = draft.timestamp_ms if draft.timestamp_ms is not None else now_ms()
    draft.set("last-updated-ms", max(stamp, int(base.get("last-updated-ms") or 0)))
    mirror_v1(draft.document)
    return draft.document


def _check_defaults(base: Json, draft: Draft) -> None:
    """New files are partitioned and sorted by columns of the current schema; dropping these is refused."""
    if not any(draft.get(key) != base.get(key) for key in _DEFAULTS):
        return
    for specs, number, current, use in _BY_DEFAULT:
        for each in draft.items(specs):
            if each[number] == draft.get(current):
                check_fields(each["fields"], draft.schema(), use)


def create_by_updates(updates: Sequence[Json]) -> Json:
    """Metadata of a table whose creation was staged: everything is in the updates of the commit.

    Raises:
        BadRequestError: The updates do not make a whole table.
    """
    versions = [format_version(each.get("format-version")) for each in updates if _is_upgrade(each)]
    base = empty_metadata(max(versions, default=DEFAULT_VERSION))
    base.pop("last-updated-ms")
    document = apply_updates(base, updates)
    missing = [key for key in _REQUIRED if document.get(key) in (None, [])]
    if missing:
        raise ValidationError(f"Cannot create table: no update sets {', '.join(missing)}")
    if not document["sort-orders"]:
        document = {**document, "sort-orders": [{"order-id": 0, "fields": []}], "default-sort-order-id": 0}
    return document


def _is_upgrade(update: Json) -> bool:
    return update.get("action") == "upgrade-format-version"


def _apply(draft: Draft, update: Json) -> None:
    action = update.get("action")
    if not isinstance(action, str) or action not in _UPDATES:
        raise BadRequestError(f"Cannot apply unknown update: {action}")
    check_shape(update, UPDATES[action], f"update {action}")
    _UPDATES[action](draft, without_nulls(update))
